"""What an office file may lead to, for the gate and the worker alike (no Django here).

A template, a frame or a linked object that is fetched when the file is opened brings its macros
or its markup with it (CVE-2017-0199, CVE-2021-40444, CVE-2022-30190). Hyperlinks wait for a
click, and a linked picture is only a picture: both are allowed.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

# Words of a relationship's type, in lower case.
OPENED_BY_ITSELF = frozenset(
    [
        *("attachedtemplate", "frame", "subdocument", "afchunk", "transform"),
        *("oleobject", "package", "externallinkpath", "xlexternallinkpath"),
        *("externallinklongpath", "mailmergesource", "attachedtoolbars"),
    ]
)
MACROS = frozenset({"vbaproject", "wordvbadata", "xlmacrosheet", "xlintlmacrosheet"})
CONTROLS = frozenset({"control"})
# Word takes a whole file of another format in on opening: RTF, HTML, or a document of its own.
IMPORTED = frozenset({"afchunk"})
MAX_TARGET = 2000
# Programs encode once, and a few twice; who does it more often hides something.
MAX_DECODINGS = 3
# A drive of this machine, with or without `file:`, or a path below its root. After `file://`, a
# letter with more than a colon is a host with its port.
_LOCAL_FILE = re.compile(r"(file:)?[a-z]:|file://[a-z]:(/|\Z)|file:(//(localhost)?)?/[^/]")
_REMOTE = re.compile(r"//|[a-z][a-z0-9+.-]+:")
# `\??\` is how Windows itself begins the full name of anything, network shares among them.
_NATIVE = re.compile(r"(file:(//localhost)?/*)?/\?\?/")
# Readers of URLs drop line ends and tabs wherever they stand (WHATWG URL, 4.4).
_DROPPED = re.compile(r"[\x00-\x1f]")
# Readers of URLs resolve segments of dots, too: what follows may then come first.
_HERE = re.compile(r"/\.(?=/)")
_UP_TO_REMOTE = re.compile(r"(?=file:|/).*/\.\./(/|\?\?/)")


def is_remote(target: str) -> bool:
    """True for what lies on another machine: every scheme but `file`, and network shares.

    Office writes the path of a local template or linked workbook into ordinary files. Readers
    differ in how often they decode a target, so each form of it counts; what cannot be judged
    within the limits is remote.
    """
    if len(target) > MAX_TARGET:
        return True
    for _ in range(MAX_DECODINGS + 1):
        if _leads_away(target):
            return True
        encoded, target = target, _DROPPED.sub("", unquote(target))
        if target == encoded:
            return False
    return True


def _leads_away(target: str) -> bool:
    path = _HERE.sub("", target.strip().replace("\\", "/").lower())
    if _NATIVE.match(path) or _UP_TO_REMOTE.match(path):
        return True
    return not _LOCAL_FILE.match(path) and _REMOTE.match(path) is not None
