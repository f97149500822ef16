"""A form is received once and strictly; each mistake has its own answer and leaves nothing."""

from __future__ import annotations

import contextlib
import hashlib
import io
from pathlib import Path

import pytest

from security import receiving
from security.receiving import StagingUploadHandler
from tests.client import BOUNDARY, file_part, form, post_form, text_part
from tests.conftest import assert_nothing_kept, assert_problem
from tests.security.conftest import Watched

pytestmark = pytest.mark.django_db

FILE = 'Content-Disposition: form-data; name="file"; filename="a.txt"'
DIGEST = hashlib.sha256(b"hello").hexdigest()
WHOLE = form((FILE, b"hello"))
END = f"--{BOUNDARY}--\r\n".encode()


def open_below(storage: Path) -> list[str]:
    """What this process has open in the store, also what has no name any more."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            found.append(str(link.readlink()))
    return [path for path in found if path.startswith(f"{storage}/")]


def disposition(parameters: str) -> str:
    return f"Content-Disposition: form-data; {parameters}"


# --- what is taken --------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        FILE,
        f"{FILE}\r\nContent-Type: application/octet-stream",
        f"{FILE}\r\nContent-Length: 5",
        disposition("name=file; filename=a.txt"),
        disposition('filename="a.txt"; name="file"'),
        'content-disposition:FORM-DATA; NAME="file"; FileName="a.txt"',
        disposition('name="file"; filename="a.txt"; size=5'),
    ],
)
def test_a_plainly_described_file_part_is_taken(token: str, head: str) -> None:
    answer = post_form(token, form((head, b"hello")))

    assert (answer.status, answer.json["name"]) == (201, "a.txt"), answer.body


@pytest.mark.parametrize(
    ("written", "name"),
    [("é漢.txt", "é漢.txt"), ("a%22b.txt", 'a"b.txt'), ('a\\"b.txt', 'a"b.txt')],
)
def test_a_name_is_decoded_once_as_browsers_and_curl_write_it(
    token: str, written: str, name: str
) -> None:
    answer = post_form(token, form((disposition(f'name="file"; filename="{written}"'), b"hello")))

    assert (answer.status, answer.json["name"]) == (201, name), answer.body


@pytest.mark.parametrize("body", [WHOLE, WHOLE.removesuffix(b"\r\n"), b"\r\n" + WHOLE])
def test_line_ends_around_the_form_do_not_matter(token: str, body: bytes) -> None:
    assert post_form(token, body).status == 201


def test_the_last_line_end_may_fall_behind_one_of_our_chunks(token: str) -> None:
    frame_bytes = len(form((FILE, b"")))
    content = b"x" * (receiving.CHUNK_BYTES + 2 - frame_bytes)
    body = form((FILE, content))
    assert len(body) == receiving.CHUNK_BYTES + 2

    assert post_form(token, body).json["size"] == len(content)


@pytest.mark.parametrize("told", [DIGEST, DIGEST.upper()])
def test_a_right_digest_is_accepted_before_and_after_the_file(token: str, told: str) -> None:
    field = text_part("sha256", told)

    for parts in ([field, (FILE, b"hello")], [(FILE, b"hello"), field]):
        assert post_form(token, form(*parts)).json["sha256"] == DIGEST


# --- what is refused ------------------------------------------------------------------

HELLO = (FILE, b"hello")
REFUSED = {
    "nothing at all": (b"", 400, "missing_file"),
    "no part": (END, 400, "missing_file"),
    "only a digest": (form(text_part("sha256", DIGEST)), 400, "missing_file"),
    "no boundary in it": (b"hello", 400, "malformed_multipart"),
    "another boundary": (WHOLE.replace(b"filesvc", b"elsewhere"), 400, "malformed_multipart"),
    "a preamble": (b"preamble\r\n" + WHOLE, 400, "malformed_multipart"),
    "one byte before": (b"x" + WHOLE, 400, "malformed_multipart"),
    "an epilogue": (WHOLE + b"epilogue", 400, "malformed_multipart"),
    "one more line end": (WHOLE + b"\r\n", 400, "malformed_multipart"),
    "a second form behind": (WHOLE + WHOLE, 400, "malformed_multipart"),
    "no end": (WHOLE[: -len(END) - 2], 400, "malformed_multipart"),
    "half an end": (WHOLE[:-4], 400, "malformed_multipart"),
    "bare line feeds": (WHOLE.replace(b"\r\n", b"\n"), 400, "malformed_multipart"),
    "no blank line": (WHOLE.replace(b"\r\n\r\n", b"\r\n"), 400, "malformed_multipart"),
    "no disposition": (form(("Content-Type: text/plain", b"x")), 400, "malformed_multipart"),
    "no form-data": (form((FILE.replace("form-data", "file"), b"x")), 400, "malformed_multipart"),
    "no name": (form((disposition('filename="a.txt"'), b"x")), 400, "malformed_multipart"),
    "a header without colon": (form((f"{FILE}\r\nhuh", b"x")), 400, "malformed_multipart"),
    "a folded header": (form((f"{FILE}\r\n x: y", b"x")), 400, "malformed_multipart"),
    "a line feed in a header": (form((f"{FILE}\r\nA: b\nC: d", b"x")), 400, "malformed_multipart"),
    "a line feed before a header": (form((f"\n{FILE}", b"x")), 400, "malformed_multipart"),
    "a carriage return in a header": (form((f"{FILE}\r", b"x")), 400, "malformed_multipart"),
    "a long header": (form((f"{FILE}\r\nA: {'b' * 4096}", b"x")), 400, "malformed_multipart"),
    "nine headers": (
        form((FILE + "".join(f"\r\nA{n}: b" for n in range(8)), b"x")),
        400,
        "malformed_multipart",
    ),
    "a name that is no UTF-8": (
        WHOLE.replace(b"a.txt", b"\xff.txt"),
        400,
        "malformed_multipart",
    ),
    "a false part length": (
        form((f"{FILE}\r\nContent-Length: 4", b"hello")),
        400,
        "malformed_multipart",
    ),
    "two files": (form(HELLO, HELLO), 400, "multiple_files"),
    "an unknown field": (form(HELLO, text_part("owner", "me")), 400, "unexpected_part"),
    "an unknown file": (form(file_part(b"x", part="File")), 400, "unexpected_part"),
    "a part of no name": (form(file_part(b"x", part="")), 400, "unexpected_part"),
    "two digests": (form(*[text_part("sha256", DIGEST)] * 2, HELLO), 400, "unexpected_part"),
    "a digest as file": (form(file_part(b"x", part="sha256"), HELLO), 400, "unexpected_part"),
    "a hundred files": (form(*[HELLO] * 100), 400, "too_many_parts"),
    "a thousand fields": (form(*[text_part("a", "b")] * 1000), 400, "too_many_fields"),
    "an unknown field of a form without end": (
        form(text_part("owner", "me"))[:-4],
        400,
        "malformed_multipart",
    ),
    "an unknown field, twice a file": (
        form(text_part("owner", "me"), HELLO, HELLO),
        400,
        "unexpected_part",
    ),
    "text named file": (form(text_part("file", "hello")), 400, "file_part_invalid"),
    "two file names": (form((f'{FILE}; filename="b.txt"', b"x")), 400, "file_part_invalid"),
    "two part names": (form((f'{FILE}; name="sha256"', b"x")), 400, "file_part_invalid"),
    "an extended name": (form((f"{FILE}; filename*=utf-8''b.txt", b"x")), 400, "file_part_invalid"),
    "only an extended name": (
        form((disposition("name=\"file\"; filename*=utf-8''a.txt"), b"x")),
        400,
        "file_part_invalid",
    ),
    "a quote within the name": (
        form((disposition('name="file"; filename="a.txt"b.php"'), b"x")),
        400,
        "file_part_invalid",
    ),
    "two dispositions": (form((f"{FILE}\r\n{FILE}", b"x")), 400, "file_part_invalid"),
    "two content types": (
        form((f"{FILE}\r\nContent-Type: a/b\r\nContent-Type: c/d", b"x")),
        400,
        "file_part_invalid",
    ),
    "base64": (
        form((f"{FILE}\r\nContent-Transfer-Encoding: base64", b"aGVsbG8=")),
        400,
        "file_part_invalid",
    ),
    "a transfer encoding that does nothing": (
        form((f"{FILE}\r\ncontent-transfer-encoding: binary", b"x")),
        400,
        "file_part_invalid",
    ),
    "an empty name": (form(file_part(b"x", "")), 422, "filename_missing"),
    "a Windows path": (form(file_part(b"x", "C:\\dir\\a.txt")), 422, "filename_invalid"),
    "a network path": (form(file_part(b"x", "\\\\host\\a.txt")), 422, "filename_invalid"),
    "an encoded line end in the name": (
        form(file_part(b"x", "a%0D%0A.txt")),
        422,
        "filename_invalid",
    ),
    "an empty file": (form(file_part(b"")), 422, "empty_file"),
    "another digest": (form(HELLO, text_part("sha256", "0" * 64)), 422, "digest_mismatch"),
    "a short digest": (form(HELLO, text_part("sha256", DIGEST[:-1])), 422, "validation_failed"),
    "a digest and more": (
        form(HELLO, text_part("sha256", DIGEST + "\n")),
        422,
        "validation_failed",
    ),
    "an empty digest": (form(HELLO, text_part("sha256", "")), 422, "validation_failed"),
    "a digest without end": (form(text_part("sha256", "0" * 129), HELLO), 422, "validation_failed"),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_form_with_a_mistake_is_refused(token: str, storage: Path, mistake: str) -> None:
    body, status, code = REFUSED[mistake]

    assert_problem(post_form(token, body), status, code)

    assert_nothing_kept(storage)
    assert open_below(storage) == []


@pytest.mark.parametrize(
    ("content_type", "status", "code"),
    [
        (None, 415, "unsupported_media_type"),
        ("application/json", 415, "unsupported_media_type"),
        ("multipart/mixed; boundary=x", 415, "unsupported_media_type"),
        (
            f"multipart/form-data; boundary={BOUNDARY}; charset=utf-16",
            415,
            "unsupported_media_type",
        ),
        ("multipart/form-data", 400, "malformed_multipart"),
        ("multipart/form-data; boundary=", 400, "malformed_multipart"),
        (f"multipart/form-data; boundary={BOUNDARY}; boundary=x", 400, "malformed_multipart"),
        (f"multipart/form-data; boundary=x; boundary*=''{BOUNDARY}", 400, "malformed_multipart"),
        (f"multipart/form-data; boundary={'x' * 210}", 400, "malformed_multipart"),
        ('multipart/form-data; boundary="a\x01b"', 400, "malformed_multipart"),
    ],
)
def test_a_body_that_is_announced_wrongly_is_refused(
    token: str, storage: Path, content_type: str | None, status: int, code: str
) -> None:
    answer = post_form(token, WHOLE, CONTENT_TYPE=content_type)

    problem = assert_problem(answer, status, code)
    assert_nothing_kept(storage)
    if status == 415:
        assert problem["meta"] == {"accepted": ["multipart/form-data"]}
        assert answer.headers["accept"] == "multipart/form-data"


@pytest.mark.parametrize("coding", ["gzip", "identity", ""])
def test_a_coded_body_is_refused(token: str, coding: str) -> None:
    answer = post_form(token, WHOLE, HTTP_CONTENT_ENCODING=coding)

    assert_problem(answer, 415, "unsupported_content_encoding")
    assert answer.headers["accept-encoding"] == "identity"


def test_a_charset_of_utf_8_may_be_told(token: str) -> None:
    told = f"multipart/form-data; boundary={BOUNDARY}; charset=UTF-8"

    assert post_form(token, WHOLE, CONTENT_TYPE=told).status == 201


# --- a body that does not come as announced -------------------------------------------


@pytest.mark.fault(27, "a body ends early")
@pytest.mark.parametrize("missing_bytes", [1, 2, 100, len(WHOLE)])
def test_a_body_that_ends_early_is_incomplete(
    token: str, storage: Path, missing_bytes: int
) -> None:
    body = WHOLE[: len(WHOLE) - missing_bytes]

    answer = post_form(token, body, CONTENT_LENGTH=str(len(WHOLE)))

    assert_problem(answer, 400, "incomplete_body")
    assert answer.headers["connection"] == "close"
    assert_nothing_kept(storage)


def test_a_form_that_is_complete_before_its_announced_length_is_incomplete(
    token: str, storage: Path
) -> None:
    answer = post_form(token, WHOLE, CONTENT_LENGTH=str(len(WHOLE) + 1))

    assert_problem(answer, 400, "incomplete_body")
    assert_nothing_kept(storage)


def test_a_connection_that_breaks_is_an_incomplete_body(token: str, storage: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError

    answer = post_form(token, WHOLE, stream=Broken())

    assert_problem(answer, 400, "incomplete_body")
    assert_nothing_kept(storage)


def test_bytes_behind_the_announced_length_are_not_read(token: str) -> None:
    stream = Watched(WHOLE + b"GET /files/ HTTP/1.1\r\n")

    assert post_form(token, WHOLE, stream=stream).status == 201
    assert stream.read_bytes == len(WHOLE)


def test_the_parser_of_django_has_nothing_to_hand_over() -> None:
    handler = StagingUploadHandler()

    with pytest.raises(NotImplementedError):
        handler.receive_data_chunk(b"hello", 0)
    with pytest.raises(NotImplementedError):
        handler.file_complete(5)
