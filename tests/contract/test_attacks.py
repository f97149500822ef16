"""What a reviewer once got through with, each closed for good."""

from __future__ import annotations

import json
import struct
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import example, given
from hypothesis import strategies as st

from filesvc import documents
from filesvc.models import File, Status, StoredUsage
from filesvc.processors.csv_table import describe_csv
from security.concurrency import client_slots
from tests import samples, stack
from tests.client import call, post_form, upload
from tests.conftest import assert_problem
from tests.files.archives import Member, pack, placed_twice
from tests.filesvc.processors.telling import tell


def bomb(side: int) -> bytes:
    """A PNG of very many equal pixels and very few bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    pixels = zlib.compress(bytes((1 + side) * side), 9)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def resident_mib(pid: int) -> int:
    """Peak memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


@pytest.mark.django_db
def test_a_picture_of_many_pixels_does_not_fill_the_scanner_s_memory(
    token: str, servers: dict[str, stack.Server]
) -> None:
    process = servers["clamd"].process
    assert process is not None
    before = resident_mib(process.pid)

    upload(token, bomb(8000), "a.png")  # 64 million pixels, decoded by clamd by default

    assert resident_mib(process.pid) - before < 100


@pytest.mark.django_db(transaction=True)
def test_of_many_deletions_of_one_file_one_gives_its_bytes_back(token: str, settings: Any) -> None:
    settings.QUOTA_STORED_BYTES = 1000
    upload(token, b"a" * 100)
    path = upload(token, b"b" * 200).headers["location"]
    statuses: list[int] = []

    def delete() -> None:
        try:
            statuses.append(call("DELETE", path, token=token).status)
        finally:
            connection.close()

    threads = [threading.Thread(target=delete) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [204] + [404] * 7
    assert StoredUsage.objects.get().stored_bytes == 100


@pytest.mark.django_db
def test_downloads_share_the_room_of_uploads(token: str, settings: Any) -> None:
    path = upload(token, b"hello").headers["location"]
    File.objects.update(status=Status.PROCESSED, processed=True)
    for _ in range(settings.MAX_WAITING_CLIENTS):
        client_slots.take_or_refuse()
    try:
        refused = call("GET", f"{path}content/", token=token)
    finally:
        for _ in range(settings.MAX_WAITING_CLIENTS):
            client_slots.release()

    assert_problem(refused, 503, "overloaded")
    for _ in range(settings.MAX_WAITING_CLIENTS + 1):  # each gives its slot back
        assert call("GET", f"{path}content/", token=token).body == b"hello"
    assert call("HEAD", f"{path}content/", token=token).status == 200


@pytest.mark.django_db
def test_names_in_an_archive_do_not_hold_the_process(token: str) -> None:
    names = [f"{number}" + "\u0301" * 16_000 + "\u0327" * 16_000 for number in range(7)]
    inner = pack(*(Member(name.encode(), flags=1 << 11) for name in names))
    parts = samples.office_parts("docx") | {"word/embeddings/a.bin": inner}

    before = time.thread_time()
    answer = upload(token, samples.archive(parts), "a.docx")

    assert_problem(answer, 422, "archive_unsafe_entry")
    assert time.thread_time() - before < 1


@pytest.mark.django_db
def test_a_part_that_others_would_read_from_another_place_is_refused(token: str) -> None:
    parts = samples.office_parts("docx").items()
    others = [Member(name.encode(), str(content).encode()) for name, content in parts]
    shown = Member(b"word/embeddings/a.bin", b"harmless")
    # Its own header lies, so the scanner does not find it where it lies.
    hidden = Member(b"word/embeddings/a.bin", samples.EICAR, local_sizes=(0, 0, 0))

    answer = upload(token, placed_twice(*others, shown=shown, hidden=hidden), "a.docx")

    assert_problem(answer, 422, "ambiguous_content")


def test_what_a_table_tells_of_itself_stays_small() -> None:
    header = ",".join(f"{number:03}" + "\U0001f600" * 300 for number in range(256))
    row = ",".join(["1"] * 256)

    told = tell(describe_csv, f"{header}\n{row}\n".encode())

    assert [len(column["name"]) for column in told["column_types"]] == [64] * 256
    assert len(json.dumps(told, ensure_ascii=False).encode()) < 100_000


@pytest.mark.django_db
def test_bytes_are_handed_out_whatever_the_client_would_rather_have(token: str) -> None:
    path = upload(token, b"hello").headers["location"]
    File.objects.update(status=Status.PROCESSED, processed=True)

    answer = call("GET", f"{path}content/", token=token, headers={"Accept": "image/png"})

    assert (answer.status, answer.body) == (200, b"hello")


def test_the_schema_is_made_once_however_many_ask_at_first(monkeypatch: Any) -> None:
    documents._generate.cache_clear()
    made: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: made.append(documents.schema())) for _ in range(16)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 16
    assert all(told is made[0] for told in made)


