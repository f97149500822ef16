"""The forms of what processing tells: each takes its own dump and nothing else; clean words."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from filesvc import metadata
from filesvc.metadata import MAX_LISTED, MAX_TEXT, Form, clean_text, metadata_schema
from filesvc.models import File
from tests.filesvc.conftest import MakeFile

Told = dict[str, Any]
ANY_FORM: TypeAdapter[Form] = TypeAdapter(metadata.Metadata)
COUNTED = {"encoding": "utf-8", "lines": 1, "words": 2, "characters": 12}
OFFICE = {"words": 3, "external_links": 0, "has_macros": False}
EXAMPLES: dict[str, Told] = {
    "file": {"size": 1, "media_type": "text/plain", "sha256": "00"},
    "image": {"width": 8, "height": 6, "format": "PNG", "mode": "RGB", "frames": 1},
    "text": COUNTED,
    "csv": {
        **COUNTED,
        **{"delimiter": ",", "has_header": True, "columns": 1, "rows": 1},
        "column_types": [{"name": "a", "type": "integer"}],
    },
    "json": {**COUNTED, "documents": 1, "top_level": "object", "depth": 1, "values": 2},
    "pdf": {
        **{"version": "1.7", "pages": 1, "page_width": 595.0, "page_height": 842.0, "words": 3},
        **{"is_encrypted": False, "is_signed": False, "has_scripts": False},
        **{"has_launch_actions": False, "embedded_files": 0},
    },
    "document": {**OFFICE, "paragraphs": 2},
    "spreadsheet": {
        **OFFICE,
        **{"sheets": 1, "sheet_list": [{"name": "Sheet1", "rows": 1, "columns": 2}]},
    },
    "presentation": {**OFFICE, "slides": 4},
    "audio": {
        **{"codec": "flac", "duration_seconds": 0.01, "channels": 1, "sample_rate": 8000},
        **{"bitrate": 0, "tags": {"title": "a"}},
    },
    "archive": {
        **{"entries": 1, "unpacked_bytes": 5, "deepest_path": 0, "suspicious_entries": 0},
        "types": [{"extension": "txt", "entries": 1}],
    },
}
every_kind = pytest.mark.parametrize("kind", EXAMPLES)
# All letters, those that have no place in a row or on a line too.
LETTERS = st.characters() | st.sampled_from(
    "\0\n\r\t\x0b\u2028\u2029\u00a0\u202e\ufeff\ud800\U000e0001"
)
TEXTS = st.text(LETTERS, max_size=60) | st.text(LETTERS, min_size=200, max_size=400)


def example_of(kind: str) -> Told:
    return {"kind": kind, **EXAMPLES[kind]}


def leaves(told: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Every value with the way to it."""
    if isinstance(told, (dict, list)):
        items = told.items() if isinstance(told, dict) else enumerate(told)
        return [leaf for key, value in items for leaf in leaves(value, (*path, key))]
    return [(path, told)]


def replaced(told: Told, path: tuple[Any, ...], value: Any) -> Told:
    copy: Told = json.loads(json.dumps(told))
    node: Any = copy
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return copy


def test_every_kind_has_its_example_here() -> None:
    assert set(metadata_schema()["discriminator"]["mapping"]) == set(EXAMPLES)


@every_kind
def test_a_form_takes_its_own_dump(kind: str) -> None:
    form = ANY_FORM.validate_python(example_of(kind))

    assert form.model_dump(exclude_unset=True) == example_of(kind)
    assert ANY_FORM.validate_python(form.model_dump()) == form
    assert ANY_FORM.validate_json(form.model_dump_json()) == form
    assert type(form).model_validate(form.model_dump()) == form


@every_kind
def test_a_form_takes_no_other_field_at_any_depth(kind: str) -> None:
    told = example_of(kind)
    parents = {path[:-1] for path, _ in leaves(told)}

    for parent in parents:
        with pytest.raises(ValidationError, match="extra_forbidden"):
            ANY_FORM.validate_python(replaced(told, (*parent, "x"), 1))


@every_kind
def test_a_form_is_whole_or_none(kind: str) -> None:
    for name in EXAMPLES[kind]:
        told = example_of(kind)
        del told[name]
        with pytest.raises(ValidationError, match="missing"):
            ANY_FORM.validate_python(told)


