"""Services for the black-box tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.service import Service, cloned


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """One running service for all tests that leave it running."""
    with cloned() as started:
        started.start()
        yield started


@pytest.fixture
def own_service() -> Iterator[Service]:
    """A service of this test alone, not started yet."""
    with cloned() as stopped:
        yield stopped
