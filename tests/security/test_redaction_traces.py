"""A trace tells where time went, in our own words, and nothing of what a client sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.redaction import redact_event, redact_transaction

WORD = "s3cret-token"
OURS = ("gate", "processing", "middleware.django", "queue.submit.celery", "queue.process")
TIMES = {"trace_id": "1", "span_id": "2", "parent_span_id": "3", "status": "ok"} | {
    "start_timestamp": 1.5,
    "timestamp": 2.5,
}


def redact_span(**span: Any) -> dict[str, Any]:
    """The one span of a trace, redacted."""
    redacted: dict[str, Any] = redact_transaction({"spans": [span]})
    (told,) = redacted["spans"]
    return dict(told)


@pytest.mark.parametrize("op", OURS)
def test_a_span_of_ours_keeps_its_words(op: str) -> None:
    told = redact_span(op=op, description="scan  for malware", data={"path": WORD}, **TIMES)

    assert told == {**TIMES, "op": op, "description": "scan for malware"}


def test_of_a_query_only_the_verb_stays() -> None:
    assert redact_span(op="db", description=f"SELECT '{WORD}'") == {
        "op": "db",
        "description": "SELECT",
    }
    assert redact_span(op="db") == {"op": "db", "description": ""}


@given(op=st.sampled_from(["http.client", "a", "dc", "zz", "db.redis", ""]) | st.none())
def test_of_any_other_span_no_word_stays(op: str | None) -> None:
    told = redact_span(op=op, description=f"GET https://host/{WORD}", tags={"name": WORD})

    assert told == {"op": op}


@pytest.mark.parametrize("redact", [redact_event, redact_transaction])
def test_the_place_in_the_trace_stays_and_its_data_goes(redact: Any) -> None:
    contexts = {"trace": {**TIMES, "op": "http.server", "data": {"url": WORD}}, "runtime": {}}

    event = redact({"contexts": contexts, "user": WORD, "request": {"method": "GET", "url": WORD}})

    assert event["contexts"] == {"trace": {**TIMES, "op": "http.server"}, "runtime": {}}
    assert WORD not in json.dumps(event)


@pytest.mark.parametrize("source", ["url", "route", "view", "a", "zz", None])
def test_a_name_a_client_typed_is_no_name(source: str | None) -> None:
    event = redact_transaction({"transaction": "/files/", "transaction_info": {"source": source}})

    assert event["transaction"] == ("no route" if source == "url" else "/files/")
    assert event["spans"] == []
