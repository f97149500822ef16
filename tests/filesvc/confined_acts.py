"""Confines itself, tries one thing a process that was taken over would try, and tells the end.

Run as `python -m tests.filesvc.confined_acts ACT VICTIM PORT FILE`: the id of a process it may
signal, a port it may connect to, and a file it may read and write, all before it is confined.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filesvc.confinement import confine

MEMORY_BYTES = 512 * 1024**2
PTRACE_ATTACH = 16
F_SETSIG = 10
# Numbers of system calls that Python has no function for (x86-64, arm64).
NUMBERS = {
    "x86_64": {"tgkill": 234, "rt_sigqueueinfo": 129, "io_uring_setup": 425, "bpf": 321},
    "aarch64": {"tgkill": 131, "rt_sigqueueinfo": 138, "io_uring_setup": 425, "bpf": 280},
}[os.uname().machine]


class Bench:
    """What is at hand: all of it opened before the door was locked."""

    def __init__(self, victim: str, port: str, path: str) -> None:
        self.victim, self.port, self.path = int(victim), int(port), Path(path)
        self.reading = self.path.open("rb")
        self.writing = (self.path.parent / "written").open("wb", buffering=0)
        self.socket = socket.socket()
        self.pair = socket.socketpair()
        self.libc = ctypes.CDLL(None, use_errno=True)

    def call(self, name: str, *arguments: Any) -> None:
        """A system call by its number."""
        self.check(self.libc.syscall(NUMBERS[name], *arguments))

    def check(self, result: int) -> None:
        """What Python's own functions do with a result."""
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def signal_by_descriptor(bench: Bench) -> None:
    """Have the kernel send a signal of our choice to another process when bytes arrive."""
    ours, theirs = bench.pair
    fcntl.fcntl(ours, F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(ours, fcntl.F_SETOWN, bench.victim)
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)
    theirs.send(b"x")


def use_up_descriptors(_: Bench) -> None:
    while True:
        os.dup(0)


def answer_from_what_is_open(bench: Bench) -> None:
    ours, theirs = bench.pair
    ours.sendall(bench.reading.read())
    sys.stdout.write(theirs.recv(100).decode())


def raise_limit(bench: Bench, what: int) -> None:
    _, most = resource.getrlimit(what)
    bench.check(bench.libc.setrlimit(what, (ctypes.c_ulong * 2)(most + 1, most + 1)))


ACTS: dict[str, Callable[[Bench], Any]] = {
    "open a file": lambda b: b.path.open("rb"),
    "make a file": lambda b: (b.path.parent / "new").open("wb"),
    "list a folder": lambda b: os.listdir(b.path.parent),  # noqa: PTH208 - the plainest call
    "remove a file": lambda b: b.path.unlink(),
    "rename a file": lambda b: b.path.rename(b.path.parent / "renamed"),
    "make a folder": lambda b: (b.path.parent / "new").mkdir(),
    "change a mode": lambda b: b.path.chmod(0o777),
    "link a file": lambda b: (b.path.parent / "link").symlink_to(b.path),
    "let a file grow": lambda b: b.writing.write(b"x"),
    "make a socket": lambda b: socket.socket(),
    "connect": lambda b: b.socket.connect(("127.0.0.1", b.port)),
    "listen": lambda b: b.socket.listen(),
    "fork": lambda b: os.fork(),
    "run a program": lambda b: os.execv("/bin/true", ["true"]),  # noqa: S606 - no shell on purpose
    "start a process": lambda b: subprocess.Popen(["true"]),
    "start a thread": lambda b: threading.Thread(target=print).start(),
    "kill": lambda b: os.kill(b.victim, signal.SIGKILL),
    "kill a thread": lambda b: b.call("tgkill", b.victim, b.victim, signal.SIGKILL),
    "queue a signal": lambda b: b.call("rt_sigqueueinfo", b.victim, signal.SIGKILL, bytes(128)),
    "signal by descriptor": signal_by_descriptor,
    "open a process": lambda b: os.pidfd_open(b.victim),
    "trace": lambda b: b.check(b.libc.ptrace(PTRACE_ATTACH, b.victim, None, None)),
    "read memory": lambda b: b.check(b.libc.process_vm_readv(b.victim, None, 0, None, 0, 0)),
    "set up io_uring": lambda b: b.call("io_uring_setup", 1, bytes(120)),
    "load a program into the kernel": lambda b: b.call("bpf", 0, bytes(128), 128),
    "mount": lambda b: b.check(b.libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)),
    "become somebody": lambda b: os.setuid(0),
    "raise the memory": lambda b: raise_limit(b, resource.RLIMIT_AS),
    "raise the descriptors": lambda b: raise_limit(b, resource.RLIMIT_NOFILE),
    "raise the file size": lambda b: raise_limit(b, resource.RLIMIT_FSIZE),
    "take more memory": lambda b: bytearray(MEMORY_BYTES),
    "use up descriptors": use_up_descriptors,
    "abort": lambda b: os.abort(),
    "answer from what is open": answer_from_what_is_open,
    "nothing": lambda b: None,
}


def main(act: str, victim: str, port: str, path: str) -> None:
    bench = Bench(victim, port, path)
    confine(MEMORY_BYTES)
    try:
        ACTS[act](bench)
    except (OSError, MemoryError, RuntimeError) as error:
        sys.stdout.write(f"{type(error).__name__} {getattr(error, 'errno', '-')}")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
