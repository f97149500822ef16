"""What takes nothing from a quota: an upload that is refused, crashes, or is not committed."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection

from tests import samples
from tests.client import Answer, post_form, upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.filesvc.test_quotas import stored_bytes, usage

pytestmark = pytest.mark.django_db

REFUSED: dict[str, Callable[[str], Answer]] = {
    "malware": lambda token: upload(token, samples.EICAR),
    "bad name": lambda token: upload(token, b"hello", "a.exe"),
    "cut short": lambda token: post_form(token, b"--", CONTENT_LENGTH="2"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_upload_takes_nothing(token: str, settings: Any, kind: str) -> None:
    settings.QUOTA_FILES_PER_DAY, settings.QUOTA_STORED_BYTES = 1, 100

    assert REFUSED[kind](token).status in (400, 422)

    assert (usage(), stored_bytes()) == ((0, 0), 0)
    assert upload(token, b"hello").status == 201


@pytest.mark.parametrize("error", [OSError(errno.EIO, ""), OSError(errno.ENOSPC, ""), MemoryError])
def test_a_crashed_upload_takes_nothing(
    token: str, settings: Any, storage: Path, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    settings.QUOTA_FILES_PER_DAY, settings.QUOTA_STORED_BYTES = 1, 100

    def fail(descriptor: int) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", fail)
        assert upload(token, b"hello").status >= 500

    assert_nothing_kept(storage)
    assert (usage(), stored_bytes()) == ((0, 0), 0)
    assert upload(token, b"hello").status == 201


@pytest.mark.django_db(transaction=True)
def test_a_commit_that_fails_takes_nothing(
    token: str, settings: Any, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.QUOTA_FILES_PER_DAY, settings.QUOTA_STORED_BYTES = 1, 100

    def fail() -> None:
        raise OperationalError("the connection is gone")

    with monkeypatch.context() as broken:
        broken.setattr(connection, "_commit", fail)
        assert_problem(upload(token, b"hello"), 503, "database_unavailable")

    assert_nothing_kept(storage)
    assert (usage(), stored_bytes()) == ((0, 0), 0)
    assert upload(token, b"hello").status == 201
