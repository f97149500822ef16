"""A request that is sent again with its key is answered again and done once."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from errors import wsgi_guard
from filesvc.documents import schema
from filesvc.idempotency import fingerprint_of
from filesvc.models import DailyUsage, File, IdempotencyKey, Status
from security.upload import StagedUpload
from tests.client import call, file_part, form, post_form, text_part, upload
from tests.conftest import assert_problem, kept_files
from tests.faults.report import Report
from tests.filesvc.keying import KEY, assert_replayed, header, send
from tests.filesvc.test_intake import digest, forget_all
from tests.security.conftest import Watched

pytestmark = pytest.mark.django_db

ALPHABET = "ABCabc019._~:+/=-"
keys = st.text(ALPHABET, min_size=16, max_size=128)
contents = st.text("abc \n", min_size=1, max_size=30).map(str.encode)
names = st.from_regex("[a-z0-9]{1,20}[.]txt", fullmatch=True)


# --- the key --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        *("", " ", "a" * 15, "a" * 129, '"' + "a" * 15 + '"', '"' + "a" * 16, "a" * 16 + '"'),
        *("a" * 16 + ",b", f"{KEY},{KEY}", f"{KEY}, {KEY}", f'"{KEY}";a=1', "a" * 16 + "\x00"),
        *("a b c d e f g h i j", "é" * 16, "a" * 16 + "\n", '""' + "a" * 16, '"' + "\\" * 16 + '"'),
    ],
)
def test_what_is_no_key_is_refused_before_the_body_is_read(
    token: str, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(wsgi_guard, "MAX_DRAIN_BYTES", 0)
    body = Watched(form(file_part(b"hello")))

    answer = post_form(token, body.getvalue(), stream=body, headers=header(key))

    problem = assert_problem(answer, 400, "idempotency_key_invalid")
    assert [(fault["in"], fault["name"]) for fault in problem["errors"]] == [
        ("header", "Idempotency-Key")
    ]
    assert body.read_bytes == 0
    assert IdempotencyKey.objects.count() == 0


@pytest.mark.property
@given(text=st.text(st.characters(max_codepoint=255), max_size=140) | st.text(ALPHABET + '"'))
@example(text='"' + "a" * 128 + '"')
def test_a_header_is_one_key_or_a_refusal(token: str, storage: Path, text: str) -> None:
    bare = text.strip(" \t")
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    is_key = 16 <= len(bare) <= 128 and re.fullmatch(r"[0-9A-Za-z._~:+/=-]*", bare, re.ASCII)

    answer = send(token, key=text)

    assert answer.status == (201 if is_key else 400), answer.body
    assert [row.key for row in IdempotencyKey.objects.all()] == ([bare] if is_key else [])
    IdempotencyKey.objects.all().delete()
    forget_all(storage)


def test_a_key_is_the_same_bare_and_quoted(token: str) -> None:
    first = send(token, key=KEY)

    assert_replayed(send(token, key=f' "{KEY}" '), first)


def test_the_route_is_the_same_with_and_without_its_slash(token: str) -> None:
    first = send(token)

    again = send(token, PATH_INFO="/upload")

    assert_replayed(again, first)


# --- the same request again -----------------------------------------------------------


@pytest.mark.property
@given(content=contents, name=names, key=keys)
def test_a_request_sent_again_is_answered_alike_and_kept_once(
    token: str, storage: Path, content: bytes, name: str, key: str
) -> None:
    first, again, last = (send(token, content, name, key) for _ in range(3))

    assert first.status == 201
    assert "idempotency-replayed" not in first.headers
    assert_replayed(again, first)
    assert_replayed(last, first)
    assert [str(file.id) for file in File.objects.all()] == [first.json["id"]]
    assert [path.read_bytes() for path in kept_files(storage)] == [content]
    IdempotencyKey.objects.all().delete()
    forget_all(storage)


def test_how_the_file_is_wrapped_does_not_matter(token: str) -> None:
    first = send(token, fields={"sha256": digest(b"hello")})
    field = text_part("sha256", digest(b"hello").upper())
    other = form(field, file_part(b"hello", claimed="image/png")).replace(b"-boundary", b"-other")

    again = post_form(
        token,
        other,
        headers=header(),
        CONTENT_TYPE="multipart/form-data; boundary=filesvc-test-other",
    )

    assert_replayed(again, first)


@pytest.mark.fault(26, "one key, other bytes")
@pytest.mark.property
@given(
    some_contents=st.lists(contents, min_size=2, max_size=2, unique=True),
    some_names=st.lists(names, min_size=2, max_size=2, unique=True),
    changed=st.sets(st.sampled_from(["byte", "name", "field"]), min_size=1),
)
def test_a_changed_byte_name_or_field_is_another_request(  # noqa: PLR0917
    token: str,
    storage: Path,
    some_contents: list[bytes],
    some_names: list[str],
    changed: set[str],
    report: Report,
) -> None:
    assert send(token, some_contents[0], some_names[0]).status == 201
    content, name = some_contents["byte" in changed], some_names["name" in changed]
    fields = {"sha256": digest(content)} if "field" in changed else {}

    answer = send(token, content, name, fields=fields)

    assert_problem(answer, 422, "idempotency_key_reused")
    assert "idempotency-replayed" not in answer.headers
    assert File.objects.count() == 1
    assert len(kept_files(storage)) == 1
    IdempotencyKey.objects.all().delete()
    forget_all(storage)
    report(saw=answer, left="the first file")


@pytest.mark.property
@given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), min_size=2, max_size=2))
def test_no_two_requests_share_a_fingerprint(some: list[tuple[str, str]]) -> None:
    (name, sha256), (other_name, other_sha256) = some
    assume(some[0] != some[1])
    path = Path()

    one = StagedUpload(path, 0, name, sha256=sha256)
    other = StagedUpload(path, 0, other_name, sha256=other_sha256)

    assert fingerprint_of(one) != fingerprint_of(other)
    assert fingerprint_of(StagedUpload(path, 0, name, sha256=sha256)) == fingerprint_of(one)


def test_another_owner_has_keys_of_his_own(make_token: Callable[..., str]) -> None:
    alices = send(make_token("alice"))

    bobs = send(make_token("bob"), b"other bytes")

    assert (alices.status, bobs.status) == (201, 201)
    assert alices.json["id"] != bobs.json["id"]
    assert "idempotency-replayed" not in bobs.headers


def test_tokens_of_one_owner_share_their_keys(make_token: Callable[..., str]) -> None:
    first = send(make_token("alice"))

    assert_replayed(send(make_token("alice")), first)


# --- what a replay tells --------------------------------------------------------------


def test_a_replay_tells_the_first_answer_and_not_what_became_of_the_file(token: str) -> None:
    first = send(token)
    File.objects.update(status=Status.PROCESSED, processed=True)

    assert_replayed(send(token), first)


def test_a_replay_outlives_its_file(token: str, storage: Path) -> None:
    first = send(token)
    assert call("DELETE", first.headers["location"], token=token).status == 204

    assert_replayed(send(token), first)
    assert kept_files(storage) == []


def test_a_replay_takes_no_second_place_in_a_quota(token: str, settings: Any) -> None:
    settings.QUOTA_FILES_PER_DAY, settings.QUOTA_STORED_BYTES = 1, 5
    first = send(token)

    assert_replayed(send(token), first)

    assert [(row.files, row.sent_bytes) for row in DailyUsage.objects.all()] == [(1, 5)]
    assert_problem(send(token, key="another-key-of-hers"), 429, "quota_exceeded")


def test_a_replay_counts_against_the_rate(token: str, settings: Any) -> None:
    settings.UPLOAD_RATE = "2/d"
    first = send(token)

    assert_replayed(send(token), first)
    assert_problem(send(token), 429, "rate_limited")


def test_the_document_tells_of_the_key_and_of_the_replay() -> None:
    operation = schema()["paths"]["/upload/"]["post"]
    told = {item["name"]: item for item in operation["parameters"]}

    assert not any(told[name].get("required") for name in ("Idempotency-Key", "Content-Digest"))
    assert re.fullmatch(told["Idempotency-Key"]["schema"]["pattern"], f'"{KEY}"')
    assert "Idempotency-Replayed" not in told
    for status in ("201", "415", "422"):
        assert "Idempotency-Replayed" in operation["responses"][status]["headers"]


def test_without_a_key_nothing_is_remembered(token: str) -> None:
    answers = [upload(token, b"hello") for _ in range(2)]

    assert answers[0].json["id"] != answers[1].json["id"]
    assert IdempotencyKey.objects.count() == 0
