"""Whether everything an upload needs is there: each dependency asked for real, and timed."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.db import connection

from errors import catalogue
from errors.base import ServiceError
from filesvc.broker import open_broker
from filesvc.shared_answers import SharedAnswer, Told
from filesvc.stores import current_store
from filesvc.worker_progress import progress_of_workers
from security import canary
from security.concurrency import ClientSlots
from security.signatures import ask_version, check_signatures
from security.upload import STAGING, storage_faults

Details = dict[str, Any]
PROBE = "filesvc:probe"
PROBE_SECONDS = 1
# Uploads are refused at seven days (security.signatures); traffic should go elsewhere before.
STALE_SIGNATURES = timedelta(days=3)
# Anybody may ask, and each asking costs a query, a write and a scanner's word.
GOOD_SECONDS = 1.0
USABLE_SECONDS = 5.0
MOST_WAITING = 4


class NotWell(Exception):
    """It answers, and is not fit for work; `told` says why and what else there is to say."""

    def __init__(self, **told: Any) -> None:
        super().__init__(told["error"])
        self.told = told


def check_readiness() -> dict[str, Details]:
    """Each dependency by name: `ok`, `required`, `ms`, and what else it tells.

    States and ages only, no addresses: the page is public.
    """
    return {
        "database": _check(_ask_database),
        "storage": _check(_write_to_storage),
        "scanner": _check(_ask_scanner),
        # Not required: without it uploads are kept and wait for the sweeper.
        "broker": _check(_ask_broker, required=False),
        # Not required: without it each process counts for itself.
        "cache": _check(_ask_cache, required=False),
        # Not required: what is taken in is safe, and waits.
        "workers": _check(_ask_workers, required=False),
    }


def check_ready() -> Told[dict[str, Details]]:
    """Like `check_readiness`, asked at most once a second and by one request at a time.

    Raises ServiceUnavailable, naming what is required and missing; Overloaded when several
    requests wait for a first answer already.
    """
    told = readiness.tell()
    failing = _find_failing(told.answer)
    if failing:
        note = ", ".join(f"{name}: {error}" for name, error in failing.items())
        raise catalogue.ServiceUnavailable(failing=list(failing), note=note)
    return told


def _find_failing(checks: dict[str, Details]) -> dict[str, str]:
    """What is required and missing, with its error."""
    return {
        name: check["error"]
        for name, check in checks.items()
        if check["required"] and not check["ok"]
    }


def _good_for(checks: dict[str, Details]) -> float:
    """A refusal is asked anew each time: what heals is seen at once."""
    return 0.0 if _find_failing(checks) else GOOD_SECONDS


readiness = SharedAnswer(
    check_readiness,
    _good_for,
    usable_seconds=USABLE_SECONDS,
    room=ClientSlots(MOST_WAITING),
)


def _check(ask: Callable[[], Details], *, required: bool = True) -> Details:
    started = time.monotonic()
    try:
        told, ok = ask(), True
    except NotWell as reason:
        told, ok = reason.told, False
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
    """Which signatures, how old, and that it can tell a clean file from a bad one.

    The canary is asked of a scanner that answers only: one that is away is one failure.
    """
    scanner = ask_version()
    check_signatures(scanner)
    word, age = canary.canary.refresh(), scanner.age
    told = {
        "signatures": scanner.signatures,
        "updated_at": scanner.updated_at,
        "age_seconds": None if age is None else round(age.total_seconds()),
        "canary_age_seconds": None if word is None else round(word.age_seconds),
    }
    if age is not None and age > STALE_SIGNATURES:
        raise NotWell(error="signatures_stale", **told)
    if word is None or not word.is_good:
        is_wrong = word is not None and not word.is_right
        raise NotWell(error="canary_wrong" if is_wrong else "canary_stale", **told)
    return told


def _ask_broker() -> Details:
    with open_broker() as broker:
        _write_to(broker)
    return {}


def _ask_cache() -> Details:
    """The limiter's Redis, past its fallback: a health page must not be comforted."""
    _write_to(caches["default"]._cache.get_client(write=True))  # type: ignore[attr-defined]  # a RedisCache
    return {}


def _write_to(client: Any) -> None:
    """A write, because a Redis whose memory is full or whose snapshot failed still answers PING
    (measured).
    """
    if not client.set(PROBE, 1, ex=PROBE_SECONDS):
        raise ConnectionError("no OK")


def _ask_workers() -> Details:
    """By their progress: a worker that answers a ping may still do nothing."""
    state, oldest_seconds = progress_of_workers()
    told = {"state": state, "oldest_waiting_seconds": round(oldest_seconds)}
    if state == "stuck":
        raise NotWell(error="stuck", **told)
    return told
