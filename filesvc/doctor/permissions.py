"""May others read or change what is ours, and may we reach what we need?"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import caches

from filesvc.doctor.finding import Finding, fail, ok, warn
from filesvc.stores.places import FILES, PREVIEWS
from security.upload import STAGING

OTHERS = stat.S_IRWXG | stat.S_IRWXO
WRITE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def examine_folders() -> Iterator[Finding]:
    """The store belongs to this user, and to nobody else."""
    root = Path(settings.STORAGE_ROOT)
    yield _examine_folder("store", root, WRITE_BY_OTHERS)
    for name in (STAGING,) if settings.S3_BUCKET else (STAGING, FILES, PREVIEWS):
        yield _examine_folder(f"store {name}", root / name, OTHERS)


def _examine_folder(name: str, folder: Path, forbidden: int) -> Finding:
    try:
        seen = folder.stat()
    except OSError as error:
        return fail(name, f"is not there: {type(error).__name__}", f"start the service; {folder}")
    if seen.st_mode & forbidden:
        mode = stat.S_IMODE(seen.st_mode)
        return fail(name, f"others have access (mode {mode:o})", f"chmod 700 {folder}")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return fail(name, "this user cannot write there", f"chown -R $(id -un) {folder}")
    if seen.st_uid != os.geteuid():
        told = f"belongs to user {seen.st_uid}, this is user {os.geteuid()}"
        return warn(name, told, "run the doctor as the user that the service runs as")
    return ok(name, "belongs to this user alone")


def examine_sockets() -> Iterator[Finding]:
    """Unix sockets are there, may be used by us, and not by everybody."""
    places = {
        "scanner": settings.CLAMD_ADDRESS.removeprefix("unix:"),
        "broker": _socket_of(settings.BROKER_URL),
        "cache": _socket_of(caches["default"]._servers[0]),  # type: ignore[attr-defined]  # RedisCache
    }
    for name, place in places.items():
        if place.startswith("/"):
            yield _examine_socket(f"socket {name}", Path(place))


def _socket_of(url: str) -> str:
    """The path in a URL with a Unix socket; empty for one with a host."""
    told = urlsplit(url)
    return told.path if told.scheme in ("unix", "redis+socket") else ""


def _examine_socket(name: str, path: Path) -> Finding:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return fail(
            name, f"is not there: {type(error).__name__}", f"start what should listen at {path}"
        )
    if not stat.S_ISSOCK(mode):
        return fail(name, "is no socket", f"remove {path} and start what should listen there")
    if not os.access(path, os.R_OK | os.W_OK):
        return fail(name, "may not be used by this user", "add this user to the socket's group")
    if mode & stat.S_IWOTH:
        return warn(name, "everybody on this machine may use it", f"chmod o-rwx {path}")
    return ok(name, "may be used by this user, and not by everybody")


def examine_settings_files() -> Iterator[Finding]:
    """Files with secrets in them are read by nobody else."""
    for path in settings.ENV_FILES:
        if not path.is_file():
            continue
        if path.stat().st_mode & OTHERS:
            yield fail(f"file {path.name}", "others may read its secrets", f"chmod 600 {path}")
        else:
            yield ok(f"file {path.name}", "is read by this user alone")