@pytest.mark.parametrize("header", ["Content-Type", "Accept"])
def test_a_header_that_is_slow_to_parse_is_refused_by_its_length(header: str) -> None:
    answer = call("GET", "/health/live", headers={header: "a/b" + ";" * 8000})

    assert_problem(answer, 431, "headers_too_large")


@pytest.mark.django_db
def test_the_log_does_not_quote_a_part_header_that_fails_to_decode(
    token: str, log_events: list[dict[str, Any]]
) -> None:
    head = b"--filesvc-test-boundary\r\nX-Secret: hunter2\xff\r\n\r\nx\r\n"

    answer = post_form(token, head + b"--filesvc-test-boundary--\r\n")

    assert_problem(answer, 400, "malformed_multipart")
    assert "hunter2" not in str(log_events)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    ["a\u3164.txt", "a\u2800.txt", "a\ufe0f.txt", "CONIN$.txt", "conout$.txt"],
)
def test_a_name_that_shows_nothing_or_names_a_device_is_refused(token: str, name: str) -> None:
    assert_problem(upload(token, b"x", name), 422, "filename_invalid")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["a.ｐｈｐ.txt", "a.php8.txt", "a.htc.txt"])
def test_an_inner_extension_in_disguise_is_refused(token: str, name: str) -> None:
    assert_problem(upload(token, b"x", name), 422, "extension_not_allowed")


@pytest.mark.django_db
@pytest.mark.parametrize("second", ["; boundary=other", "; boundary*=utf-8''other"])
def test_a_form_with_two_boundaries_is_refused(token: str, second: str) -> None:
    content_type = f"multipart/form-data; boundary=filesvc-test-boundary{second}"

    answer = post_form(token, b"x", CONTENT_TYPE=content_type)

    assert_problem(answer, 400, "malformed_multipart")


@pytest.mark.django_db
@pytest.mark.parametrize("size", ["1_0", "%2B5", "5.0", "%EF%BC%91"])
def test_a_page_size_is_plain_digits(token: str, size: str) -> None:
    assert_problem(call("GET", f"/files/?page_size={size}", token=token), 400, "invalid_parameter")


@pytest.mark.django_db
def test_each_line_of_the_log_names_the_caller(log_events: list[dict[str, Any]]) -> None:
    call("GET", "/files/", token="wrong", REMOTE_ADDR="192.0.2.7")

    assert [event["client"] for event in log_events if event["logger"] == "errors"] == ["192.0.2.7"]


@pytest.mark.property
@pytest.mark.django_db
@given(name=st.text(st.characters(blacklist_characters='"\\%\r\n', blacklist_categories=["Cs"])))
@example(name="a\x1b[31mb\u202ec.txt")
@example(name="{\u2028\u2029\x85}.txt")
def test_whatever_a_name_holds_the_log_stays_one_parseable_line(
    token: str, log_lines: list[str], name: str
) -> None:
    log_lines.clear()

    answer = upload(token, b"x", name)

    assert log_lines
    for line in log_lines:
        assert line.isascii()
        assert len(line.splitlines()) == 1
        told = json.loads(line)
        assert told["request_id"] == answer.headers["x-request-id"]
    if "file_name" in told:
        assert told["file_name"] == name
