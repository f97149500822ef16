"""The running digest against hashlib over the whole, and what it keeps meanwhile."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security import running_digest
from security.running_digest import RunningDigest


class CountedPool(ThreadPoolExecutor):
    """Tells how many chunks were handed to it and not hashed yet, at most."""

    def __init__(self) -> None:
        super().__init__(max_workers=4)
        self.handed: list[Future[Any]] = []
        self.most_waiting = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        waiting = sum(not future.done() for future in self.handed)
        self.most_waiting = max(self.most_waiting, waiting + 1)
        self.handed.append(super().submit(fn, *args, **kwargs))
        return self.handed[-1]


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountedPool]:
    with CountedPool() as made:
        monkeypatch.setattr(running_digest, "_hashing", made)
        yield made


@pytest.mark.property
@given(st.lists(st.binary(max_size=5000)), st.integers(0, 10_000))
def test_however_it_is_cut_it_is_the_digest_of_the_whole(chunks: list[bytes], large: int) -> None:
    digest = RunningDigest()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running_digest, "LARGE_BYTES", large)
        for chunk in chunks:
            digest.update(chunk)

    assert digest.hexdigest() == hashlib.sha256(b"".join(chunks)).hexdigest()


def test_a_small_body_is_handed_to_nobody(pool: CountedPool) -> None:
    digest = RunningDigest()

    digest.update(bytes(running_digest.LARGE_BYTES - 1))

    assert pool.handed == []


def test_what_a_body_has_had_so_far_makes_it_large(
    pool: CountedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_digest, "LARGE_BYTES", 10)
    digest = RunningDigest()
    digest.update(b"12345")
    digest.update(b"6789")
    assert len(pool.handed) == 0

    digest.update(b"0")
    assert len(pool.handed) == 1


def test_a_large_body_keeps_one_chunk_waiting_and_no_more(
    pool: CountedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_digest, "LARGE_BYTES", 0)
    digest = RunningDigest()

    for number in range(50):
        digest.update(bytes([number]) * 100_000)

    assert len(pool.handed) == 50
    assert pool.most_waiting == 1


def test_two_large_bodies_at_once_do_not_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_digest, "LARGE_BYTES", 0)
    together = threading.Barrier(2)

    def hash_all(byte: int) -> str:
        digest = RunningDigest()
        together.wait()
        for _ in range(200):
            digest.update(bytes([byte]) * 3000)
        return digest.hexdigest()

    with ThreadPoolExecutor(2) as clients:
        told = list(clients.map(hash_all, (1, 2)))

    assert told == [hashlib.sha256(bytes([byte]) * 600_000).hexdigest() for byte in (1, 2)]
