"""The PDF gate: where the file begins and ends, passwords and scripts in plain sight."""

from __future__ import annotations

import io
from collections.abc import Callable
from unittest import mock

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pikepdf import Dictionary, Name, String

from errors import catalogue
from security.structure import pdf as gate
from security.structure.pdf import inspect_pdf
from tests import samples
from tests.files import pdfs
from tests.security.structure.variations import find_changes, samples_of
from tests.security.structure.verdicts import verdict_of

SAMPLES = pdfs.every_sample()
ZIP = samples.archive({"a.txt": "hello"})
ZIP_END = b"PK\x05\x06"
VERDICTS = {
    "accepted",
    "corrupt_content",
    "ambiguous_content",
    "encrypted_content",
    "active_content",
}


def inspect(content: bytes) -> None:
    inspect_pdf(io.BytesIO(content), len(content))


def end_of_zip(comment_bytes: int) -> bytes:
    """The record that ends a ZIP, before a comment of that length."""
    return ZIP_END + bytes(16) + comment_bytes.to_bytes(2, "little")


def with_object(*written: str) -> bytes:
    """A page, and more objects behind what is on it."""
    return pdfs.written(
        "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [] /Count 0 >>", *written
    )


@pytest.mark.parametrize("make", pdfs.ORDINARY.values(), ids=pdfs.ORDINARY)
def test_what_ordinary_programs_write_is_accepted(make: Callable[[], bytes]) -> None:
    inspect(make())


@pytest.mark.property
@given(
    pages=st.integers(1, 20),
    version=st.sampled_from(["1.3", "1.4", "1.5", "1.7", "2.0"]),
    linearize=st.booleans(),
    streams=st.sampled_from(list(pikepdf.ObjectStreamMode)),
)
def test_whatever_pikepdf_writes_is_accepted(
    pages: int, version: str, linearize: bool, streams: pikepdf.ObjectStreamMode
) -> None:
    content = pdfs.saved(
        pdfs.blank(pages), min_version=version, linearize=linearize, object_stream_mode=streams
    )

    inspect(content)


@pytest.mark.property
@given(content=st.binary(max_size=2000) | st.binary(max_size=500).map(b"%PDF-1.7\n".__add__))
def test_any_bytes_end_in_acceptance_or_an_error_of_the_catalogue(content: bytes) -> None:
    assert verdict_of(inspect_pdf, content) in VERDICTS


@pytest.mark.property
@given(sample=st.sampled_from(SAMPLES), cut=st.floats(0, 1), junk=st.binary(max_size=40))
def test_a_changed_sample_ends_in_acceptance_or_an_error_of_the_catalogue(
    sample: bytes, cut: float, junk: bytes
) -> None:
    place = int(cut * len(sample))
    for changed in (sample[:place], sample[:place] + junk + sample[place + len(junk) :]):
        assert verdict_of(inspect_pdf, changed) in VERDICTS


@pytest.mark.property
@given(cut=st.integers(1, 400))
def test_a_file_that_is_cut_short_is_corrupt(cut: int) -> None:
    content = pdfs.by_hand().rstrip()

    with pytest.raises(catalogue.CorruptContent):
        inspect(content[:-cut])


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n", b"<html>", ZIP, b"GIF89a"])
def test_anything_before_the_header_is_ambiguous(before: bytes) -> None:
    with pytest.raises(catalogue.AmbiguousContent):
        inspect(before + pdfs.by_hand())


def test_a_file_without_a_header_is_corrupt() -> None:
    with pytest.raises(catalogue.CorruptContent):
        inspect(pdfs.by_hand().replace(b"%PDF-", b"%PSF-"))


@pytest.mark.parametrize("hidden", [b"<HTML><script>", b"<?php echo 1;", b"<!doctype html>", ZIP])
def test_another_format_in_the_header_is_ambiguous(hidden: bytes) -> None:
    content = pdfs.by_hand().replace(b"%PDF-1.7\n", b"%PDF-1.7\n%" + hidden + b"\n")

    with pytest.raises(catalogue.AmbiguousContent):
        inspect(content)


def test_a_page_about_html_is_accepted() -> None:
    inspect(pdfs.by_hand(text="Begin with <html> and a <script>"))


