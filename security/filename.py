"""Which file names are accepted; a name is refused rather than rewritten."""

from __future__ import annotations

import re
import unicodedata

from errors import catalogue
from security.policy import DANGEROUS_EXTENSIONS, allowed_extensions

MAX_LENGTH = 255  # characters, and bytes of UTF-8: what the common file systems hold

# Windows opens a device by these names, whatever the extension, blanks before it or not.
_RESERVED = re.compile(
    r"^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?$", re.IGNORECASE
)
# Path separators here and on Windows, and what divides a drive or a stream there.
_SEPARATORS = frozenset("/\\:")
# Letters, marks and symbols that show nothing: fillers, joiners, selectors, the blank Braille.
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
_FORBIDDEN = _SEPARATORS | _INVISIBLE
# Control, format (bidi, zero-width), surrogate, private use, unassigned, line and paragraph
# separators: invisible, or not the same for every reader.
_FORBIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def check_filename(raw: str) -> str:
    """The name to keep: NFC, otherwise as it was sent.

    Raises FilenameMissing, FilenameTooLong, FilenameInvalid, ExtensionNotAllowed.
    """
    if not raw.strip(". \t\r\n"):
        raise catalogue.FilenameMissing()
    check_length(raw)
    name = unicodedata.normalize("NFC", raw)
    check_length(name)
    check_characters(name)
    check_form(name)
    check_extensions(name)
    return name


def check_length(name: str) -> None:
    """Raises FilenameTooLong."""
    # A lone surrogate has no UTF-8; check_characters refuses it.
    if len(name) > MAX_LENGTH or len(name.encode("utf-8", "surrogatepass")) > MAX_LENGTH:
        raise catalogue.FilenameTooLong(max_length=MAX_LENGTH)


def check_characters(name: str) -> None:
    """Raises FilenameInvalid for separators and for what a reader cannot see."""
    for character in name:
        if character in _FORBIDDEN or unicodedata.category(character) in _FORBIDDEN_CATEGORIES:
            raise catalogue.FilenameInvalid()


def check_form(name: str) -> None:
    """Raises FilenameInvalid for leading dot or hyphen, outer blanks, trailing dot, devices."""
    if name[0] in ".-" or name[-1] == "." or name != name.strip() or _RESERVED.match(name):
        raise catalogue.FilenameInvalid()


def check_extensions(name: str) -> None:
    """The last suffix must be allowed, and no inner one dangerous (`a.php.jpg`).

    Raises ExtensionNotAllowed.
    """
    _, *suffixes = name.lower().split(".")
    # Full-width letters are the same letters to some readers.
    inner = {unicodedata.normalize("NFKC", suffix).strip() for suffix in suffixes[:-1]}
    allowed = allowed_extensions()
    if not suffixes or suffixes[-1] not in allowed or DANGEROUS_EXTENSIONS & inner:
        raise catalogue.ExtensionNotAllowed(allowed_extensions=allowed)


def extension_of(name: str) -> str:
    """The last suffix, lower case, without its dot."""
    return name.rpartition(".")[2].lower()
