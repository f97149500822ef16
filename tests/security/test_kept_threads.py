"""Threads that are kept: work is done by them, in a forked child as well."""

from __future__ import annotations

import os
import threading

from security.kept_threads import KeptThreads
from tests.stack import wait_until


def test_work_is_done_by_another_thread_and_its_answer_told() -> None:
    threads = KeptThreads("test")

    done = threads.submit(lambda word: (word, threading.get_ident()), "done")

    word, thread = done.result(10)
    assert word == "done"
    assert thread != threading.get_ident()


def test_a_forked_child_has_threads_of_its_own() -> None:
    threads = KeptThreads("test")
    threads.submit(int).result(10)  # a thread that the child does not get

    child = os.fork()
    if child == 0:
        told = 1
        try:
            told = threads.submit(lambda: 42).result(10)
        finally:
            os._exit(told)
    ended: list[int] = []

    def is_over() -> bool:
        pid, status = os.waitpid(child, os.WNOHANG)
        ended.extend([os.waitstatus_to_exitcode(status)] if pid else [])
        return bool(pid)

    wait_until(is_over, 30, "the child has ended")
    assert ended == [42]
