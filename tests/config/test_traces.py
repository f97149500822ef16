"""One id leads from the request through the doorbell to the worker's trace, in words of our own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config.observability import choose_traced, under_our_trace
from filesvc.models import File
from security.redaction import redact_transaction
from tests.config.sentry import Collector, collecting
from tests.config.tracing import FOREIGN_TRACE
from tests.errors.routes import PLANTED
from tests.filesvc.conftest import Doorbell, doorbell  # noqa: F401 - a fixture
from tests.filesvc.processes import database_url, running_worker
from tests.stack import ROOT, wait_until

Transaction = dict[str, Any]


def make_calls(token: str, storage: Path, **settings: str) -> dict[str, Any]:
    told = {"DATABASE_URL": database_url(), "STORAGE_ROOT": str(storage), **settings}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.config.tracing", token],
        cwd=ROOT,
        env=os.environ | told,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


def of_trace(collector: Collector, trace_id: str) -> dict[str, Transaction]:
    """The transactions of one trace, by what they are of."""
    found = collector.transactions
    return {
        told["transaction"]: told
        for told in found
        if told["contexts"]["trace"]["trace_id"] == trace_id
    }


@pytest.mark.django_db(transaction=True)
def test_one_id_leads_from_the_request_to_the_workers_trace(
    token: str,
    storage: Path,
    doorbell: Doorbell,  # noqa: F811
) -> None:
    with collecting() as sentry:
        settings = {"SENTRY_DSN": sentry.dsn, "SENTRY_TRACES_SAMPLE_RATE": "1.0"}
        told = make_calls(token, storage, **settings)
        trace_id = told["ids"]["upload"]
        with running_worker(storage, concurrency=1, **settings):
            wait_until(lambda: len(of_trace(sentry, trace_id)) == 2, 60, "both are told")

        file = File.objects.get(id=told["file"])
        assert file.request_id == trace_id
        web, work = of_trace(sentry, trace_id).values()
        assert (web["transaction"], work["transaction"]) == ("/upload/", "filesvc.process_file")
        assert work["tags"]["request_id"] == web["tags"]["request_id"] == trace_id
        assert work["tags"]["file_id"] == told["file"]
        rung = [span["span_id"] for span in web["spans"] if span["op"].startswith("queue.")]
        assert work["contexts"]["trace"]["parent_span_id"] in rung

        gates = [span["description"] for span in web["spans"] if span["op"] == "gate"]
        assert gates == ["receive", "filename", "media_type", "structure", "scan", "save"]
        steps = [span["description"] for span in work["spans"] if span["op"] == "processing"]
        assert steps == ["digest", "describe"]
        assert_nothing_foreign(sentry)
        # Machines ask for these all day.
        assert of_trace(sentry, told["ids"]["live"]) == {}
        assert of_trace(sentry, told["ids"]["metrics"]) == {}
        assert list(of_trace(sentry, told["ids"]["nowhere"])) == ["no route"]


def assert_nothing_foreign(sentry: Collector) -> None:
    """Nothing a client sent, not even the trace it wanted to be in."""
    for mark in (PLANTED.encode(), FOREIGN_TRACE.encode()):
        assert [body for body in sentry.envelopes if mark in body] == []


@pytest.mark.django_db(transaction=True)
def test_nothing_is_traced_unless_it_is_asked_for(
    token: str,
    storage: Path,
    doorbell: Doorbell,  # noqa: F811
) -> None:
    with collecting() as sentry:
        make_calls(token, storage, SENTRY_DSN=sentry.dsn)

        assert sentry.transactions == []
        message = json.loads(doorbell.client.lindex("celery", 0))
        assert PLANTED not in json.dumps(message)


@pytest.mark.parametrize(
    ("path", "parent_sampled", "share"),
    [
        ("/upload/", None, 0.25),
        ("/health/ready", None, 0.0),
        ("/metrics", None, 0.0),
        (None, True, 1.0),
        (None, False, 0.0),
        (None, None, 0.25),
    ],
)
def test_the_share_that_is_traced(
    path: str | None, parent_sampled: bool | None, share: float
) -> None:
    beginning: dict[str, Any] = {"parent_sampled": parent_sampled}
    if path is not None:
        beginning["wsgi_environ"] = {"PATH_INFO": path}

    assert choose_traced(0.25)(beginning) == share


def test_the_trace_is_named_after_the_request_and_no_client() -> None:
    seen: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ)
        return []

    sent = {"HTTP_SENTRY_TRACE": "theirs", "HTTP_BAGGAGE": "theirs"}
    under_our_trace(app)({"filesvc.request_id": "ab" * 16, **sent}, None)

    assert seen[0]["HTTP_SENTRY_TRACE"].startswith("ab" * 16 + "-")
    assert "theirs" not in seen[0].values()


@pytest.mark.parametrize(
    ("op", "description", "kept"),
    [
        ("gate", "scan", "scan"),
        ("db", 'SELECT "filesvc_file"."id" WHERE name = \'secret\'', "SELECT"),
        ("db", None, ""),
        ("http.client", "GET https://bucket.example/secret", None),
        ("cache.get", "secret", None),
    ],
)
def test_a_span_keeps_words_of_ours_alone(
    op: str, description: str | None, kept: str | None
) -> None:
    span = {"op": op, "description": description, "data": {"url": "secret"}, "span_id": "1" * 16}

    told = redact_transaction({"spans": [span], "contexts": {"trace": {"data": {"a": "secret"}}}})

    assert told["spans"][0].get("description") == kept
    assert "secret" not in json.dumps(told)
