"""Whether everything an upload needs is there: each dependency asked for real, and timed."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.db import connection

from errors.base import ServiceError
from filesvc.stores import current_store
from security.signatures import ask_version, check_signatures
from security.upload import STAGING, storage_faults

Details = dict[str, Any]
PROBE_SECONDS = 1


def check_readiness() -> dict[str, Details]:
    """Each dependency by name: `ok`, `required`, `ms`, and what else it tells.

    States and ages only, no addresses: the page is public.
    """
    return {
        "database": _check(_ask_database),
        "storage": _check(_write_to_storage),
        "scanner": _check(_ask_scanner),
        # Not required: without it uploads are kept and wait for the sweeper.
        "broker": _check(_ask_redis, required=False),
    }


def _check(ask: Callable[[], Details], *, required: bool = True) -> Details:
    started = time.monotonic()
    try:
        told, ok = ask(), True
    except Exception as error:  # noqa: BLE001 - whatever it is, the page must tell it
        told, ok = {"error": _name(error)}, False
    return {
        "ok": ok,
        "required": required,
        "ms": round((time.monotonic() - started) * 1000),
        **told,
    }


def _name(error: Exception) -> str:
    return error.code if isinstance(error, ServiceError) else "unreachable"


def _ask_database() -> Details:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return {}


def _write_to_storage() -> Details:
    probe = settings.STORAGE_ROOT / STAGING / f"probe-{uuid.uuid4().hex}"
    with storage_faults():
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, b"probe")
        finally:
            os.close(descriptor)
            probe.unlink()
        current_store().probe()
    return {}


def _ask_scanner() -> Details:
    scanner = ask_version()
    check_signatures(scanner)
    age = scanner.age
    return {
        "signatures": scanner.signatures,
        "age_seconds": None if age is None else round(age.total_seconds()),
    }


def _ask_redis() -> Details:
    """The limiter's Redis, past its fallback: a health page must not be comforted.

    A write, because one whose memory is full or whose snapshot failed still answers PING
    (measured).
    """
    client = caches["default"]._cache.get_client(write=True)  # type: ignore[attr-defined]  # a RedisCache
    if not client.set("filesvc:probe", 1, ex=PROBE_SECONDS):
        raise ConnectionError("no OK")
    return {}
