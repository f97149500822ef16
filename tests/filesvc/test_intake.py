"""One upload, from its bytes to its row."""

from __future__ import annotations

from pathlib import Path

import pytest

from filesvc.models import File
from tests import samples
from tests.client import upload
from tests.conftest import assert_nothing_kept, assert_problem

pytestmark = pytest.mark.django_db


def test_a_clean_file_is_kept_with_its_bytes(token: str, storage: Path) -> None:
    answer = upload(token, b"hello", "note.txt")

    assert answer.status == 201, answer.body
    file = File.objects.get()
    assert answer.headers["location"] == f"/files/{file.id}/"
    kept = [path for path in storage.rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [b"hello"]


def test_malware_is_refused_and_leaves_nothing(token: str, storage: Path) -> None:
    answer = upload(token, samples.EICAR + b"\n", "note.txt")

    assert_problem(answer, 422, "malware_detected")
    assert_nothing_kept(storage)
