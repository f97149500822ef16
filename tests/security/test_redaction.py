"""A report says where it broke, and nothing of what a client sent."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.redaction import redact_event

SECRET = "s3cret-token"

# Where a client's words may stand in an event, each as a function of such a word.
PLACES: dict[str, Any] = {
    "headers": lambda word: {"request": {"headers": {"Authorization": f"Bearer {word}"}}},
    "cookies": lambda word: {"request": {"cookies": {"session": word}}},
    "body": lambda word: {"request": {"data": {"file": word}}},
    "query": lambda word: {"request": {"query_string": f"token={word}"}},
    "url": lambda word: {"request": {"url": f"https://host/files/{word}"}},
    "environ": lambda word: {"request": {"env": {"REMOTE_ADDR": word}}},
    "user": lambda word: {"user": {"username": word, "ip_address": word}},
    "breadcrumbs": lambda word: {"breadcrumbs": {"values": [{"message": word}]}},
    "extra": lambda word: {"extra": {"sys.argv": [word]}},
    "server name": lambda word: {"server_name": word},
    "exception text": lambda word: {"exception": {"values": [{"type": "E", "value": word}]}},
    "local variables": lambda word: {
        "exception": {
            "values": [{"type": "E", "stacktrace": {"frames": [{"vars": {"token": word}}] * 2}}]
        }
    },
    "log text": lambda word: {"logentry": {"message": word, "formatted": word, "params": [word]}},
}


@pytest.mark.parametrize("place", PLACES)
def test_a_clients_word_is_taken_out_of_every_place(place: str) -> None:
    assert SECRET not in json.dumps(redact_event(PLACES[place](SECRET)))


def merged(events: list[dict[str, Any]]) -> dict[str, Any]:
    together: dict[str, Any] = {}
    for event in events:
        for key, value in event.items():
            if isinstance(value, dict) and isinstance(together.get(key), dict):
                together[key] = {**together[key], **value}
            else:
                together[key] = value
    return together


@pytest.mark.property
@given(
    places=st.lists(st.sampled_from(sorted(PLACES)), unique=True),
    word=st.text(st.sampled_from("abcdefghjk"), min_size=8, max_size=20).map("Zq{}".format),
    method=st.sampled_from(["GET", "POST", None]),
)
def test_no_mixture_of_places_lets_a_word_through(
    places: list[str], word: str, method: str | None
) -> None:
    event = merged([PLACES[place](word) for place in places])
    if method:
        event.setdefault("request", {})["method"] = method

    redacted = redact_event(event, {})

    assert word not in json.dumps(redacted)
    assert redacted["request"] == ({"method": method} if method else {})


def test_what_helps_to_find_the_mistake_stays() -> None:
    frame = {"filename": "views.py", "function": "post", "lineno": 7, "vars": {"a": "b"}}
    event = redact_event(
        {
            "level": "error",
            "release": "filesvc@1",
            "request": {"method": "POST", "url": "https://host/"},
            "exception": {
                "values": [{"type": "KeyError", "value": "x", "stacktrace": {"frames": [frame]}}]
            },
        }
    )

    crash = event["exception"]["values"][0]
    assert (event["level"], event["release"]) == ("error", "filesvc@1")
    assert crash["type"] == "KeyError"
    assert crash["stacktrace"]["frames"] == [
        {"filename": "views.py", "function": "post", "lineno": 7}
    ]


def test_a_line_of_our_log_becomes_its_name_and_tags() -> None:
    line = {
        "event": "request.failed",
        "code": "internal_error",
        "status": 500,
        "stage": "request",
        "request_id": "0" * 32,
        "note": SECRET,
        "user_id": 7,
    }
    record = logging.LogRecord("errors", logging.ERROR, "f.py", 1, line, (), None)
    event = {
        "logentry": {"message": str(line)},
        "tags": {"foreign": SECRET},
        "exception": {"values": [{"type": "KeyError", "value": SECRET}]},
    }

    redacted = redact_event(event, {"log_record": record})

    assert SECRET not in json.dumps(redacted)
    assert redacted["logentry"] == {"message": "request.failed"}
    assert redacted["tags"]["error_code"] == "internal_error"
    assert redacted["tags"]["request_id"] == "0" * 32
    assert redacted["fingerprint"] == ["internal_error", "KeyError"]


def test_of_crashes_that_led_to_one_another_the_last_names_the_group() -> None:
    record = logging.LogRecord("errors", logging.ERROR, "f.py", 1, {"code": "a"}, (), None)
    crashes = [{"type": name, "value": ""} for name in ("KeyError", "OSError", "ValueError")]
    event = {"logentry": {}, "exception": {"values": crashes}}

    assert redact_event(event, {"log_record": record})["fingerprint"] == ["a", "ValueError"]


def test_an_empty_event_stays_empty() -> None:
    assert redact_event({}) == {"request": {}}
