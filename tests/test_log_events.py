"""The list of log events in ARCHITECTURE.md is what the code writes."""

from __future__ import annotations

from tests.print_observability import ARCHITECTURE, find_events, with_generated


def test_the_page_lists_every_event_with_its_fields() -> None:
    page = ARCHITECTURE.read_text()

    assert with_generated(page) == page
    for event in find_events():
        assert f"| `{event.name}` |" in page


def test_what_matters_most_is_among_them() -> None:
    told = {event.name: event for event in find_events()}

    assert {"upload.accepted", "file.quarantined", "request.refused", "request.failed"} <= set(told)
    assert {"code", "status", "request_id"} <= set(told["request.refused"].fields)