@pytest.mark.parametrize("after", [b"<html><script>x</script>", ZIP, b"x", pdfs.by_hand()[9:20]])
def test_anything_after_the_end_is_ambiguous(after: bytes) -> None:
    with pytest.raises(catalogue.AmbiguousContent):
        inspect(pdfs.by_hand() + after)


def test_a_long_tail_is_ambiguous_although_the_end_mark_is_out_of_sight() -> None:
    with pytest.raises(catalogue.AmbiguousContent):
        inspect(pdfs.by_hand() + b"x" * 2 * gate.TAIL_BYTES)


@pytest.mark.parametrize("padding", [b"", b"\n", b"\r\n", b"\r", b" \n\n", bytes(511), b"\n\x1a"])
def test_padding_after_the_end_is_accepted(padding: bytes) -> None:
    inspect(pdfs.by_hand().rstrip() + padding)


def test_a_second_revision_is_accepted() -> None:
    first = pdfs.by_hand()

    inspect(first + first[first.index(b"xref") :])


def test_a_pdf_that_ends_in_the_comment_of_a_zip_is_ambiguous() -> None:
    content = pdfs.by_hand()
    place = content.index(b"xref")
    rest = content[place:]
    end = b"PK\x05\x06" + bytes(16) + len(rest).to_bytes(2, "little")

    with pytest.raises(catalogue.AmbiguousContent):
        inspect(content[:place] + end + rest)


@pytest.mark.property
@given(shift=st.integers(0, 7), tail=st.sampled_from([b"", b" " * 200]))
def test_of_several_ends_of_a_zip_the_one_that_reaches_the_last_byte_counts(
    shift: int, tail: bytes
) -> None:
    content = pdfs.by_hand() + tail
    place = content.index(b"xref")
    before, rest = content[:place] + b"%" * shift + ZIP_END, content[place:]

    inspect(before + end_of_zip(len(rest) - 1) + rest)
    inspect(before + end_of_zip(len(rest) + 1) + rest)
    with pytest.raises(catalogue.AmbiguousContent):
        inspect(before + end_of_zip(len(rest)) + rest)


def test_the_longest_comment_of_a_zip_hides_nothing() -> None:
    content = pdfs.by_hand()
    rest = b"%" * (0xFFFF - len(content)) + b"\n" + content[10:]
    rest = b"%" * (0xFFFF - len(rest)) + rest

    with pytest.raises(catalogue.AmbiguousContent):
        inspect(content[:10] + end_of_zip(len(rest)) + rest)


def test_a_second_revision_that_is_cut_short_is_corrupt() -> None:
    first = pdfs.by_hand()

    with pytest.raises(catalogue.CorruptContent):
        inspect(first + first[first.index(b"xref") :][:-10])


@pytest.mark.parametrize("gone", [b"%%EOF", b"startxref"])
def test_a_file_without_its_last_lines_is_corrupt(gone: bytes) -> None:
    with pytest.raises(catalogue.CorruptContent):
        inspect(pdfs.by_hand().replace(gone, b""))


@pytest.mark.parametrize("revision", [3, 4, 6])
@pytest.mark.parametrize("user", ["", "secret"])
def test_an_encrypted_file_is_refused(user: str, revision: int) -> None:
    with pytest.raises(catalogue.EncryptedContent):
        inspect(pdfs.encrypted(user, revision))


@pytest.mark.parametrize(
    "entry",
    ["/Encrypt 9 0 R", "/#45ncrypt 9 0 R", "/Encryp#74<< >>", "/Encrypt % see\n9\r\n0 R/ID[]"],
)
def test_however_a_trailer_spells_it_encryption_is_seen(entry: str) -> None:
    with pytest.raises(catalogue.EncryptedContent):
        inspect(pdfs.by_hand(trailer=entry))


@pytest.mark.parametrize(
    "entries",
    ["/Type /XRef /Encrypt 9 0 R", "/Encrypt 9 0 R /Type /XRef", "/Encrypt <</V 4>>/XRef"],
)
def test_encryption_is_seen_in_a_cross_reference_stream(entries: str) -> None:
    with pytest.raises(catalogue.EncryptedContent):
        inspect(with_object(f"<< {entries} >>\nstream\nx\nendstream"))


