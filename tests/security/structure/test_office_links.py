"""An office file points to nothing on another machine that opens by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from security.office_targets import IMPORTED, MAX_TARGET, OPENED_BY_ITSELF, is_remote
from security.structure.office_links import check_relationship
from tests import samples
from tests.security.structure.verdicts import office_verdict

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
REMOTE = [
    *("http://example.org/a.dotm", "https://example.org/a", "HTTPS://EXAMPLE.ORG/a", "ftp://a/b"),
    *("\\\\server\\share\\a.dotm", "//server/share/a.dotm", "file://server/share/a.dotm"),
    *("file:////server/share/a", "file:///\\\\server\\share\\a", "file://///server/a"),
    *("mhtml:http://example.org/a!x-usc:http://example.org/b", "file:%5C%5Cserver%5Ca"),
    *("\\/server/a", " http://example.org/", "ldap://example.org", "ms-word:ofe|u|http://a"),
    *("ht\ttp://example.org/", "\\\n\\server\\a", "ht%09tp://example.org/"),
    # Segments of dots that a reader resolves.
    *("file:///.//server/s/a", "file:///././/server/a", "file:/.//server/a", "/.//server/a"),
    *("file:///a/..//server/a", "/a/../..//server/a", "file:///..\\\\server\\a"),
    *("file:///%2e//server/a", "file:///.\t//server/a", "file://localhost/.//server/a"),
    # Full names of Windows.
    *("\\??\\UNC\\server\\s\\a", "/??/UNC/server/s/a", "/??\\C:\\a", "%5C??%5CUNC%5Cserver%5Ca"),
    *("file:/??/UNC/server/a", "file:///??/UNC/server/a", "file://localhost/??/UNC/server/a"),
    *("file:///./??/UNC/server/a", "/a/../??/UNC/server/a"),
    # A host with its port is no drive.
    *("file://c:80/s/a", "FILE://C:80\\s\\a", "file://c:a/s", "file://server:80/a"),
    # Encoded more than once, and more often than anybody does.
    *("%255c%255cserver%255ca", "%25255C%25255Cserver", "%5%0ac%5%0acserver", "%25252541"),
    # One form of it alone: a reader that decodes nothing, and one that decodes everything.
    *("file://%6cocalhost/a", "file:///a/%2e%2e//server/a"),
]
LOCAL = [
    *("file:///C:\\Users\\me\\Normal.dotm", "file:///C:/Users/me/a.dotx", "C:\\a.dotx", "c:a.xlsx"),
    *("Book2.xlsx", "../Book2.xlsx", "/word/embeddings/a.bin", "a%20b.xlsx", "", "a/b:c.xlsx"),
    *("file:///Users/me/Normal.dotm", "file://localhost/Users/me/a.dotm", "file:/tmp/a.dotx"),
    *("\\Users\\me\\a.xlsx", "Macintosh HD:Users:me:a.dotm"),
    *("file://C:/a.dotx", "file://C:\\a.dotx", "file://c:", "file:c:a.dotx", "file:/c:/a.dotx"),
    *("./Book2.xlsx", "/word/./embeddings/a.bin", "/word/../a.bin", "file:///C:/a/../b/./a.dotx"),
    *("..//embeddings/a.bin", "C:\\a\\..\\\\b.xlsx", "file:///C:/a//b.dotx", "C:\\??\\a.dotx"),
    *("file:///C:/100%25.dotx", "a%2520b.xlsx", "%252541", "file:///C:/a%20b/a.dotx", "/a.?/b"),
]


def document_with(kind: str, target: str, mode: str = 'TargetMode="External"') -> bytes:
    """A document with one relationship more."""
    escaped = target.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    relationships = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{kind}" Target="{escaped}" {mode}/></Relationships>'
    )
    parts = samples.office_parts("docx") | {"word/_rels/settings.xml.rels": relationships}
    return samples.archive(parts)


@pytest.mark.parametrize("target", REMOTE)
def test_another_machine_is_remote(target: str) -> None:
    assert is_remote(target)


@pytest.mark.parametrize("target", LOCAL)
def test_a_path_of_this_machine_is_not(target: str) -> None:
    assert not is_remote(target)


@pytest.mark.parametrize("hidden", [" " * 2001 + REMOTE[0], "ht" + "\t" * 2001 + "tp://a.org/x"])
def test_a_target_too_long_to_be_judged_is_remote(hidden: str) -> None:
    assert is_remote(hidden)


def test_the_longest_target_is_still_judged() -> None:
    assert not is_remote("a" * MAX_TARGET)
    assert is_remote("a" * (MAX_TARGET + 1))


@pytest.mark.property
@given(
    scheme=st.from_regex("[a-z][a-z0-9+.-]{1,8}", fullmatch=True).filter(
        lambda scheme: scheme != "file"
    ),
    rest=st.text(max_size=20),
)
def test_every_scheme_but_file_is_remote(scheme: str, rest: str) -> None:
    assert is_remote(f"{scheme}:{rest}")
    assert is_remote(f"{scheme.upper()}:{rest}")


@pytest.mark.parametrize("kind", sorted(OPENED_BY_ITSELF - IMPORTED))
def test_what_opens_by_itself_is_refused_only_from_another_machine(kind: str) -> None:
    assert office_verdict(document_with(f"{OFFICE}/{kind}", REMOTE[0])) == "active_content"
    assert office_verdict(document_with(f"{OFFICE}/{kind}", LOCAL[0])) == "accepted"


@pytest.mark.parametrize(
    "kind",
    [
        *(f"{OFFICE}/attachedTemplate", f"{STRICT}/attachedTemplate", f"{OFFICE}/ATTACHEDTEMPLATE"),
        "http://schemas.microsoft.com/office/2006/relationships/xlExternalLinkPath/xlPathMissing",
    ],
)
def test_every_dialect_of_a_relationship_counts(kind: str) -> None:
    assert office_verdict(document_with(kind, REMOTE[0])) == "active_content"


def test_a_remote_target_counts_whatever_its_mode() -> None:
    template = f"{OFFICE}/attachedTemplate"

    assert office_verdict(document_with(template, REMOTE[0], mode="")) == "active_content"
    assert office_verdict(document_with(template, REMOTE[0], 'TargetMode="external"')) == (
        "active_content"
    )


@pytest.mark.parametrize(
    "kind", [f"{OFFICE}/aFChunk", f"{STRICT}/aFChunk", f"{OFFICE}/AFCHUNK", f"{OFFICE}/aFChunk/"]
)
@pytest.mark.parametrize("target", ["chunk.html", "afchunk.mht", "/word/chunk.docx", "", REMOTE[0]])
def test_a_file_that_is_imported_on_opening_is_refused_wherever_it_lies(
    kind: str, target: str
) -> None:
    assert office_verdict(document_with(kind, target, mode="")) == "active_content"
    assert office_verdict(document_with(kind, target)) == "active_content"


@pytest.mark.parametrize("kind", ["glossaryDocument", "chartUserShapes", "header"])
def test_parts_of_the_document_itself_are_not_imported(kind: str) -> None:
    assert office_verdict(document_with(f"{OFFICE}/{kind}", "a.xml", mode="")) == "accepted"


@pytest.mark.parametrize("kind", ["hyperlink", "image", "video"])
def test_hyperlinks_and_linked_media_are_accepted(kind: str) -> None:
    assert office_verdict(document_with(f"{OFFICE}/{kind}", REMOTE[0])) == "accepted"


@pytest.mark.parametrize("kind", ["vbaProject", "wordVbaData", "xlMacrosheet", "control"])
def test_a_relationship_to_what_runs_is_refused_whatever_its_part_is_called(kind: str) -> None:
    relationship = f"http://schemas.microsoft.com/office/2006/relationships/{kind}"

    assert office_verdict(document_with(relationship, "harmless.bin", mode="")) == "active_content"


@pytest.mark.parametrize("element", ["Relationships", "Override", "Types"])
def test_only_a_relationship_points_to_anything(element: str) -> None:
    check_relationship(element, {"Type": f"{OFFICE}/vbaProject"})


def test_only_the_last_two_words_of_a_type_count() -> None:
    with pytest.raises(catalogue.ActiveContent):
        check_relationship("Relationship", {"Type": "http://example.org/control/image"})

    check_relationship("Relationship", {"Type": "http://example.org/control/2006/image"})


def test_another_prefix_hides_no_relationship() -> None:
    content = document_with(f"{OFFICE}/attachedTemplate", REMOTE[0])
    parts = samples.office_parts("docx") | {
        "word/_rels/settings.xml.rels": '<p:Relationships xmlns:p="http://schemas.openxmlformats'
        f'.org/package/2006/relationships"><p:Relationship Id="a" Type="{OFFICE}/frame" '
        f'Target="{REMOTE[0]}" TargetMode="External"/></p:Relationships>'
    }

    assert office_verdict(samples.archive(parts)) == office_verdict(content) == "active_content"
