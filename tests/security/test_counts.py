"""The limiter's Redis holds whole numbers; whatever else lies there is not believed, or loaded."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from hypothesis import given
from hypothesis import strategies as st

from security.counts import WholeNumbers
from security.limit_cache import FallbackRedisCache

KEY = "planted"


class Trap:
    """A pickle that leaves a file behind when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@given(number=st.integers())
def test_a_number_comes_back_as_it_was(number: int) -> None:
    kept = WholeNumbers().dumps(number)

    assert WholeNumbers().loads(str(kept).encode()) == number


@given(kept=st.binary())
def test_any_bytes_are_a_number_or_refused(kept: bytes) -> None:
    try:
        number = WholeNumbers().loads(kept)
    except ValueError:
        return
    assert number == int(kept)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, {}])
def test_nothing_else_is_written(value: object) -> None:
    with pytest.raises(TypeError):
        WholeNumbers().dumps(value)


@pytest.mark.usefixtures("fresh_limits")
def test_a_pickle_in_redis_is_never_loaded(tmp_path: Path) -> None:
    cache = caches["default"]
    assert isinstance(cache, FallbackRedisCache)
    trap = tmp_path / "loaded"
    client = cache._cache.get_client(write=True)
    client.set(cache.make_and_validate_key(KEY), pickle.dumps(Trap(trap)))

    assert cache.get(KEY, 7) == 7

    assert not trap.exists()
    pickle.loads(pickle.dumps(Trap(trap)))  # noqa: S301 - the trap does snap
    assert trap.exists()
