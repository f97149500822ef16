"""Do the settings and tables agree with each other? Asked of the start-up checks."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from django.conf import settings
from django.core.checks import run_checks

from filesvc.doctor.finding import Finding, fail, ok, warn

_NAMES = re.compile(r"(?m)^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=")
_KNOWN_NAMES = re.compile(r"(?m)^#? ?([A-Z_0-9]+)=")
# `UPLOAD_RATES` and `UPLOADRATE` are that close to `UPLOAD_RATE`; two settings' names are not.
LIKENESS = 0.85


def examine_settings() -> Iterator[Finding]:
    """What `check --deploy` says of this project; Django's own advice on sites is left to it."""
    found = [
        message
        for message in run_checks(include_deployment_checks=True)
        if (message.id or "").startswith("filesvc.")
    ]
    for message in found:
        tell = fail if message.is_serious() and message.level >= 40 else warn
        yield tell("settings", message.msg, message.hint or "correct it in the environment")
    if not found:
        yield ok("settings", "they agree with each other, no secret is a placeholder")


def examine_names() -> Iterator[Finding]:
    """Names in the files of settings that are none, but nearly.

    Others may stand there too: Compose has variables of its own in the same file.
    """
    known = _KNOWN_NAMES.findall(settings.ENV_EXAMPLE)
    for path in settings.ENV_FILES:
        names = _NAMES.findall(path.read_text()) if path.is_file() else []
        for name in sorted({*names} - {*known}):
            if meant := difflib.get_close_matches(name.upper(), known, 1, LIKENESS):
                yield warn(
                    "setting names",
                    f"{path.name} sets {name}, which nobody reads",
                    f"did you mean {meant[0]}?",
                )
