"""However a form is cut into pieces or broken, it is staged whole or refused for one reason."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from errors.base import ServiceError
from security import receiving
from security.receiving import StagingUploadHandler
from tests.client import BOUNDARY, file_part, form, text_part

DELIMITER = f"--{BOUNDARY}".encode()


class Pieces:
    """A body that arrives in pieces, as from a socket; `read_bytes` tells how much was taken."""

    def __init__(self, body: bytes, cuts: list[int]) -> None:
        self._body = body
        self._cuts = sorted({cut for cut in cuts if cut < len(body)} | {len(body)})
        self.read_bytes = 0

    def read(self, size: int) -> bytes:
        end = next((cut for cut in self._cuts if cut > self.read_bytes), self.read_bytes)
        piece = self._body[self.read_bytes : min(end, self.read_bytes + size)]
        self.read_bytes += len(piece)
        return piece


def receive(body: bytes, cuts: list[int], *, announced: int | None = None) -> Any:
    """Name, bytes, size and digest of the staged file, or the code of the refusal."""
    handler = StagingUploadHandler()
    stream: Any = Pieces(body, cuts)
    try:
        length = len(body) if announced is None else announced
        handler.handle_raw_input(stream, {}, length, BOUNDARY.encode())
        staged = handler.finished_upload()
        return staged.name, staged.path.read_bytes(), staged.size_bytes, staged.sha256
    except ServiceError as error:
        return error.code
    finally:
        handler.close()


# What is hard to cut right: line ends and beginnings of the delimiter.
scraps = st.sampled_from([b"\r\n", b"\r", b"\n", b"--", b"\r\n--", DELIMITER[:-1], b"\r\n\r\n"])
contents = st.lists(scraps | st.binary(max_size=40), max_size=6).map(b"".join)
cut_lists = st.lists(st.integers(1, 700), max_size=12) | st.just(list(range(1, 900)))


@st.composite
def forms(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A valid form and the content of its file; the digest may stand on either side."""
    content = draw(contents.filter(lambda some: some and b"\r\n" + DELIMITER not in some))
    digest = draw(st.sampled_from(["lower", "upper", "none"]))
    parts = [file_part(content, "a.txt", draw(st.sampled_from([None, "text/plain"])))]
    if digest != "none":
        told = hashlib.sha256(content).hexdigest()
        field = text_part("sha256", told if digest == "lower" else told.upper())
        parts.insert(draw(st.sampled_from([0, 1])), field)
    return form(*parts), content


@pytest.mark.property
@given(forms(), cut_lists)
def test_a_valid_form_is_staged_whole_wherever_it_is_cut(
    valid: tuple[bytes, bytes], cuts: list[int]
) -> None:
    body, content = valid

    expected = ("a.txt", content, len(content), hashlib.sha256(content).hexdigest())
    assert receive(body, cuts) == expected


@pytest.mark.property
@given(forms(), st.integers(1, 16))
def test_the_size_of_our_own_chunks_does_not_matter(
    valid: tuple[bytes, bytes], chunk_bytes: int
) -> None:
    body, content = valid
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receiving, "CHUNK_BYTES", chunk_bytes)
        assert receive(body, [])[1] == content


@st.composite
def broken_forms(draw: st.DrawFn) -> bytes:
    """A form with one or two mistakes in it, as a hostile or a sloppy client makes them."""
    body, _ = draw(forms())
    tokens = [b"\r\n", b"\n", b"\r", b"--", b'"', b";", b":", b"\0", b"=", b"file", DELIMITER]
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(body)))
        end = draw(st.integers(at, min(len(body), at + 40)))
        new = draw(st.sampled_from(tokens) | st.binary(max_size=3) | st.just(body[at:end] * 2))
        body = body[:at] + new + body[end:]
    return body


@pytest.mark.property
@given(broken_forms(), cut_lists)
def test_the_verdict_on_a_broken_form_does_not_depend_on_its_cuts(
    body: bytes, cuts: list[int]
) -> None:
    assert receive(body, cuts) == receive(body, []), (body, cuts)


def split_strictly(body: bytes) -> list[tuple[bytes, bytes]] | None:
    """Headers and content of each part, split from both ends; None for what is no such form."""
    opening, closing = DELIMITER + b"\r\n", b"\r\n" + DELIMITER + b"--"
    body = body.removeprefix(b"\r\n").removesuffix(b"\r\n")
    if not (body.startswith(opening) and body.endswith(closing)):
        return None
    inner = body[len(opening) : -len(closing)]
    parts = [part.partition(b"\r\n\r\n") for part in inner.split(b"\r\n" + opening)]
    for head, blank, content in parts:
        lines = head.split(b"\r\n")
        is_header = all(re.fullmatch(rb"[!-9;-~ ]+:[^\r\n]*", line) for line in lines)
        if not (blank and is_header) or b"\r\n" + DELIMITER in content:
            return None
    return [(head, content) for head, _, content in parts]


@pytest.mark.property
@given(broken_forms())
def test_a_form_that_is_taken_is_one_that_a_second_reader_splits_alike(body: bytes) -> None:
    verdict = receive(body, [])
    parts = split_strictly(body)

    if isinstance(verdict, str):
        return
    assert parts is not None, body
    files = [(head, content) for head, content in parts if b"filename" in head]
    assert len(parts) - len(files) <= 1
    assert [content for _, content in files] == [verdict[1]]
    # A mutation may leave a name unquoted, which is as good.
    assert f"filename={verdict[0]}".encode() in files[0][0].replace(b'"', b"")
    for head, content in parts:
        if b"filename" not in head:
            assert content.decode().lower() == verdict[3]


def test_bytes_of_no_part_are_neither_kept_nor_taken_for_a_digest() -> None:
    # No parser sends them; who would keep them had not asked what they are (CWE-20).
    handler = StagingUploadHandler()

    with pytest.raises(catalogue.MissingFile):
        handler._write(b"hello")
    handler._append_digest(b"00" * 32)

    with pytest.raises(catalogue.MissingFile):
        handler.finished_upload()
