"""An office file with a password is told from other OLE files, and refused as encrypted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from security.media_type import identify_type
from security.structure.ole import STREAM_NAME, is_encrypted_office_file, refuse_encrypted
from tests.files import office
from tests.security.conftest import Stage

ENCRYPTED = office.encrypted_office()
OTHER = ENCRYPTED.replace(STREAM_NAME, "WordDocument\0\0\0\0".encode("utf-16-le"))


def is_encrypted(folder: Path, content: bytes) -> bool:
    path = folder / "file"
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return is_encrypted_office_file(descriptor)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.pptx", "a.png"])
def test_a_file_with_a_password_is_refused_as_encrypted(name: str, stage: Stage) -> None:
    with pytest.raises(catalogue.EncryptedContent):
        identify_type(stage(ENCRYPTED), name)


def test_another_ole_file_is_not_of_an_accepted_type(stage: Stage) -> None:
    with pytest.raises(catalogue.UnsupportedFileType):
        identify_type(stage(OTHER), "a.docx")


def test_the_directory_may_stand_anywhere(tmp_path: Path) -> None:
    content = bytearray(ENCRYPTED[:512] + bytes(200 * 512) + ENCRYPTED[512:])
    content[48:52] = (201).to_bytes(4, "little")

    assert is_encrypted(tmp_path, bytes(content))
    content[30] = 1
    assert not is_encrypted(tmp_path, bytes(content))
    assert not is_encrypted(tmp_path, OTHER)


@pytest.mark.property
@given(
    cut=st.integers(0, len(ENCRYPTED)),
    changes=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255))),
)
def test_any_bytes_get_an_answer(tmp_path: Path, cut: int, changes: list[tuple[int, int]]) -> None:
    content = bytearray(ENCRYPTED[:cut])
    for place, value in changes:
        if place < len(content):
            content[place] = value

    assert is_encrypted(tmp_path, bytes(content)) in (True, False)


@pytest.mark.property
@given(step_bytes=st.integers(1, 100))
def test_the_name_is_found_wherever_the_pieces_end(step_bytes: int) -> None:
    pieces = [ENCRYPTED[at : at + step_bytes] for at in range(0, len(ENCRYPTED), step_bytes)]
    others = [OTHER[at : at + step_bytes] for at in range(0, len(OTHER), step_bytes)]

    assert b"".join(refuse_encrypted(others)) == OTHER
    with pytest.raises(catalogue.EncryptedContent):
        list(refuse_encrypted(pieces))
