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
MAX_TARGET = 2000
# A drive of this machine, with or without `file:`, or a path below its root.
_LOCAL_FILE = re.compile(r"(file:/{0,3})?[a-z]:|file:(//localhost)?/[^/]|file:///[^/]")
_REMOTE = re.compile(r"//|[a-z][a-z0-9+.-]+:")
# Readers of URLs drop line ends and tabs wherever they stand (WHATWG URL, 4.4).
_DROPPED = re.compile(r"[\x00-\x1f]")


def is_remote(target: str) -> bool:
    """True for what lies on another machine: every scheme but `file`, and network shares.

    Office writes the path of a local template or linked workbook into ordinary files.
    """
    path = _DROPPED.sub("", unquote(target[:MAX_TARGET])).strip().replace("\\", "/").lower()
    return not _LOCAL_FILE.match(path) and _REMOTE.match(path) is not None
