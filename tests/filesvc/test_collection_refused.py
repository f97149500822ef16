"""Files that are refused, each with its code, and files that are let in and then not handed out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from filesvc.sandbox import stop_sandbox
from tests.client import upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.files.refused import FAILED, QUARANTINED, REFUSED
from tests.filesvc.sending import EVERY_TYPE, look, send, staged

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_sandbox", "every_type")]


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[None]:
    """All of them are described by one confined process."""
    stop_sandbox()
    yield
    stop_sandbox()


@pytest.fixture
def every_type(settings: Any) -> None:
    """Archives are let in too."""
    settings.ALLOWED_TYPES = EVERY_TYPE


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused_with_its_code_and_leaves_nothing(
    name: str, token: str, storage: Path
) -> None:
    make, status, code = REFUSED[name]

    assert_problem(upload(token, make(), name, claimed=None), status, code)

    assert_nothing_kept(storage)


@pytest.mark.parametrize("name", QUARANTINED)
def test_what_runs_is_found_by_the_worker_and_quarantined(
    name: str, token: str, storage: Path
) -> None:
    told = send(token, QUARANTINED[name](), name)

    assert (told["status"], told["processed"]) == ("quarantined", False)
    assert told["failure"]["code"] == "active_content"
    assert told["metadata"]["kind"] == {"pdf": "pdf", "docx": "document"}[name.rpartition(".")[2]]
    assert told["preview"] is None
    for what in ("content", "preview"):
        assert_problem(look(token, told, what), 403, "file_quarantined")
    assert staged(storage) == []


@pytest.mark.parametrize("name", FAILED)
def test_what_cannot_be_read_fails_and_is_not_handed_out(
    name: str, token: str, storage: Path
) -> None:
    told = send(token, FAILED[name](), name)

    assert (told["status"], told["processed"], told["attempts"]) == ("failed", False, 1)
    assert told["failure"]["code"] == "corrupt_content"
    assert (told["metadata"], told["preview"]) == ({}, None)
    for what in ("content", "preview"):
        assert_problem(look(token, told, what), 409, "state_conflict")
    assert staged(storage) == []
