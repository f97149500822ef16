"""Any store at all, against a model of what differs: told whole, mended once, and then in order."""

from __future__ import annotations

import contextlib
import io
import time
from pathlib import Path

import pytest
import uuid_utils.compat
from django.core.management import call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from filesvc.models import File, Status
from filesvc.repairs import store
from filesvc.stores.places import FILES
from tests.conftest import kept_files
from tests.filesvc.conftest import MakeFile
from tests.s3 import drop_kept, put_kept

pytestmark = pytest.mark.django_db

FINAL = [Status.QUEUED, Status.PROCESSED, Status.QUARANTINED]
# What may have become of a row's bytes, and what is told of it.
SPOILED = {"whole": None, "lost": "bytes missing", "cut": "bytes changed", "other": "bytes changed"}
rows = st.lists(
    st.tuples(st.sampled_from(FINAL), st.sampled_from(sorted(SPOILED))), min_size=1, max_size=6
)


def run(flag: str) -> set[tuple[str, str]]:
    """Kind and name of each difference that is told."""
    out = io.StringIO()
    with contextlib.suppress(SystemExit):
        call_command("reconcile", flag, stdout=out, stderr=io.StringIO())
    lines = out.getvalue().splitlines()[:-1]
    return {(line[:20].strip(), line[21:].split()[0].rpartition("/")[2]) for line in lines}


def spoil(file: File, how: str) -> None:
    """Do to the bytes what the word says."""
    if how == "lost":
        drop_kept(FILES, file.id)
    elif how != "whole":
        put_kept(FILES, file.id, {"cut": b"hell", "other": b"jello"}[how])


@settings(max_examples=30)
@given(rows=rows, orphans=st.integers(0, 3))
def test_a_store_in_any_state_is_told_as_it_is_and_put_in_order(
    storage: Path,
    make_file: MakeFile,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[tuple[str, str]],
    orphans: int,
) -> None:
    forget_all(storage)
    moment = time.time() + 2 * 3600
    monkeypatch.setattr(store, "time", lambda: moment)
    expected = set()
    for status, how in rows:
        file = make_file(status=status)
        spoil(file, how)
        if SPOILED[how]:
            expected.add((str(SPOILED[how]), str(file.id)))
    for _ in range(orphans):
        lost = uuid_utils.compat.uuid7()
        put_kept(FILES, lost, b"hello")
        expected.add(("no row for bytes", lost.hex))

    assert run("--dry-run") == expected
    assert run("--dry-run") == expected, "a dry run changes nothing"
    assert run("--repair") == expected
    assert run("--repair") == set()

    whole = sum(how == "whole" for _, how in rows)
    assert File.objects.count() == len(rows)
    assert File.objects.exclude(status=Status.FAILED).count() == whole


def forget_all(storage: Path) -> None:
    """As nothing had ever been kept."""
    File.objects.all().delete()
    for path in kept_files(storage):
        path.unlink()
