"""What is told of a file that has no processor of its own."""

from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesvc.processors.whole import describe_whole
from tests.filesvc.conftest import new_row


@pytest.mark.property
@given(content=st.binary(min_size=1, max_size=200))
def test_size_type_and_digest_are_told(content: bytes) -> None:
    file = new_row(content, media_type="application/pdf")

    assert describe_whole(file, io.BytesIO(content)) == {
        "kind": "file",
        "size": len(content),
        "media_type": "application/pdf",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