@every_kind
@pytest.mark.parametrize("value", [None, "1", 1.5, -1, True, 2**53, [], float("nan")])
def test_a_count_is_a_whole_number_and_nothing_like_it(kind: str, value: Any) -> None:
    counts = [path for path, found in leaves(example_of(kind)) if type(found) is int]

    for path in counts:
        with pytest.raises(ValidationError):
            ANY_FORM.validate_python(replaced(example_of(kind), path, value))


@every_kind
@pytest.mark.parametrize("value", [None, 1, "a" * (MAX_TEXT + 1), "a\0", b"a"])
def test_a_text_is_short_and_can_be_kept(kind: str, value: Any) -> None:
    optional = {("tags", "title")}
    texts = [
        path
        for path, found in leaves(example_of(kind))
        if isinstance(found, str) and not (value is None and path in optional)
    ]

    assert texts
    for path in texts:
        with pytest.raises(ValidationError):
            ANY_FORM.validate_python(replaced(example_of(kind), path, value))


@pytest.mark.parametrize(
    ("kind", "name"), [("csv", "column_types"), ("spreadsheet", "sheet_list"), ("archive", "types")]
)
def test_a_list_has_an_end(kind: str, name: str) -> None:
    (item,) = EXAMPLES[kind][name]

    assert ANY_FORM.validate_python(example_of(kind) | {name: [item] * MAX_LISTED})
    with pytest.raises(ValidationError, match="too_long"):
        ANY_FORM.validate_python(example_of(kind) | {name: [item] * (MAX_LISTED + 1)})


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -0.1, "1"])
def test_an_amount_is_a_number_that_json_has(value: Any) -> None:
    for kind, name in (("pdf", "page_width"), ("audio", "duration_seconds")):
        with pytest.raises(ValidationError):
            ANY_FORM.validate_python(example_of(kind) | {name: value})


# --- words out of a stranger's file -----------------------------------------------------


@pytest.mark.property
@given(text=TEXTS)
@example(text="a" * MAX_TEXT + " b")
@example(text="a" * (MAX_TEXT - 1) + " b")
@example(text="\ud800\udc00")
@example(text="\u202egnp.exe")
def test_clean_text_is_one_short_line_that_hides_nothing(text: str) -> None:
    cleaned = clean_text(text)

    if cleaned is None:
        assert all(one.isspace() or unicodedata.category(one)[0] == "C" for one in text)
        return
    assert 0 < len(cleaned) <= MAX_TEXT
    assert cleaned.splitlines() == [cleaned]
    assert cleaned == cleaned.strip()
    assert {unicodedata.category(one)[0] for one in cleaned} & {"C"} == set()
    assert {one for one in cleaned if one.isspace()} <= {" "}


@pytest.mark.property
@given(text=TEXTS)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    cleaned = clean_text(text)

    assert clean_text(cleaned) == cleaned


@pytest.mark.property
@given(text=TEXTS)
def test_cleaning_keeps_the_letters_in_their_order(text: str) -> None:
    kept = (clean_text(text) or "").replace(" ", "")
    visible = "".join(
        one for one in text if not one.isspace() and unicodedata.category(one)[0] != "C"
    )

    assert visible.startswith(kept)
    assert kept == visible or len(clean_text(text) or "") >= MAX_TEXT - 1


@pytest.mark.property
@given(words=st.lists(st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=8)))
def test_plain_words_stay_as_they_are(words: list[str]) -> None:
    text = " ".join(words)[:MAX_TEXT].strip()

    assert (clean_text(text) or "") == text


@pytest.mark.property
@pytest.mark.django_db
@given(text=TEXTS)
def test_what_is_clean_can_be_kept_and_told(make_file: MakeFile, text: str) -> None:
    cleaned = clean_text(text)
    told = {"kind": "audio", **EXAMPLES["audio"], "tags": {"title": cleaned}}
    form = ANY_FORM.validate_python(told).model_dump()

    file = make_file(metadata=form)

    assert File.objects.get(id=file.id).metadata == form
    assert json.loads(json.dumps(form).encode("utf-8")) == form
    file.delete()


@pytest.mark.parametrize("nothing", [None, "", " \t\n", "\0", "\u200b\u202e\ufeff", "\ud800", 0])
def test_where_nothing_is_left_nothing_is_told(nothing: Any) -> None:
    assert clean_text(nothing) is None


@pytest.mark.parametrize(
    ("found", "told"), [(1997, "1997"), (b"a", "b'a'"), ("é\u0301", "é\u0301")]
)
def test_what_is_no_text_is_told_as_text(found: Any, told: str) -> None:
    assert clean_text(found) == told