@pytest.mark.parametrize(
    "written",
    [
        "<< /Encrypt 9 0 R /Type /Font >>",
        "<< /Encrypt 9 0 R /Type /XObject >>\nstream\n/XRef\nendstream",
    ],
)
def test_the_same_word_in_another_object_is_no_encryption(written: str) -> None:
    inspect(with_object(written))


def test_a_cross_reference_further_down_makes_no_trailer_of_an_object() -> None:
    content = with_object("<< /Encrypt 9 0 R >>", "<< /Of /XRef >>")
    assert b"stream" not in content[content.index(b"/Encrypt") :]

    inspect(content)


def test_a_page_about_encryption_is_accepted() -> None:
    inspect(pdfs.by_hand(text="The trailer has /Encrypt 9 0 R or /Encrypt << >>"))


@pytest.mark.parametrize("entry", ["/Encrypt null", "/EncryptMetadata 9 0 R", "/Encrypted 9 0 R"])
def test_other_words_of_the_trailer_are_no_encryption(entry: str) -> None:
    inspect(pdfs.by_hand(trailer=entry))


@pytest.mark.parametrize("make", pdfs.ACTIVE.values(), ids=pdfs.ACTIVE)
def test_an_action_in_plain_sight_is_refused(make: Callable[[], pikepdf.Pdf]) -> None:
    with pytest.raises(catalogue.ActiveContent):
        inspect(pdfs.saved(make(), object_stream_mode=pikepdf.ObjectStreamMode.disable))


@pytest.mark.parametrize(
    "action",
    [
        "<</S/JavaScript/JS(x)>>",
        "<< /S /J#61v#61Script >>",
        "<< /#53\n\t\x00/JavaScript >>",
        "<< /S %comment\r\n /Launch >>",
        "<< /#4a#53 (app.alert\\(1\\)) >>",
        "<< /JS <6162> >>",
    ],
)
def test_however_it_is_spelled_an_action_is_seen(action: str) -> None:
    with pytest.raises(catalogue.ActiveContent):
        inspect(pdfs.by_hand(catalog=f"/OpenAction {action}"))


@pytest.mark.parametrize(
    "entry",
    ["/S /JavaScripts", "/Sub /Launch", "/JS 4 0 R", "/JS << /A 1 >>", "/T (about /S /Launch)"],
)
def test_what_only_looks_like_an_action_is_accepted(entry: str) -> None:
    inspect(pdfs.by_hand(catalog=f"/Extra << {entry} >>"))


@pytest.mark.parametrize(
    "entry",
    [
        "/T ((a) /S /Launch)",
        "/T (a (b) (c) /S /Launch)",
        "/T (a \\( /S /Launch \\) b)",
        "/T ) /U (/S /Launch)",
    ],
)
def test_inside_a_string_however_deep_nothing_is_an_action(entry: str) -> None:
    inspect(pdfs.by_hand(catalog=f"/Extra << {entry} >>"))


@pytest.mark.parametrize("text", ["(a \\) b)", "((a) b)", "(a \\( b)", "(a \\\\)"])
def test_behind_a_string_an_action_is_seen(text: str) -> None:
    with pytest.raises(catalogue.ActiveContent):
        inspect(pdfs.by_hand(catalog=f"/T {text} /A << /S /Launch >>"))


def test_an_action_in_the_trailer_is_an_action() -> None:
    with pytest.raises(catalogue.ActiveContent):
        inspect(pdfs.by_hand(trailer="/A << /S /Launch >>"))


def test_a_page_about_actions_is_accepted() -> None:
    inspect(pdfs.by_hand(text="Write << /S /JavaScript /JS \\(x\\) >>"))


def test_a_form_without_scripts_and_files_in_a_file_are_accepted() -> None:
    document = pdfs.with_files(2, 1)
    field = Dictionary(FT=Name.Tx, T=String("name"), V=String("Ada"))
    document.Root.AcroForm = Dictionary(Fields=pikepdf.Array([document.make_indirect(field)]))

    inspect(pdfs.saved(document))


