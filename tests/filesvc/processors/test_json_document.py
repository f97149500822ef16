"""What is told of JSON, against Python's json module reading the whole of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from errors import catalogue
from filesvc.processors import counting, json_document
from filesvc.processors.json_document import MAX_DEPTH, describe_json
from filesvc.processors.subject import Subject
from tests.files.texts import Endless
from tests.filesvc.processors.telling import tell

TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)  # fmt: skip
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner)
)


def describe(text: str) -> dict[str, Any]:
    return tell(describe_json, text.encode())


def count(document: Any) -> int:
    children = list(document.values()) if isinstance(document, dict) else document
    return 1 + sum(map(count, children)) if isinstance(children, list) else 1


def depth(document: Any) -> int:
    children = list(document.values()) if isinstance(document, dict) else document
    return 1 + max(map(depth, children), default=0) if isinstance(children, list) else 0


def read_all(text: str) -> list[Any]:
    """The documents of a text; raises ValueError where Python reads no JSON."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    decoder, found, place = json.JSONDecoder(parse_constant=refuse), [], 0
    while rest := text[place:].lstrip(" \t\r\n"):
        document, end = decoder.raw_decode(rest)
        found.append(document)
        place = len(text) - len(rest) + end
    if not found:
        raise ValueError("nothing")
    return found


@pytest.mark.property
@given(
    documents=st.lists(DOCUMENTS, min_size=1, max_size=4),
    style=st.sampled_from([{}, {"indent": 2}, {"ensure_ascii": False}]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    chunk=st.integers(8, 64),
)
def test_documents_values_and_depth_are_those_the_json_module_reads(
    documents: list[Any], style: dict[str, Any], encoding: str, chunk: int, monkeypatch: Any
) -> None:
    monkeypatch.setattr(counting, "CHUNK_BYTES", chunk)
    text = "\n".join(json.dumps(one, **style) for one in documents)

    told = tell(describe_json, text.encode(encoding))

    assert told["documents"] == len(documents)
    assert told["values"] == sum(map(count, documents))
    assert told["depth"] == max(map(depth, documents))
    assert told["top_level"] == TYPES.get(type(documents[0]), "number")
    assert told["characters"] == len(text)
    assert told["encoding"] == ("utf-16" if encoding == "utf-16" else "utf-8")


@pytest.mark.property
@given(text=st.text('{}[]:,"\\u0123456789.eE+-truefalsn \n', max_size=30))
@example(text='0"')
@example(text='{}\n"a')
def test_what_python_does_not_read_is_corrupt(text: str) -> None:
    # Zeros in a row are a document each, of which some are cut off like other digits.
    assume(not re.search("[0-9]{5}", text))
    try:
        documents = read_all(text)
    except ValueError:
        with pytest.raises(catalogue.CorruptContent):
            describe(text)
    else:
        assert describe(text)["documents"] == len(documents)


@pytest.mark.property
@given(content=st.binary(max_size=60))
def test_any_bytes_are_told_or_refused_as_corrupt(content: bytes) -> None:
    try:
        told = tell(describe_json, content)
    except catalogue.CorruptContent:
        return
    assert told["documents"] >= 1


@pytest.mark.parametrize(
    "text",
    [
        *("", " \n", "NaN", "[Infinity]", "-Infinity", "{'a':1}", "{a:1}", "[1,]", "[1 2]", "1,2"),
        *("// a\n1", "/* a */1", "[1]]", "{", '"a', "+1", ".5", "1.", "[01]", '"\t"', '"\\x"'),
    ],
)
def test_what_rfc_8259_does_not_allow_is_corrupt(text: str) -> None:
    with pytest.raises(catalogue.CorruptContent):
        describe(text)


def test_a_name_that_is_repeated_is_counted_again() -> None:
    assert describe('{"a": 1, "a": 2}')["values"] == 3


def test_a_lone_surrogate_in_an_escape_passes() -> None:
    assert describe('["\\ud800"]')["values"] == 2


@pytest.mark.parametrize(
    "number", ["9" * 4301, "9" * 1_000_000, "1e" + "9" * 5000, "0." + "1" * 300_000, "-" + "1" * 99]
)
def test_a_number_may_have_many_digits(number: str) -> None:
    told = describe(f'[{number}, "{number}"]')

    assert (told["values"], told["depth"]) == (3, 1)


def test_digits_are_shortened_wherever_a_chunk_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    for chunk in range(8, 40):
        monkeypatch.setattr(counting, "CHUNK_BYTES", chunk)
        assert describe('{"\\u12345678": [1234567890123, "\\u00e91234567"]}')["values"] == 4


def test_nesting_has_a_limit() -> None:
    assert describe("[" * MAX_DEPTH + "]" * MAX_DEPTH)["depth"] == MAX_DEPTH
    with pytest.raises(catalogue.CorruptContent):
        describe("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


@pytest.mark.parametrize("start", [b"[", b'{"a":', b"1", b'"'])
def test_what_has_no_end_is_refused_before_it_fills_the_memory(
    start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_document, "MAX_TOKEN_BYTES", 1_000_000)
    source = Endless(start, 2**31)
    if start == b'"':
        source = Endless(b'"' + b"a" * 4_000_000, 4_000_001)

    with pytest.raises(catalogue.CorruptContent):
        describe_json(Subject("application/json", 2**31, "", source))  # type: ignore[arg-type]  # reads like a file

    assert source.most_read_bytes <= 4_000_000


def test_space_between_documents_may_be_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_document, "MAX_TOKEN_BYTES", 100_000)

    assert describe("1" + " " * 1_000_000 + "2")["documents"] == 2
