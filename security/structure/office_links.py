"""What an office file may point to: nothing on another machine that is opened as code or document.

A template, a frame or a linked object that is fetched when the file is opened brings its macros
or its markup with it (CVE-2017-0199, CVE-2022-30190). Hyperlinks wait for a click, and a linked
picture is only a picture: both are allowed.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from errors import catalogue

# The last or last but one segment of a relationship's type, in lower case.
OPENED_BY_ITSELF = frozenset(
    [
        *("attachedtemplate", "frame", "subdocument", "afchunk", "transform"),
        *("oleobject", "package", "externallinkpath", "xlexternallinkpath"),
    ]
)
# The parts these point to run, whatever content type is declared for them.
RUN_BY_ITSELF = frozenset(
    ["vbaproject", "wordvbadata", "xlmacrosheet", "xlintlmacrosheet", "control"]
)
# A drive of this machine, with or without `file:`, or a path below its root.
_LOCAL_FILE = re.compile(r"(file:/{0,3})?[a-z]:|file:(//localhost)?/[^/]|file:///[^/]")
_REMOTE = re.compile(r"//|[a-z][a-z0-9+.-]+:")


def check_relationship(element: str, attributes: dict[str, str]) -> None:
    """Raises ActiveContent for one that runs, or that opens something on another machine."""
    if element != "Relationship":
        return
    kinds = set(attributes.get("Type", "").lower().split("/")[-2:])
    if kinds & RUN_BY_ITSELF:
        raise catalogue.ActiveContent(note="macros or controls")
    if kinds & OPENED_BY_ITSELF and is_remote(attributes.get("Target", "")):
        raise catalogue.ActiveContent(note="opens something on another machine")


def is_remote(target: str) -> bool:
    """True for what lies on another machine: every scheme but `file`, and network shares.

    Office writes the path of a local template or linked workbook into ordinary files.
    """
    path = unquote(target).strip().replace("\\", "/").lower()
    return not _LOCAL_FILE.match(path) and _REMOTE.match(path) is not None