@pytest.mark.property
@given(st.integers(-40, 40))
def test_an_action_on_the_border_of_two_chunks_is_seen(shift: int) -> None:
    content = pdfs.by_hand(catalog="/OpenAction << /S /JavaScript >>")
    place = content.index(b"/S /Java")
    filling = gate.CHUNK_BYTES - place + shift - len(b"%\n")
    moved = content.replace(b"\n1 0 obj", b"\n%" + b"-" * filling + b"\n1 0 obj", 1)

    with pytest.raises(catalogue.ActiveContent):
        inspect(moved)


@pytest.mark.property
@given(chunk_bytes=st.integers(30, 3000), finds=st.integers(0, 12))
def test_a_find_is_looked_at_once_however_the_file_is_read(chunk_bytes: int, finds: int) -> None:
    most = 6
    content = pdfs.by_hand(text="/S /Launch " * finds, trailer="/Encrypt 9 0 R")

    with (
        mock.patch.object(gate, "CHUNK_BYTES", chunk_bytes),
        mock.patch.object(gate, "MAX_LOOKS", most),
    ):
        verdict = verdict_of(inspect_pdf, content)

    assert verdict == ("encrypted_content" if finds < most else "accepted")


@pytest.mark.property
@given(chunk_bytes=st.integers(30, 3000), window_bytes=st.integers(600, 1500))
def test_an_action_is_seen_however_the_file_is_read(chunk_bytes: int, window_bytes: int) -> None:
    content = pdfs.by_hand(catalog="/OpenAction << /S /Launch >>", text="x" * 2000)

    with (
        mock.patch.object(gate, "CHUNK_BYTES", chunk_bytes),
        mock.patch.object(gate, "WINDOW_BYTES", window_bytes),
        pytest.raises(catalogue.ActiveContent),
    ):
        inspect(content)


def test_a_large_file_of_finds_that_mean_nothing_is_accepted() -> None:
    text = "/S /JavaScript " * 200_000

    inspect(pdfs.by_hand(text=text))


def test_memory_does_not_grow_with_the_file() -> None:
    largest = 0

    class Counting(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            nonlocal largest
            largest = max(largest, len(found := super().read(size)))
            return found

    content = pdfs.by_hand(text="x" * 8 * gate.CHUNK_BYTES)
    inspect_pdf(Counting(content), len(content))

    assert largest <= gate.CHUNK_BYTES + gate.WINDOW_BYTES


@samples_of("application/pdf")
def test_no_variation_of_a_file_is_judged_otherwise_unnoticed(name: str) -> None:
    assert find_changes(name) == []


@pytest.mark.parametrize("archives", [1, 2])
def test_a_whole_zip_in_the_middle_of_the_file_is_accepted(archives: int) -> None:
    attached = "x" * gate.HEAD_BYTES + ZIP.decode("latin-1") * archives + " " * 128 * 1024

    inspect(pdfs.by_hand(text=attached))


def test_a_whole_zip_that_its_readers_would_find_is_ambiguous() -> None:
    attached = "x" * gate.HEAD_BYTES + ZIP.decode("latin-1")

    with pytest.raises(catalogue.AmbiguousContent):
        inspect(pdfs.by_hand(text=attached))


@pytest.mark.property
@given(kept=st.integers(0, 50))
def test_a_second_revision_that_is_cut_short_is_corrupt_and_not_ambiguous(kept: int) -> None:
    first = pdfs.by_hand().rstrip()
    again = pdfs.by_hand()[first.index(b"xref") :]

    with pytest.raises(catalogue.CorruptContent):
        inspect(first + b"\n" + again[: len("xref\n") + kept])


@pytest.mark.property
@given(before=st.integers(0, 60), chunks=st.integers(1, 2))
def test_an_action_is_looked_at_once_where_two_chunks_overlap(before: int, chunks: int) -> None:
    # Behind the border of a chunk and before the end of the file: the next chunk has it whole.
    script = b"/S /JavaScript "
    head = pdfs.by_hand().removesuffix(b"%%EOF\n")
    filling = b"%" + b"-" * (chunks * gate.CHUNK_BYTES + before - len(head) - 2) + b"\n"
    rest = b"-" * (gate.CHUNK_BYTES + gate.WINDOW_BYTES)
    content = head + filling + script * (gate.MAX_LOOKS - 1) + rest
    action = pdfs.by_hand(catalog="/OpenAction << /S /JavaScript >>")[9:]

    with pytest.raises(catalogue.ActiveContent):
        inspect(content + b"\n" + action)
