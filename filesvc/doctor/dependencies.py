"""Does every dependency answer, and is it configured as the service needs it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sentry_sdk
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from redis import ResponseError
from sentry_sdk.utils import Dsn

from filesvc.broker import count_unheard, open_broker
from filesvc.doctor.finding import Finding, fail, ok, warn
from filesvc.health import STALE_SIGNATURES, check_readiness
from security.signatures import MAX_AGE, TEST_ONLY, ask_version

DAY_SECONDS = 24 * 60 * 60
REMEDIES = {
    "database": "start the database, or correct DATABASE_URL",
    "storage": "make STORAGE_ROOT (or the bucket) writable for this user, and make room in it",
    "scanner": "start clamd, or correct CLAMD_ADDRESS; its log says why it ended",
    "broker": "start the Redis of BROKER_URL, give it room; files wait for the sweeper meanwhile",
    "cache": "start the Redis of CACHE_URL, give it room; each process counts alone meanwhile",
    "workers": "start a worker (celery -A config.celery worker); its log says why it stands",
}
REMEDIES_BY_ERROR = {
    "signatures_stale": "make signatures, or let freshclam run",
    "canary_wrong": "clamd gives wrong verdicts: restart it, and fetch its signatures anew",
    "canary_stale": "clamd gives no verdict: look at its load and its log",
}


def examine_readiness() -> Iterator[Finding]:
    """Each part that /health/ready asks, with its answer's time."""
    for name, check in check_readiness().items():
        if not check["ok"]:
            error = str(check["error"])
            yield fail(name, error, REMEDIES_BY_ERROR.get(error, REMEDIES[name]))
        elif check.get("state") == "behind":
            waits = f"busy, and a file waits for {check['oldest_waiting_seconds']} s"
            yield warn(name, waits, "add workers, or raise WORKER_CONCURRENCY")
        else:
            yield ok(name, _describe(check))


def _describe(check: dict[str, Any]) -> str:
    if "state" in check:
        return f"{check['state']}, the oldest file waits for {check['oldest_waiting_seconds']} s"
    return f"answers in {check['ms']} ms"


def examine_migrations() -> Iterator[Finding]:
    """The database has the tables this version needs."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    known = set(executor.loader.disk_migrations)
    ahead = [name for app, name in executor.loader.applied_migrations if (app, name) not in known]
    if plan:
        yield fail("migrations", f"{len(plan)} are not applied", "run manage.py migrate")
    elif ahead:
        yield warn(
            "migrations",
            f"{len(ahead)} are applied that this version does not know",
            "deploy the version that made them, or restore a backup that fits this one",
        )
    else:
        yield ok("migrations", "all applied")


def examine_signatures() -> Iterator[Finding]:
    """The set the scanner works with is the official one, and young."""
    scanner = ask_version()
    if scanner.age is None or scanner.signatures == TEST_ONLY:
        yield warn(
            "signatures",
            f"{scanner.engine} works with the test set, which knows EICAR and little more",
            "make signatures; REQUIRE_OFFICIAL_SIGNATURES=true refuses uploads until then",
        )
        return
    days = scanner.age.total_seconds() / DAY_SECONDS
    told = f"{scanner.engine}, set {scanner.signatures} is {days:.1f} days old"
    if scanner.age > MAX_AGE:
        yield fail("signatures", f"{told}: uploads are refused", "make signatures")
    elif scanner.age > STALE_SIGNATURES:
        yield fail("signatures", f"{told}: not ready", "make signatures, or let freshclam run")
    else:
        yield ok("signatures", told)


def examine_doorbell() -> Iterator[Finding]:
    """The broker loses no message by itself, and somebody listens to it."""
    with open_broker() as broker:
        waiting = count_unheard(broker)
        listeners = sum(client["cmd"] == "brpop" for client in broker.client_list())
        policy = _policy_of(broker)
    if policy not in ("noeviction", None):
        yield warn(
            "doorbell",
            f"the broker may evict messages ({policy}); each one lost delays a file by 35 s",
            "set its maxmemory-policy to noeviction, and give the cache a Redis of its own",
        )
    # A worker whose places are all taken listens to nothing for that long.
    if not listeners and check_readiness()["workers"].get("state") != "working":
        yield fail("listeners", "no worker listens to the doorbell", REMEDIES["workers"])
    else:
        yield ok("listeners", f"{listeners} listen to the doorbell, {waiting} messages wait")


def _policy_of(broker: Any) -> str | None:
    """None where the broker does not tell: a hosted one may not."""
    try:
        return str(broker.config_get("maxmemory-policy").get("maxmemory-policy"))
    except ResponseError:
        return None


def examine_reports() -> Iterator[Finding]:
    """Whether unforeseen errors are reported, and to whom."""
    dsn = sentry_sdk.get_client().options.get("dsn")
    if not dsn:
        yield ok("sentry", "SENTRY_DSN is not set: errors are told in the log alone")
        return
    try:
        told = Dsn(dsn)
    except ValueError:
        yield fail("sentry", "SENTRY_DSN has no form it could have", "https://key@host/number")
        return
    if told.scheme == "https":
        yield ok("sentry", f"errors are reported to {told.host}")
    else:
        yield warn("sentry", f"errors go to {told.host} unencrypted", "use https in SENTRY_DSN")
