"""Handing out kept bytes: when, as what, and which part of them (RFC 9110, RFC 6266)."""

from __future__ import annotations

from email.message import Message
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from errors import catalogue
from filesvc import downloads
from filesvc.models import File, Status
from filesvc.ranges import Span, parse_range
from filesvc.stores.places import FILES
from tests.client import Answer, call
from tests.conftest import assert_problem
from tests.filesvc.conftest import MakeFile, is_accepted_name
from tests.s3 import drop_kept, put_kept

BYTES = bytes(range(256)) + b"\r\n<script>"
ON_BOTH_STORES = pytest.mark.usefixtures("kept")
UNFINISHED = [Status.QUEUED, Status.PROCESSING]
NUMBERS = st.integers(min_value=0, max_value=300) | st.integers(min_value=0, max_value=10**18)
ENDS = st.none() | NUMBERS
RANGES = st.one_of(
    st.builds("bytes={}-{}".format, ENDS.map(lambda end: "" if end is None else end), st.just("")),
    st.builds("bytes={}-{}".format, st.just(""), NUMBERS),
    st.builds("bytes={}-{}".format, NUMBERS, NUMBERS),
    st.builds("bytes={}-{},{}-{}".format, NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    st.text("bytes=-0129, ", max_size=12),
    st.sampled_from(["", "bytes", "items=0-1", "bytes=--1", "bytes=\u0661-\u0662", "bytes=0-1\n"]),
)


MIDDLES = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\:."))
NAMES = MIDDLES.map(lambda middle: f"x{middle[:30]}.txt").filter(is_accepted_name)


def wanted_positions(header: str, size_bytes: int) -> list[int] | None:
    """What RFC 9110, section 14.1.2, says one range of bytes covers; None for no range at all."""
    unit, equals, span = header.partition("=")
    first, dash, last = span.partition("-")
    if (unit, equals, dash) != ("bytes", "=", "-") or not (first + last).isascii():
        return None
    if not (first + last).isdigit() or (first and last and int(last) < int(first)):
        return None
    positions = range(size_bytes)
    if not first:
        return list(positions[max(0, size_bytes - int(last)) :])
    return [at for at in positions if int(first) <= at <= int(last or size_bytes)]


def processed(make_file: MakeFile, content: bytes = BYTES, **more: Any) -> File:
    return make_file(content, status=Status.PROCESSED, **more)


def fetch(token: str, file: File, method: str = "GET", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(method, f"{file.path}content/", token=token, headers=named)


@pytest.mark.property
@given(header=RANGES, size_bytes=st.integers(min_value=1, max_value=200))
@example(header="bytes=0-0", size_bytes=1)
@example(header="bytes=-0", size_bytes=1)
def test_a_range_is_read_as_the_standard_says(header: str, size_bytes: int) -> None:
    wanted = wanted_positions(header, size_bytes)

    if wanted == []:
        with pytest.raises(catalogue.RangeNotSatisfiable):
            parse_range(header, size_bytes)
    else:
        span = parse_range(header, size_bytes)
        assert span == (Span(wanted[0], wanted[-1]) if wanted else None)


@pytest.mark.property
@given(data=st.data(), content=st.binary(min_size=1, max_size=60), chunk=st.integers(1, 70))
def test_a_span_is_read_in_chunks_that_make_it_up(
    data: st.DataObject, content: bytes, chunk: int, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "CHUNK_BYTES", chunk)
    first = data.draw(st.integers(0, len(content) - 1))
    last = data.draw(st.integers(first, len(content) - 1))
    (tmp_path / "blob").write_bytes(content)

    with (tmp_path / "blob").open("rb") as source:
        source.seek(first)
        pieces = list(downloads.read_chunks(source, last - first + 1))

    assert b"".join(pieces) == content[first : last + 1]
    assert all(1 <= len(piece) <= chunk for piece in pieces)


@ON_BOTH_STORES
@pytest.mark.django_db
@pytest.mark.property
@given(header=RANGES.filter(lambda text: text.isascii() and "\n" not in text))
def test_a_range_over_http_is_that_slice_of_the_file(
    token: str, make_file: MakeFile, header: str
) -> None:
    file = processed(make_file)
    wanted = wanted_positions(header.strip(), len(BYTES))

    answer = fetch(token, file, Range=header.strip())

    if wanted == []:
        problem = assert_problem(answer, 416, "range_not_satisfiable")
        assert answer.headers["content-range"] == f"bytes */{len(BYTES)}"
        assert problem["meta"] == {"size_bytes": len(BYTES)}
    elif wanted is None:
        assert (answer.status, answer.body) == (200, BYTES)
    else:
        told = f"bytes {wanted[0]}-{wanted[-1]}/{len(BYTES)}"
        assert (answer.status, answer.headers["content-range"]) == (206, told)
        assert answer.body == bytes(BYTES[at] for at in wanted)
        assert answer.headers["content-length"] == str(len(wanted))


@ON_BOTH_STORES
@pytest.mark.django_db
def test_a_processed_file_comes_back_byte_for_byte(token: str, make_file: MakeFile) -> None:
    answer = fetch(token, processed(make_file))

    assert (answer.status, answer.body) == (200, BYTES)
    assert answer.headers["content-length"] == str(len(BYTES))


@pytest.mark.django_db
def test_no_browser_runs_guesses_or_keeps_what_is_handed_out(
    token: str, make_file: MakeFile
) -> None:
    headers = fetch(token, processed(make_file, media_type="image/png")).headers

    assert headers["content-type"] == "image/png"
    assert headers["content-disposition"] == 'attachment; filename="note.txt"'
    assert headers["x-content-type-options"] == "nosniff"
    policy = headers["content-security-policy"].split("; ")
    assert {"sandbox", "default-src 'none'"} <= set(policy)
    assert headers["cache-control"] == "no-store"


@pytest.mark.django_db
@pytest.mark.parametrize("status", UNFINISHED)
def test_a_file_on_its_way_is_not_handed_out_yet(
    token: str, make_file: MakeFile, status: str
) -> None:
    answer = fetch(token, make_file(status=status))

    problem = assert_problem(answer, 409, "file_not_ready")
    assert (problem["retry_after"], problem["meta"]) == (2, {"state": status})


@pytest.mark.django_db
def test_a_failed_file_is_never_handed_out(token: str, make_file: MakeFile) -> None:
    problem = assert_problem(fetch(token, make_file(status=Status.FAILED)), 409, "state_conflict")

    assert problem["meta"] == {"state": "failed"}


@pytest.mark.django_db
def test_a_quarantined_file_is_never_handed_out(token: str, make_file: MakeFile) -> None:
    answer = fetch(token, make_file(status=Status.QUARANTINED), If_None_Match="*")

    assert_problem(answer, 403, "file_quarantined")


@pytest.mark.django_db
@pytest.mark.property
@given(name=NAMES)
@example(name='say "hi"; filename=evil.exe.txt')
@example(name="100%41 a\u0301'b.txt")
def test_the_name_of_the_attachment_reads_back_as_the_stored_one(
    token: str, make_file: MakeFile, name: str
) -> None:
    file = processed(make_file, name=name)

    told = fetch(token, file).headers["content-disposition"]

    header = Message()
    header["Content-Disposition"] = told
    assert header.get_content_disposition() == "attachment"
    assert header.get_filename() == file.name
    assert told.isascii()
    assert told.isprintable()


@pytest.mark.django_db
@pytest.mark.parametrize("form", ['"{0}"', 'W/"{0}"', '"other", "{0}"', "*"])
def test_a_client_that_has_the_bytes_is_told_so(token: str, make_file: MakeFile, form: str) -> None:
    file = processed(make_file)

    answer = fetch(token, file, If_None_Match=form.format(file.sha256), Range="bytes=0-1")

    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == f'"{file.sha256}"'


@ON_BOTH_STORES
@pytest.mark.django_db
@pytest.mark.parametrize("condition", ['"other"', "", "{0}", '"{0}x"'])
def test_a_client_that_has_other_bytes_gets_them_all(
    token: str, make_file: MakeFile, condition: str
) -> None:
    file = processed(make_file)

    answer = fetch(token, file, If_None_Match=condition.format(file.sha256))

    assert (answer.status, answer.body) == (200, BYTES)


@ON_BOTH_STORES
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ('"{0}"', 206),
        ('W/"{0}"', 200),
        ('"other"', 200),
        ("Mon, 23 Nov 2026 00:00:00 GMT", 200),
    ],
)
@pytest.mark.parametrize("header", ["bytes=0-1", "bytes=9999-"])
def test_a_range_counts_only_for_the_very_same_bytes(
    token: str, make_file: MakeFile, condition: str, status: int, header: str
) -> None:
    file = processed(make_file)

    answer = fetch(token, file, If_Range=condition.format(file.sha256), Range=header)

    satisfiable = header == "bytes=0-1"
    assert answer.status == (status if satisfiable or status == 200 else 416)
    if answer.status < 400:
        assert answer.body == (BYTES[:2] if status == 206 else BYTES)


@ON_BOTH_STORES
@pytest.mark.django_db
def test_a_head_request_gets_the_headers_alone(token: str, make_file: MakeFile) -> None:
    file = processed(make_file)

    told, whole = fetch(token, file, "HEAD", Range="bytes=0-1"), fetch(token, file)

    assert (told.status, told.body) == (200, b"")
    del told.headers["x-request-id"], whole.headers["x-request-id"]
    assert told.headers == whole.headers


@ON_BOTH_STORES
@pytest.mark.django_db
@pytest.mark.parametrize("left", [None, BYTES[:-1], BYTES + b"!", b""])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_missing_or_cut_bytes_are_an_error_and_never_a_short_file(
    token: str, make_file: MakeFile, left: bytes | None, method: str
) -> None:
    file = processed(make_file)
    drop_kept(FILES, file.id)
    if left is not None:
        put_kept(FILES, file.id, left)

    answer = fetch(token, file, method)

    assert (answer.status, answer.code) == (503, "storage_unavailable")
    assert "content-disposition" not in answer.headers
    assert "etag" not in answer.headers
