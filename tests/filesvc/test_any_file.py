"""Any file whatever: refused by a Problem, or let in and brought to an end, and nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from errors.catalogue import CATALOGUE
from filesvc.models import File
from filesvc.sandbox import ENDS_IN, stop_sandbox
from filesvc.tasks import process_file
from tests.client import call, upload
from tests.conftest import assert_nothing_kept, assert_problem, kept_files
from tests.files.collection import COLLECTION
from tests.files.mutations import mutate, mutate_inside, splice
from tests.files.refused import QUARANTINED
from tests.filesvc.sending import EVERY_EXTENSION, EVERY_TYPE, file_form, staged

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_sandbox", "any_type")]

# 50 for a quick look, 200 with the profile of the gates, 5,000 with the long one (`make long`).
MANY = settings(max_examples=settings().max_examples * (2 if settings().derandomize else 1))
# What a file may be at fault for. `processing_failed` and `processing_timeout` are ours.
FAULTS = {error.code for error in ENDS_IN}
NUMBERS = st.integers(0, 2**32 - 1)
MUTATIONS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=4)
MAKERS = QUARANTINED | {name: sample.make for name, sample in COLLECTION.items()}
CONTENTS = {name: make() for name, make in MAKERS.items()}
NAMES = st.sampled_from(sorted(CONTENTS))
EXTENSIONS = st.sampled_from(EVERY_EXTENSION)
# Three of four keep theirs: under another one little gets past the first gate.
RENAMED = st.none() | st.none() | st.none() | EXTENSIONS


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[None]:
    """Processes of these tests alone."""
    stop_sandbox()
    yield
    stop_sandbox()


@pytest.fixture
def any_type(settings: Any) -> None:
    """Archives are let in too, and no file is worked on for long."""
    settings.ALLOWED_TYPES = EVERY_TYPE
    settings.PROCESSING_TIMEOUT_SECONDS = 20


def assert_ends(token: str, storage: Path, content: bytes, name: str) -> None:
    """Refused and gone, or processed, or at fault itself."""
    answer = upload(token, content, name, claimed=None)
    if answer.status == 201:
        process_file(answer.json["id"])
        told = call("GET", answer.headers["location"], token=token).json
        file_form().validate(told)
        assert told["status"] in ("processed", "failed", "quarantined"), "one try is enough"
        fault = told["failure"]["code"] if told["failure"] else None
        assert (fault is None) is (told["status"] == "processed")
        assert fault is None or fault in FAULTS
        assert (told["preview"] is not None) <= (told["status"] == "processed")
        assert staged(storage) == []
        forget(storage)
        event(f"{told['status']} {fault or ''}")
    else:
        assert 400 <= answer.status < 500, answer.body
        assert_problem(answer, CATALOGUE[answer.code or ""].status, answer.code or "")
        assert_nothing_kept(storage)
        event(f"refused {answer.code}")


def forget(storage: Path) -> None:
    """The next file finds an empty store."""
    File.objects.all().delete()
    for path in kept_files(storage):
        path.unlink()


@pytest.mark.property
@MANY
@given(
    head=st.just(b"") | st.sampled_from([content[:64] for content in CONTENTS.values()]),
    content=st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode("utf-8")),
    extension=EXTENSIONS,
)
def test_any_bytes_under_any_extension_come_to_an_end(
    head: bytes, content: bytes, extension: str, token: str, storage: Path
) -> None:
    assert_ends(token, storage, head + content, f"any.{extension}")


@pytest.mark.property
@MANY
@given(name=NAMES, mutations=MUTATIONS, renamed=RENAMED)
def test_any_damage_to_a_real_file_comes_to_an_end(
    name: str, mutations: list[Any], renamed: str | None, token: str, storage: Path
) -> None:
    damaged = mutate(CONTENTS[name], *mutations)

    assert_ends(token, storage, damaged, f"any.{renamed}" if renamed else name)


@pytest.mark.property
@MANY
@given(name=NAMES, pick=NUMBERS, mutations=MUTATIONS)
def test_any_damage_behind_checksums_and_compression_comes_to_an_end(
    name: str, pick: int, mutations: list[Any], token: str, storage: Path
) -> None:
    assert_ends(token, storage, mutate_inside(CONTENTS[name], pick, *mutations), name)


@pytest.mark.property
@MANY
@given(pair=st.tuples(NAMES, NAMES), where=NUMBERS, how=NUMBERS)
def test_any_two_files_put_together_come_to_an_end(
    pair: tuple[str, str], where: int, how: int, token: str, storage: Path
) -> None:
    one, other = (CONTENTS[name] for name in pair)

    assert_ends(token, storage, splice(one, other, where, how), pair[0])
