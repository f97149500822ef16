"""What the parts of an office file are declared to be, and which of them is the main one."""

from __future__ import annotations

import pytest

from errors.base import ServiceError
from security.structure import ooxml as gate
from security.structure.ooxml import ContentTypes
from tests import samples
from tests.security.structure.verdicts import OFFICE_TYPES, office_verdict

TYPES, ROOT = "[Content_Types].xml", "_rels/.rels"


def changed(kind: str, name: str, before: str, added: str) -> bytes:
    """The smallest file of that kind with more in one of its parts."""
    parts = samples.office_parts(kind)
    assert before in (part := str(parts[name]))
    return samples.archive(parts | {name: part.replace(before, f"{added}{before}", 1)})


@pytest.mark.parametrize(
    ("declared", "is_xml"),
    [
        *(("a/b+xml", True), ("application/xml", True), ("text/xml", True)),
        *(("image/svg+xml", False), ("text/plain", False), ("", False)),
    ],
)
def test_a_part_is_xml_by_its_declared_type(declared: str, is_xml: bool) -> None:
    types = ContentTypes()
    types.add("Default", {"Extension": "dat", "ContentType": declared})

    assert types.is_xml("word/a.dat") == is_xml
    assert not types.is_xml("word/a.bin")


@pytest.mark.parametrize("name", ["word/a.xml", "_rels/.rels", "word/a.vml"])
def test_a_part_is_xml_by_its_name_whatever_is_declared(name: str) -> None:
    types = ContentTypes(defaults=dict.fromkeys(("xml", "rels", "vml"), "image/png"))

    assert types.is_xml(name)


@pytest.mark.parametrize(("element", "key"), [("Default", "Extension"), ("Override", "PartName")])
def test_as_many_types_are_declared_as_a_file_may_have_parts(
    monkeypatch: pytest.MonkeyPatch, element: str, key: str
) -> None:
    monkeypatch.setattr(gate, "MAX_ENTRIES", 3)
    types = ContentTypes()
    for number in range(3):
        types.add(element, {key: f"a{number}", "ContentType": "a/b"})

    with pytest.raises(ServiceError) as refusal:
        types.add(element, {key: "a3", "ContentType": "a/b"})

    assert refusal.value.code == "archive_limits_exceeded"


@pytest.mark.parametrize("element", ["Added", "Zusatz"])
def test_only_a_relationship_makes_a_main_part(element: str) -> None:
    second = f'<{element} Id="x" Type="urn:x/officeDocument" Target="word/other.xml"/>'

    assert office_verdict(changed("docx", ROOT, "<Relationship ", second)) == "accepted"


@pytest.mark.parametrize("element", ["Added", "Zusatz"])
def test_only_a_default_or_an_override_declares_a_type(element: str) -> None:
    other = f'<{element} Extension="rels" PartName="/word/document.xml" ContentType="a/b"/>'

    assert office_verdict(changed("docx", TYPES, "<Default ", other)) == "accepted"


@pytest.mark.parametrize(("kind", "decoy"), [("docx", "xlsx"), ("xlsx", "docx")])
def test_a_decoy_of_another_kind_does_not_make_the_kind(kind: str, decoy: str) -> None:
    declared = f'<Override PartName="/a.xml" ContentType="{OFFICE_TYPES[decoy]}.main+xml"/>'
    content = changed(kind, TYPES, "<Override", declared)

    assert office_verdict(content, kind) == "accepted"
    assert office_verdict(content, decoy) == "content_mismatch"
