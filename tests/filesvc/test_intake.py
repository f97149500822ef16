"""One upload, from its bytes to its row."""

from __future__ import annotations

import contextlib
import hashlib
import io
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from filesvc.intake import INTAKE_ERRORS
from filesvc.models import File, Status
from security.concurrency import client_slots
from tests import samples
from tests.client import BOUNDARY, Answer, file_part, form, post_form, text_part, upload
from tests.conftest import assert_nothing_kept, assert_problem, kept_files
from tests.filesvc.conftest import is_accepted_name

pytestmark = pytest.mark.django_db

INTAKE_CODES = {error.code for error in INTAKE_ERRORS}
PNG = samples.image("PNG")
# A line break would end the header it stands in, so it is no part of a name or a claim.
LINES = st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])
EXTENSIONS = ["txt", "csv", "md", "json", "png", "gif", "pdf", "zip", "exe", "php.txt", ""]
NAMES = st.one_of(
    st.text(LINES, max_size=30),
    st.builds("{}.{}".format, st.text(LINES, max_size=12), st.sampled_from(EXTENSIONS)),
    st.builds("{}.{}".format, st.from_regex("[a-z0-9]{1,250}", fullmatch=True), st.just("txt")),
)
CONTENTS = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from([PNG, samples.image("GIF"), samples.pdf(), samples.EICAR, b"a,b\n1,2\n"]),
)
CLAIMS = st.none() | st.sampled_from(["text/plain", "image/png"]) | st.text(LINES, max_size=20)


def forget_all(storage: Path) -> None:
    File.objects.all().delete()
    for path in kept_files(storage):
        path.unlink()


@pytest.mark.property
@given(content=CONTENTS, name=NAMES, claimed=CLAIMS)
@example(content=b"hello", name="note.txt", claimed="text/plain")
@example(content=PNG, name="a.png", claimed=None)
@example(content=samples.EICAR, name="note.txt", claimed="text/plain")
def test_an_upload_ends_as_one_whole_file_or_as_a_refusal_that_leaves_nothing(
    token: str, storage: Path, content: bytes, name: str, claimed: str | None
) -> None:
    answer = upload(token, content, name, claimed=claimed)

    if answer.status == 201:
        file = File.objects.get()
        assert (file.size_bytes, file.sha256) == (len(content), digest(content))
        assert [path.read_bytes() for path in kept_files(storage)] == [content]
        assert (file.status, file.processed) == (Status.QUEUED, False)
        forget_all(storage)
    else:
        assert answer.status < 500
        assert_problem(answer, answer.status, answer.code or "")
        assert answer.code in INTAKE_CODES
        assert_nothing_kept(storage)


@pytest.mark.property
@given(middle=st.text(st.characters(categories=["L", "N", "S", "Zs", "Po"]), max_size=40))
def test_a_plain_name_is_kept_as_it_was_sent(token: str, storage: Path, middle: str) -> None:
    name = f"x{middle}.txt"
    assume(is_accepted_name(name))

    answer = upload(token, b"hello", name.replace('"', '\\"'))

    assert answer.json["name"] == File.objects.get().name == unicodedata.normalize("NFC", name)
    forget_all(storage)


@pytest.mark.property
@given(claimed=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30))
def test_what_a_client_claims_the_type_to_be_changes_nothing(
    token: str, storage: Path, claimed: str
) -> None:
    accepted = upload(token, PNG, "a.png", claimed=claimed)
    refused = upload(token, PNG, "a.txt", claimed=claimed)

    assert accepted.json["media_type"] == "image/png"
    assert_problem(refused, 422, "content_mismatch")
    forget_all(storage)


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


NOTE = file_part(b"hello")
ENCODED = ('Content-Disposition: form-data; name="file"; filename="a.txt"\r\n'
           "Content-Transfer-Encoding: base64")  # fmt: skip
