"""What is told of a file that has no processor of its own."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesvc.metadata import FileMetadata
from filesvc.processors.subject import Description, Subject
from filesvc.processors.whole import describe_whole


@pytest.mark.property
@given(
    media_type=st.text("abc/.+-", max_size=20),
    size_bytes=st.integers(0, 2**40),
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    content=st.binary(max_size=20),
)
def test_size_type_and_digest_are_told_as_they_were_proved(
    media_type: str, size_bytes: int, sha256: str, content: bytes
) -> None:
    told = describe_whole(Subject(media_type, size_bytes, sha256, io.BytesIO(content)))

    form = FileMetadata(size=size_bytes, media_type=media_type, sha256=sha256)
    assert told == Description(form, preview=None, refusal=None)
