"""What the tables themselves hold fast."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
import uuid_utils.compat
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from filesvc.models import File, Status, Token
from tests.filesvc.conftest import MakeFile

pytestmark = pytest.mark.django_db


def test_an_id_is_a_uuid_of_version_7_that_tells_its_time(make_file: MakeFile) -> None:
    before = time.time_ns() // 1_000_000
    file = make_file()

    assert file.id.version == 7
    assert before <= file.id.int >> 80 <= time.time_ns() // 1_000_000


def test_the_newest_file_has_the_greatest_id_even_within_a_millisecond() -> None:
    ids = [uuid_utils.compat.uuid7() for _ in range(5000)]

    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_files_come_newest_first(make_file: MakeFile) -> None:
    files = [make_file() for _ in range(5)]

    assert list(File.objects.all()) == files[::-1]


@pytest.mark.parametrize("status", Status.values)
@pytest.mark.parametrize("processed", [True, False])
def test_processed_and_its_status_cannot_contradict_each_other(
    make_file: MakeFile, status: str, *, processed: bool
) -> None:
    file = make_file()
    change = File.objects.filter(id=file.id)

    if processed == (status == Status.PROCESSED):
        assert change.update(status=status, processed=processed) == 1
    else:
        with pytest.raises(IntegrityError), transaction.atomic():
            change.update(status=status, processed=processed)


def test_a_user_with_files_cannot_be_deleted(make_file: MakeFile) -> None:
    file = make_file()

    with pytest.raises(ProtectedError):
        file.owner.delete()


def test_a_user_sees_the_own_files_and_everyone_with_leave(make_file: MakeFile) -> None:
    mine, other = make_file(owner="alice"), make_file(owner="bob")

    assert list(File.objects.visible_to(mine.owner, everyone=False)) == [mine]
    assert list(File.objects.visible_to(mine.owner, everyone=True)) == [other, mine]


def test_a_file_is_named_by_its_id_alone() -> None:
    file = File(id=uuid.UUID(int=7), name="secret.txt")

    assert str(file) == "00000000-0000-0000-0000-000000000007"
    assert file.path == "/files/00000000-0000-0000-0000-000000000007/"


def test_a_token_is_kept_only_as_its_hash() -> None:
    user = get_user_model().objects.create(username="alice")
    _, plain = Token.objects.create(user, scopes=["read"], name="alice")
    row: dict[str, Any] = Token.objects.values().get()

    assert row["token_key"] == plain[:15]
    rest = {key: value for key, value in row.items() if key != "token_key"}
    assert plain[15:] not in str(row)
    assert plain[:15] not in str(rest)
    assert len(plain) - 15 >= 32


def test_the_migrations_say_what_the_models_say() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