REFUSALS: dict[str, tuple[Callable[[str], Answer], int]] = {
    "length_required": (lambda t: post_form(t, form(NOTE), CONTENT_LENGTH=None), 411),
    "payload_too_large": (lambda t: post_form(t, form(NOTE), CONTENT_LENGTH=str(10**10)), 413),
    "unsupported_media_type": (lambda t: post_form(t, b"x", CONTENT_TYPE="text/plain"), 415),
    "unsupported_content_encoding": (
        lambda t: post_form(t, form(NOTE), headers={"Content-Encoding": "gzip"}),
        415,
    ),
    "malformed_multipart": (lambda t: post_form(t, form(NOTE)[: -len(BOUNDARY)]), 400),
    "incomplete_body": (
        lambda t: post_form(t, form(NOTE), stream=io.BytesIO(form(NOTE)[:-20])),
        400,
    ),
    "missing_file": (lambda t: post_form(t, form(text_part("sha256", "0" * 64))), 400),
    "multiple_files": (lambda t: post_form(t, form(NOTE, NOTE)), 400),
    "unexpected_part": (lambda t: post_form(t, form(NOTE, text_part("owner", "bob"))), 400),
    "file_part_invalid": (lambda t: post_form(t, form((ENCODED, b"aGVsbG8="))), 400),
    "digest_mismatch": (lambda t: upload(t, b"hello", fields={"sha256": "0" * 64}), 422),
    "validation_failed": (lambda t: upload(t, b"hello", fields={"sha256": "no digest"}), 422),
    "filename_missing": (lambda t: upload(t, b"hello", " .. "), 422),
    "filename_too_long": (lambda t: upload(t, b"hello", "a" * 252 + ".txt"), 422),
    "filename_invalid": (lambda t: upload(t, b"hello", "../a.txt"), 422),
    "extension_not_allowed": (lambda t: upload(t, b"hello", "a.php"), 422),
    "empty_file": (lambda t: upload(t, b""), 422),
    "unsupported_file_type": (lambda t: upload(t, b"<!doctype html><html><p>"), 415),
    "content_mismatch": (lambda t: upload(t, PNG, "a.txt"), 422),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_at_any_gate_leaves_nothing(token: str, storage: Path, code: str) -> None:
    send, status = REFUSALS[code]

    assert_problem(send(token), status, code)

    assert_nothing_kept(storage)


def test_a_file_over_the_limit_is_refused_while_it_streams(
    token: str, storage: Path, settings: Any
) -> None:
    settings.MAX_UPLOAD_BYTES = 4

    assert upload(token, b"four").status == 201
    forget_all(storage)
    assert_problem(upload(token, b"five!"), 413, "file_too_large")

    assert_nothing_kept(storage)


def test_a_scanner_that_is_away_refuses_the_upload(
    token: str, storage: Path, settings: Any
) -> None:
    settings.CLAMD_ADDRESS = f"unix:{storage}/no-clamd"

    assert_problem(upload(token, b"hello"), 503, "scanner_unavailable")

    assert_nothing_kept(storage)


def test_an_upload_beyond_the_slots_of_the_process_is_refused(
    token: str, storage: Path, settings: Any
) -> None:
    with contextlib.ExitStack() as taken:
        for _ in range(settings.MAX_WAITING_CLIENTS):
            taken.enter_context(client_slots.take())
        assert_problem(upload(token, b"hello"), 503, "overloaded")

    assert_nothing_kept(storage)
    assert upload(token, b"hello").status == 201


def test_an_upload_over_the_rate_is_refused_before_its_body_is_read(
    token: str, storage: Path, settings: Any
) -> None:
    settings.UPLOAD_RATE = "1/d"
    assert upload(token, b"hello").status == 201
    forget_all(storage)
    body = io.BytesIO(form(NOTE))

    answer = post_form(token, b"", stream=body, CONTENT_LENGTH=str(len(form(NOTE))))

    assert_problem(answer, 429, "rate_limited")
    assert_nothing_kept(storage)


@pytest.mark.parametrize("spell", [str.lower, str.upper])
def test_the_right_digest_beside_the_file_is_accepted_name(
    token: str, spell: Callable[[str], str]
) -> None:
    assert upload(token, b"hello", fields={"sha256": spell(digest(b"hello"))}).status == 201


def test_a_digest_sent_twice_is_refused(token: str, storage: Path) -> None:
    part = text_part("sha256", digest(b"hello"))

    assert_problem(post_form(token, form(NOTE, part, part)), 400, "unexpected_part")

    assert_nothing_kept(storage)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
