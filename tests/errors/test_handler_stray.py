"""An error that other code answered: by its content type it is a Problem already, or not."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from errors import catalogue
from errors.handler import OnlyProblems, log_error
from tests.errors.examples import REQUEST_ID


def answered(content_type: str) -> Any:
    """What becomes of a 404 of that content type."""
    stray = HttpResponse(b"stray", status=404, content_type=content_type)
    return OnlyProblems(lambda request: stray)(RequestFactory().get("/"))


def test_a_problem_that_other_code_made_is_left_alone() -> None:
    assert answered("/".join(["application", "problem+json"])).content == b"stray"


@pytest.mark.parametrize("content_type", ["application/json", "text/html", ""])
def test_an_error_of_any_other_content_type_is_replaced(content_type: str) -> None:
    answer = answered(content_type)

    assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("status", "event"), [(499, "request.refused"), (500, "request.failed")])
def test_a_failure_begins_at_500(
    status: int, event: str, log_events: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue.NotFound, "status", status)

    log_error(catalogue.NotFound(), request_id=REQUEST_ID, cause=None, duration_ms=None)

    assert [line["event"] for line in log_events] == [event]
