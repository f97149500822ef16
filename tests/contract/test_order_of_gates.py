"""The gates in their order: what breaks accepts nothing, and the scanner is asked last."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import samples
from tests.client import upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.files import archives
from tests.stack import Server

pytestmark = pytest.mark.django_db

# As `filesvc.intake` calls them, from the first to the last.
GATES = (
    "check_upload_headers",
    "read_content_digest",
    "check_quotas",
    "check_head_room",
    "check_filename",
    "check_not_empty",
    "identify_type",
    "inspect_structure",
    "scan_for_malware",
)
# Those whose answer the next step needs; the others raise or say nothing.
ANSWERING = ("check_filename", "identify_type", "scan_for_malware")


def break_down(*_: Any, **__: Any) -> None:
    """What no gate expects of itself."""
    raise ZeroDivisionError


@pytest.mark.parametrize("gate", GATES)
def test_a_gate_that_breaks_accepts_nothing(
    token: str, storage: Path, monkeypatch: pytest.MonkeyPatch, gate: str
) -> None:
    monkeypatch.setattr(f"filesvc.intake.{gate}", break_down)

    assert_problem(upload(token, b"hello"), 500, "internal_error")

    assert_nothing_kept(storage)


@pytest.mark.parametrize("gate", ANSWERING)
def test_a_gate_that_says_nothing_accepts_nothing(
    token: str, storage: Path, monkeypatch: pytest.MonkeyPatch, gate: str
) -> None:
    monkeypatch.setattr(f"filesvc.intake.{gate}", lambda *_: None)

    answer = upload(token, b"hello")

    assert answer.status >= 400, answer.body
    assert_nothing_kept(storage)


BEFORE_THE_SCANNER: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "nothing at all": (lambda: b"", "a.txt", "empty_file"),
    "a bomb": (lambda: archives.flat_bomb(64), "a.zip", "archive_limits_exceeded"),
    "four archives in each other": (lambda: archives.nested(6), "a.zip", "archive_limits_exceeded"),
    "a zipped bomb in gzip": (
        lambda: samples.archive({"a.gz": gzip.compress(bytes(300 * 1024 * 1024))}),
        "a.zip",
        "archive_limits_exceeded",
    ),
    "a bad name": (lambda: b"hello", "a.php.txt", "extension_not_allowed"),
    "a program": (lambda: b"MZ" + bytes(200), "a.png", "unsupported_file_type"),
}


@pytest.mark.parametrize("case", BEFORE_THE_SCANNER)
def test_the_gates_before_the_scanner_need_none(
    token: str, storage: Path, settings: Any, servers: dict[str, Server], case: str
) -> None:
    settings.ALLOWED_TYPES = ["application/zip", "text/plain", "image/png"]
    make, name, code = BEFORE_THE_SCANNER[case]
    content = make()

    with servers["clamd"].frozen():
        answer = upload(token, content, name)

    assert answer.code == code, answer.body
    assert_nothing_kept(storage)
