"""Which file names are kept as they are, and which are refused."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import catalogue
from errors.base import ServiceError
from security.filename import MAX_LENGTH, check_filename, extension_of
from security.policy import TYPES

DEVICES = {"CON", "PRN", "AUX", "NUL"} | {
    f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"
}
RUNNABLE = {
    *("asp", "aspx", "cgi", "hta", "htaccess", "htm", "html", "jsp", "jspx", "shtml"),
    *("phar", "php", "php3", "php4", "php5", "php7", "phps", "pht", "phtml"),
    *("bat", "cmd", "com", "dll", "exe", "jar", "lnk", "msi", "scr"),
    *("js", "mjs", "pl", "ps1", "py", "rb", "sh", "vbe", "vbs", "wsf"),
    *("svg", "svgz", "swf", "xht", "xhtml", "xml"),
}
EXTENSIONS = {extension for row in TYPES if row.by_default for extension in row.extensions}
PIECES = (
    *("note", "a", "con", "NUL", "com1", "lpt³", "Aux", "php", "PhP", "exe", "svg", "v1"),
    *("txt", "PNG", "jpg", "pdf", "zip", "png", ".", ".", ".", "..", "-", "_", " ", "/", "\\", ":"),
    *("é", "e\u0301", "\u212a", "漢" * 40, "x" * 120, "🙂", "\u00a0", "\u3000"),
    *("\x00", "\n", "\x7f", "\x85", "\u200b", "\u202e", "\ufeff", "\u2028", "\ue000", "\ud800"),
    *("\u034f", "\u115f", "\u2800", "\u3164", "\ufe0f", "\ufe10", "\U000e01ef"),
)
# Letters, marks and symbols of no width: joiner, fillers, vowels nobody writes, selectors, Braille.
BLANK = {
    *("\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u2800", "\u3164", "\uffa0"),
    *("\u180b", "\u180c", "\u180d", "\u180f"),
    *(unicodedata.lookup(f"VARIATION SELECTOR-{number}") for number in range(1, 257)),
}
pieces = st.sampled_from(PIECES) | st.text(max_size=2)
names = st.builds(
    "{}{}.{}".format,
    st.text("abc é漢9.-_()", min_size=1, max_size=8) | st.lists(pieces, max_size=3).map("".join),
    st.just("") | pieces,
    st.sampled_from(sorted(EXTENSIONS)) | pieces,
)


def may_pass(raw: str) -> bool:
    """The same rules once more, written from what is allowed instead of what is not."""
    name = unicodedata.normalize("NFC", raw)
    visible = all(
        unicodedata.category(letter)[0] in "LMNPS" or unicodedata.category(letter) == "Zs"
        for letter in name
    )
    if not visible or not name or set(name) & ({*"/\\:"} | BLANK):
        return False
    if max(len(text.encode()) for text in (raw, name)) > 255:
        return False
    if name.startswith((".", "-")) or name.endswith(".") or name[0].isspace() or name[-1].isspace():
        return False
    stem, *middle, last = [part.lower() for part in name.split(".")] if "." in name else ["", ""]
    is_device = stem.rstrip(" ").upper() in DEVICES
    return last in EXTENSIONS and not is_device and not RUNNABLE & {part.strip() for part in middle}


def refusal_of(name: str) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        check_filename(name)
    return caught.value


@pytest.mark.property
@given(names)
def test_exactly_the_names_of_the_grammar_pass(raw: str) -> None:
    if may_pass(raw):
        assert check_filename(raw) == unicodedata.normalize("NFC", raw)
    else:
        assert refusal_of(raw).status == 422


@pytest.mark.property
@given(names)
def test_a_kept_name_is_its_own_normal_form(raw: str) -> None:
    if may_pass(raw):
        assert check_filename(check_filename(raw)) == check_filename(raw)


@pytest.mark.parametrize(
    "name",
    [
        "a.txt",
        "Screenshot 10.15.30.png",
        "v1.2.pdf",
        "Résumé (final) [2].docx",
        "数据.csv",
        "it's_100%_done!.md",
        "A.JPG",
        "=cmd|' '!A0.csv",
        "contract.con.txt",
        "console.txt",
        "com10.txt",
        "🙂.png",
    ],
)
def test_a_harmless_name_is_kept_as_it_was_sent(name: str) -> None:
    assert check_filename(name) == name


@pytest.mark.parametrize("name", ["", " ", ".", "..", " . ", "\t", ". ."])
def test_a_name_of_dots_and_blanks_is_no_name(name: str) -> None:
    assert isinstance(refusal_of(name), catalogue.FilenameMissing)


@pytest.mark.parametrize(
    "name",
    [
        "../a.txt",
        "/etc/passwd.txt",
        "a/b.txt",
        "C:\\a.txt",
        "a:b.txt",
        "a\\b.txt",
        "a.jpg\x00",
        "a\x00.jpg",
        "a\n.txt",
        "a\r.txt",
        "a\x1b[31m.txt",
        "a\x7f.txt",
        "a\x85.txt",
        "a\u202egnp.txt",
        "a\u2066b.txt",
        "a\u200b.txt",
        "a\u200d.txt",
        "\ufeffa.txt",
        "a\u00ad.txt",
        "a\u2028b.txt",
        "a\ue000.txt",
        "a\U000e0041.txt",
        "a\uffff.txt",
        "a\ud800.txt",
    ],
)
def test_a_name_with_a_separator_or_an_invisible_character_is_refused(name: str) -> None:
    assert isinstance(refusal_of(name), catalogue.FilenameInvalid)


@pytest.mark.parametrize("character", sorted(BLANK))
def test_a_name_with_a_letter_that_shows_nothing_is_refused(character: str) -> None:
    assert isinstance(refusal_of(f"a{character}.txt"), catalogue.FilenameInvalid)


@pytest.mark.parametrize(
    "name",
    [
        ".txt",
        ".htaccess.txt",
        "-rf.txt",
        " a.txt",
        "a.txt ",
        "a.jpg.",
        "\u00a0a.txt",
        "a.txt\u3000",
    ],
)
def test_a_name_that_a_shell_or_a_file_system_would_bend_is_refused(name: str) -> None:
    assert isinstance(refusal_of(name), catalogue.FilenameInvalid)


@pytest.mark.parametrize("device", sorted(DEVICES))
def test_a_device_of_windows_is_refused_with_any_extension_and_case(device: str) -> None:
    for name in (f"{device}.txt", f"{device.lower()} .txt", f"{device.title()}.v1.pdf"):
        assert isinstance(refusal_of(name), catalogue.FilenameInvalid)


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a.php",
        "a.php.jpg",
        "a.PHP.jpg",
        "a.php .jpg",
        "a.php.x.jpg",
        "a.x.php.jpg",
        "a.html.txt",
        "a.svg.png",
        "a.exe.pdf",
        "a.sh.md",
        "a.jpg%00",
        "a.zip",
        "a.txt~",
        "a.txt-",
        "a.jpgx",
    ],
)
def test_a_name_with_a_forbidden_extension_is_refused(name: str) -> None:
    error = refusal_of(name)

    assert isinstance(error, catalogue.ExtensionNotAllowed)
    assert error.allowed_extensions == sorted(EXTENSIONS)


def test_two_ways_to_write_one_name_are_kept_as_one() -> None:
    assert check_filename("re\u0301sume\u0301.txt") == check_filename("r\u00e9sum\u00e9.txt")


def test_a_name_of_255_bytes_is_kept_and_one_of_256_is_not() -> None:
    assert check_filename("x" * (MAX_LENGTH - 4) + ".txt")

    error = refusal_of("x" * (MAX_LENGTH - 3) + ".txt")
    assert isinstance(error, catalogue.FilenameTooLong)
    assert error.max_length == 255


def test_length_is_counted_in_bytes_too() -> None:
    assert isinstance(refusal_of("漢" * 84 + ".txt"), catalogue.FilenameTooLong)


def test_a_name_that_grows_when_composed_is_measured_afterwards() -> None:
    growing = "\U0001d160" * 63 + ".md"  # the normal form of one such sign has three
    assert len(growing.encode()) == MAX_LENGTH

    assert isinstance(refusal_of(growing), catalogue.FilenameTooLong)


def test_only_the_types_in_force_count(settings: Any) -> None:
    settings.ALLOWED_TYPES = ["application/pdf"]

    assert check_filename("a.pdf") == "a.pdf"
    assert isinstance(refusal_of("a.txt"), catalogue.ExtensionNotAllowed)


def test_the_extension_is_the_last_suffix_in_lower_case() -> None:
    assert extension_of("Photo.tar.JPG") == "jpg"
