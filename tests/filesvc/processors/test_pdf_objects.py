"""The objects of an open PDF: page trees as qpdf did not see them, and what streams hold."""

from __future__ import annotations

import io
import zlib
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, Pdf, StreamDecodeLevel

from errors import catalogue
from filesvc.processors import pdf_objects
from filesvc.processors.pdf_objects import find_contents, find_pages
from tests.files import pdfs

LIMIT_BYTES = 4096
PAGE, NOTHING, NO_KIDS = "page", "nothing", "no kids"
TREES = st.recursive(
    st.sampled_from([PAGE, PAGE, NOTHING, NO_KIDS]), lambda inner: st.lists(inner, max_size=4)
)


def planted(tree: Any, document: Pdf) -> Any:
    """The node of a page tree, an object of its own as in any file; None is what is not there."""
    if tree == PAGE:
        return document.make_indirect(Dictionary(Type=Name.Page))
    if tree == NOTHING:
        return None
    kids = 7 if tree == NO_KIDS else Array([planted(inner, document) for inner in tree])
    return document.make_indirect(Dictionary(Type=Name.Pages, Kids=kids))


def count(tree: Any) -> int:
    """How many pages it has."""
    return sum(map(count, tree)) if isinstance(tree, list) else int(tree == PAGE)


# qpdf repairs such trees as it opens a file, or refuses it: what it lets pass is its own affair.
@pytest.mark.property
@given(tree=TREES.filter(lambda tree: tree != NOTHING))
def test_the_pages_of_any_tree_are_counted(tree: Any) -> None:
    with pdfs.blank() as document:
        document.Root.Pages = planted(tree, document)

        if count(tree):
            assert find_pages(document)[0] == count(tree)
        else:
            with pytest.raises(catalogue.CorruptContent, match="without pages"):
                find_pages(document)


@pytest.mark.property
@given(depth=st.integers(0, 5), pages=st.integers(0, 3))
def test_a_tree_that_meets_itself_is_corrupt_and_ends(depth: int, pages: int) -> None:
    with pdfs.blank() as document:
        root = inner = planted([PAGE] * pages, document)
        for _ in range(depth):
            inner.Kids.append(planted([PAGE] * pages, document))
            inner = inner.Kids[-1]
        inner.Kids.append(root)
        document.Root.Pages = root

        with pytest.raises(catalogue.CorruptContent, match="cycle"):
            find_pages(document)


def is_heavy(packed: bytes, entries: dict[str, Any] | None = None) -> bool:
    """Whether that is found of a file with this stream, as it is."""
    with pdfs.blank() as document:
        document.Root.Extra = document.make_stream(b"", entries or {})
        document.Root.Extra.write(packed, filter=Name.FlateDecode)
        content = pdfs.saved(document, stream_decode_level=StreamDecodeLevel.none)
    assert packed in content
    with Pdf.open(io.BytesIO(content)) as document:
        return find_contents(document, lambda *_: None).is_heavy


@pytest.fixture
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of another size, in the same proportion."""
    monkeypatch.setattr(pdf_objects, "MAX_STREAM_BYTES", LIMIT_BYTES)
    monkeypatch.setattr(pdf_objects, "INFLATE_BYTES", LIMIT_BYTES // 1024)


@pytest.mark.property
@pytest.mark.usefixtures("low_limits")
@given(
    unpacked_bytes=st.integers(0, 2 * LIMIT_BYTES),
    step=st.integers(0, 250),
    cut=st.integers(0, 40) | st.just(0),
)
@example(unpacked_bytes=LIMIT_BYTES, step=0, cut=0)
@example(unpacked_bytes=LIMIT_BYTES + 1, step=0, cut=0)
def test_a_stream_is_heavy_by_what_it_unpacks_to(unpacked_bytes: int, step: int, cut: int) -> None:
    content = bytes(step * place * place % 251 for place in range(unpacked_bytes))
    packed = zlib.compress(content)
    assume(len(packed) <= LIMIT_BYTES)
    unpacked = zlib.decompressobj().decompress(packed[: len(packed) - cut])

    assert is_heavy(packed[: len(packed) - cut]) == (len(unpacked) > LIMIT_BYTES)


@pytest.mark.usefixtures("low_limits")
@pytest.mark.parametrize("good_bytes", [LIMIT_BYTES // 2, 2 * LIMIT_BYTES])
def test_a_damaged_stream_is_as_heavy_as_what_can_be_unpacked_of_it(good_bytes: int) -> None:
    packer = zlib.compressobj()
    good = packer.compress(bytes(good_bytes)) + packer.flush(zlib.Z_FULL_FLUSH)

    assert is_heavy(good + b"\xff" * 100) == (good_bytes > LIMIT_BYTES)


@pytest.mark.usefixtures("low_limits")
@pytest.mark.parametrize(
    ("entries", "heavy"), [({}, True), ({"/Subtype": Name.Image}, False)], ids=["any", "picture"]
)
def test_a_picture_is_read_by_the_row_and_never_heavy(
    entries: dict[str, Any], *, heavy: bool
) -> None:
    assert is_heavy(zlib.compress(bytes(2 * LIMIT_BYTES)), entries) is heavy
