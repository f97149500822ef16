"""No part of an office file declares an entity, in no encoding, however far down."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors.base import ServiceError
from security.structure.xml_parts import check_prolog, walk_elements
from security.structure.zip_members import MAX_ELEMENTS, Budget
from tests import samples
from tests.files.archives import MIB, rewrite
from tests.security.structure.verdicts import office_verdict

XXE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
LAUGHS = (
    '<!DOCTYPE a [<!ENTITY b0 "lol">'
    + "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10}">' for n in range(1, 10))
    + "]><a>&b9;</a>"
)
ATTACKS = {
    "xxe": XXE,
    "laughs": LAUGHS,
    "external": '<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>',
    "parameter": '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://example.org/p">%p;]><a/>',
    "bare": "<!DOCTYPE a><a/>",
    "late": f"<!--{'x' * 30_000}--><?x y?>\n\n{XXE}",
}


def prolog_verdict(content: bytes, step_bytes: int = 100_000) -> str:
    try:
        assert b"".join(check_prolog(_steps(content, step_bytes))) == content
    except ServiceError as error:
        return error.code
    return "accepted"


def walk_verdict(content: bytes, step_bytes: int = 100_000) -> str:
    try:
        assert (
            b"".join(walk_elements(_steps(content, step_bytes), lambda *_: None, Budget(0)))
            == content
        )
    except ServiceError as error:
        return error.code
    return "accepted"


def _steps(content: bytes, step_bytes: int) -> Iterator[bytes]:
    for start in range(0, len(content), step_bytes):
        yield content[start : start + step_bytes]


@pytest.mark.parametrize("name", ["word/document.xml", "word/_rels/a.xml.rels", "word/a.vml"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_document_type_is_refused(attack: str, encoding: str, name: str) -> None:
    for declaration in ("", f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'):
        part = (declaration + ATTACKS[attack]).encode(encoding)
        parts = samples.office_parts("docx") | {name: part}

        assert office_verdict(samples.archive(parts)) == "corrupt_content"


@pytest.mark.parametrize("name", ["[Content_Types].xml", "_rels/.rels"])
def test_the_parts_every_reader_needs_are_no_exception(name: str) -> None:
    parts = samples.office_parts("docx")
    parts[name] = str(parts[name]).replace("<", "<!DOCTYPE a><", 1)

    assert office_verdict(samples.archive(parts)) == "corrupt_content"


def test_a_part_is_xml_because_its_type_says_so() -> None:
    parts = samples.office_parts("docx")
    parts["word/document.txt"] = XXE
    parts["[Content_Types].xml"] = str(parts["[Content_Types].xml"]).replace(
        "<Override", '<Override PartName="/word/document.txt" ContentType="a/b+xml"/><Override'
    )

    assert office_verdict(samples.archive(parts)) == "corrupt_content"


@pytest.mark.property
@given(
    before=st.text(st.sampled_from(" \n\t"), max_size=20),
    comment=st.text(st.characters(categories=["L", "N"]), max_size=30),
    step_bytes=st.integers(1, 50),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
def test_a_declaration_is_found_wherever_the_pieces_end(
    before: str, comment: str, step_bytes: int, encoding: str
) -> None:
    prolog = f"{before}<!--{comment}-->"

    for verdict in (prolog_verdict, walk_verdict):
        assert verdict(f"{prolog}<a>&#65;</a>".encode(encoding), step_bytes) == "accepted"
        assert verdict(f"{prolog}{XXE}".encode(encoding), step_bytes) == "corrupt_content"


@pytest.mark.property
@given(
    content=st.binary(max_size=200)
    | st.text(st.sampled_from("<>!?a/=\"'&; "), max_size=60).map(str.encode)
)
def test_any_bytes_are_passed_on_or_refused(content: bytes) -> None:
    for verdict in (prolog_verdict, walk_verdict):
        assert verdict(content, 7) in ("accepted", "corrupt_content")


@pytest.mark.parametrize(
    "encoding", ["utf-7", "cp037", "shift_jis", "rot13", "idna", "punycode", "nonsense", "UTF-32"]
)
def test_an_encoding_that_could_hide_a_declaration_is_refused(encoding: str) -> None:
    content = f'<?xml version="1.0" encoding="{encoding}"?><a/>'.encode()

    assert prolog_verdict(content) == walk_verdict(content) == "corrupt_content"


@pytest.mark.parametrize("encoding", ["UTF-8", "us-ascii", "ISO-8859-1", "windows-1252"])
def test_the_encodings_programs_write_are_accepted(encoding: str) -> None:
    content = f'<?xml version="1.0" encoding="{encoding}" standalone="yes"?><a/>'.encode()

    assert prolog_verdict(content) == walk_verdict(content) == "accepted"


def test_an_empty_part_declares_nothing() -> None:
    assert prolog_verdict(b"") == "accepted"
    assert prolog_verdict(b" ") == prolog_verdict(b"<!-- -->") == "corrupt_content"


ENDLESS = {
    "token": b'<a b="' + b"x" * 20 * MIB,
    "comment": b"<!--" + b"x" * 20 * MIB,
    "depth": b"<a>" * 5_000_000,
    "names": b"<a>" + b"".join(b"<n%d/>" % number for number in range(1_000_000)),
    "attributes": b"<a>" + b"".join(b'<a n%d="1"/>' % number for number in range(500_000)),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_part_without_end_is_refused_early(kind: str) -> None:
    tracemalloc.start()
    try:
        assert walk_verdict(ENDLESS[kind], 256 * 1024) == "corrupt_content"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * MIB


def test_many_relationships_are_read() -> None:
    content = b"<a>" + b'<b Target="https://example.org/page"/>' * 70_000 + b"</a>"

    assert walk_verdict(content, 256 * 1024) == "accepted"


def test_attributes_are_counted_too() -> None:
    element = "<b " + " ".join(f'a{number}=""' for number in range(200)) + "/>"
    part = f"<a>{element * (MAX_ELEMENTS // 25)}</a>"

    assert walk_verdict(part.encode(), 256 * 1024) == "archive_limits_exceeded"


def test_elements_are_counted_over_all_parts() -> None:
    part = f"<a>{'<b/>' * (MAX_ELEMENTS // 5)}</a>"
    parts = [f"word/_rels/{number}.rels" for number in range(5)]

    for count, code in ((4, "accepted"), (5, "archive_limits_exceeded")):
        added: dict[str, str | bytes] = dict.fromkeys(parts[:count], part)
        # Stored, or the ratio would refuse it first.
        content = rewrite(samples.office("docx"), replace=added, method=zipfile.ZIP_STORED)
        assert office_verdict(content) == code
