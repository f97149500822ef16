"""One id for each request: the trusted edge's, else a new one, the same in every place."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from config.request_id import BindRequestId, choose_request_id
from tests.client import call
from tests.conftest import assert_problem

EDGE_ID = "8c28ee281b9b5d83a0c51e93870ec632"
ID = re.compile(r"[0-9a-f]{32}")


@pytest.fixture(autouse=True)
def one_trusted_proxy(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")]


@pytest.mark.parametrize("peer", ["10.1.2.3", "2001:db8::7"])
def test_the_edge_s_id_is_taken_from_a_trusted_proxy(peer: str) -> None:
    assert choose_request_id({"HTTP_X_REQUEST_ID": EDGE_ID, "REMOTE_ADDR": peer}) == EDGE_ID


@pytest.mark.parametrize("peer", ["11.1.2.3", "127.0.0.1", "::1", "", "10.1.2.3.4", "10.1.2.3 "])
def test_nobody_else_chooses_the_id(peer: str) -> None:
    chosen = choose_request_id({"HTTP_X_REQUEST_ID": EDGE_ID, "REMOTE_ADDR": peer})

    assert chosen != EDGE_ID
    assert ID.fullmatch(chosen)


def test_a_forwarded_address_is_no_peer() -> None:
    chosen = choose_request_id(
        {
            "HTTP_X_REQUEST_ID": EDGE_ID,
            "REMOTE_ADDR": "203.0.113.9",
            "HTTP_X_FORWARDED_FOR": "10.1.2.3",
        }
    )

    assert chosen != EDGE_ID


ALMOST = st.sampled_from(
    [EDGE_ID[:-1], EDGE_ID + "0", EDGE_ID.upper(), EDGE_ID + "\n", " " + EDGE_ID, EDGE_ID + "\0"]
)


@pytest.mark.property
@given(sent=st.text() | ALMOST | st.text("0123456789abcdef", min_size=30, max_size=34))
def test_even_a_trusted_proxy_s_id_is_taken_only_as_32_hex_digits(sent: str) -> None:
    chosen = choose_request_id({"HTTP_X_REQUEST_ID": sent, "REMOTE_ADDR": "10.1.2.3"})

    is_id = len(sent) == 32 and set(sent) <= set("0123456789abcdef")
    assert (chosen == sent) is is_id
    assert ID.fullmatch(chosen)


def test_a_new_id_is_made_each_time() -> None:
    assert len({choose_request_id({"REMOTE_ADDR": "10.1.2.3"}) for _ in range(50)}) == 50


def test_the_same_id_stands_in_body_header_and_log(log_events: list[dict[str, Any]]) -> None:
    answer = call("GET", "/nowhere", headers={"X-Request-ID": EDGE_ID}, REMOTE_ADDR="10.1.2.3")

    problem = assert_problem(answer, 404, "not_found")
    assert problem["request_id"] == EDGE_ID
    assert [line["request_id"] for line in log_events] == [EDGE_ID]


def test_a_client_s_own_id_is_answered_with_another() -> None:
    answer = call("GET", "/health/live", headers={"X-Request-ID": EDGE_ID})

    assert answer.status == 200
    assert answer.headers["x-request-id"] != EDGE_ID
    assert ID.fullmatch(answer.headers["x-request-id"])


def test_every_log_line_of_a_request_carries_its_id() -> None:
    seen: list[dict[str, Any]] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(dict(structlog.contextvars.get_contextvars()))
        return HttpResponse()

    request = RequestFactory().get("/")
    request.META["filesvc.request_id"] = EDGE_ID
    response = BindRequestId(view)(request)

    assert seen == [{"request_id": EDGE_ID, "client": "127.0.0.1"}]
    assert response.headers["X-Request-ID"] == EDGE_ID


def test_what_the_request_before_bound_is_forgotten() -> None:
    structlog.contextvars.bind_contextvars(user_id=7, sha256="ab")

    BindRequestId(lambda request: HttpResponse())(RequestFactory().get("/"))

    assert set(structlog.contextvars.get_contextvars()) == {"request_id", "client"}


def test_without_the_guard_there_is_an_id_all_the_same() -> None:
    response = BindRequestId(lambda request: HttpResponse())(RequestFactory().get("/"))

    assert ID.fullmatch(response.headers["X-Request-ID"])
