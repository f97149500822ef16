"""The table: which processor a type gets, and that none sees bytes that have changed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from filesvc.processors import PROCESSORS, check_unchanged, process
from security.policy import BY_MEDIA_TYPE, TYPES
from tests import samples
from tests.filesvc.conftest import new_row

CONTENT = {
    "image/png": samples.image("PNG"),
    "image/jpeg": samples.image("JPEG"),
    "image/gif": samples.image("GIF"),
    "image/webp": samples.image("WEBP"),
    "image/tiff": samples.image("TIFF"),
    "image/bmp": samples.image("BMP"),
}


@pytest.mark.parametrize("media_type", [row.media_type for row in TYPES])
def test_every_type_of_the_policy_is_described_as_what_it_is(media_type: str) -> None:
    content = CONTENT.get(media_type, b"hello\n")

    told = process(new_row(content, media_type=media_type), io.BytesIO(content))

    kinds = {True: "text", False: "image" if media_type.startswith("image/") else "file"}
    assert told["kind"] == kinds[BY_MEDIA_TYPE[media_type].is_text]
    assert json.loads(json.dumps(told)) == told


def test_every_image_and_text_of_the_policy_has_its_processor() -> None:
    wanted = {row.media_type for row in TYPES if row.is_text or row.media_type.startswith("image/")}

    assert set(PROCESSORS) == wanted


@pytest.mark.property
@given(accepted=st.binary(min_size=1, max_size=50), kept=st.binary(max_size=50))
def test_only_the_accepted_bytes_are_processed(accepted: bytes, kept: bytes) -> None:
    file, source = new_row(accepted, media_type="application/pdf"), io.BytesIO(kept)

    if kept == accepted:
        assert process(file, source)["sha256"] == file.sha256
    else:
        with pytest.raises(catalogue.ContentChanged):
            process(file, source)


def test_the_processor_reads_from_the_first_byte(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"hello")

    with (tmp_path / "blob").open("rb") as source:
        check_unchanged(new_row(b"hello"), source)
        assert source.read() == b"hello"


def test_bytes_that_cannot_be_read_are_a_fault_of_the_store_and_not_of_the_file() -> None:
    # The address 0 of a process is never mapped, so that reading it is an input/output error.
    with Path("/proc/self/mem").open("rb") as source, pytest.raises(catalogue.StorageUnavailable):
        process(new_row(b"hello"), source)
