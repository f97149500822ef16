"""Each gate an upload passes is timed, refused or not, and its outcome is counted once."""

from __future__ import annotations

from typing import Any

import pytest
import sentry_sdk

from errors.metrics import GATE_SECONDS, SCANS, UPLOAD_BYTES, UPLOADS, UPLOADS_UNDER_WAY
from security.gate_time import in_gate
from tests import samples
from tests.client import call, upload

pytestmark = pytest.mark.django_db
GATES = ["receive", "filename", "media_type", "structure", "scan", "save"]


def counted(metric: Any, suffix: str, label: str) -> dict[str, float]:
    """The samples of that name, by their label."""
    told = [sample for family in metric.collect() for sample in family.samples]
    return {
        sample.labels.get(label, ""): sample.value
        for sample in told
        if sample.name.endswith(suffix)
    }


def grown(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    more = {name: after[name] - before.get(name, 0) for name in after}
    return {name: value for name, value in more.items() if value}


@pytest.mark.parametrize(
    ("sent", "code", "gates", "verdict"),
    [
        ((b"hello", "note.txt"), "accepted", GATES, "clean"),
        ((b"hello", "photo.png"), "content_mismatch", GATES[:3], None),
        ((b"hello", "run.exe"), "extension_not_allowed", GATES[:2], None),
        ((samples.EICAR, "note.txt"), "malware_detected", GATES[:5], "malware_detected"),
        ((b"", "note.txt"), "empty_file", GATES[:2], None),
    ],
)
def test_an_upload_is_counted_by_outcome_and_timed_as_far_as_it_came(
    sent: tuple[bytes, str], code: str, gates: list[str], verdict: str | None, token: str
) -> None:
    def look() -> tuple[dict[str, float], ...]:
        return (
            counted(UPLOADS, "_total", "code"),
            counted(GATE_SECONDS, "_count", "gate"),
            counted(SCANS, "_total", "verdict"),
            counted(UPLOAD_BYTES, "_total", ""),
        )

    before = look()
    upload(token, *sent)

    told = [grown(*pair) for pair in zip(before, look(), strict=True)]
    assert told[0] == {code: 1}
    assert told[1] == dict.fromkeys(gates, 1)
    assert told[2] == ({verdict: 1} if verdict else {})
    assert told[3] == ({"": len(sent[0])} if code == "accepted" else {})
    assert UPLOADS_UNDER_WAY._value.get() == 0


def test_a_request_that_sends_nothing_is_no_upload(token: str) -> None:
    before = counted(UPLOADS, "_total", "code")

    call("GET", "/upload/", token=token)

    assert grown(before, counted(UPLOADS, "_total", "code")) == {}


def test_a_gate_that_refuses_is_timed_too() -> None:
    before = counted(GATE_SECONDS, "_count", "gate")

    with pytest.raises(KeyError), in_gate("scan"):
        raise KeyError

    assert grown(before, counted(GATE_SECONDS, "_count", "gate")) == {"scan": 1}


def test_a_gate_of_a_traced_request_is_a_span_of_its_trace() -> None:
    with sentry_sdk.isolation_scope(), sentry_sdk.start_transaction(name="/upload/") as request:
        with in_gate("scan"):
            span = sentry_sdk.get_current_span()
        after = sentry_sdk.get_current_span()

    assert span is not None
    assert (span.op, span.description) == ("gate", "scan")
    assert (span.trace_id, span.parent_span_id) == (request.trace_id, request.span_id)
    assert after is request


def test_a_gate_begins_no_trace_of_its_own() -> None:
    with in_gate("scan"):
        assert sentry_sdk.get_current_span() is None
