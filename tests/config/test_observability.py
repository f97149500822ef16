"""The log: one line of ASCII JSON for each event, whatever stands in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sentry_sdk
import structlog
from hypothesis import given
from hypothesis import strategies as st

from config import observability

NASTY = ["\r\n", "\x1b[31m", "\x9b1A", "\u202e", "\u2028", "\x85", "\0", "\ud800", '"}\n{"a":"']
TEXT = st.lists(st.sampled_from(NASTY) | st.text(st.characters(), max_size=20), max_size=6).map(
    "".join
)
ours = structlog.get_logger("tests.observability")
theirs = logging.getLogger("somebody.else")


@pytest.fixture
def written() -> Iterator[Callable[[], str]]:
    """Ask for what was written since the last time, as it stands on standard error."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.getLogger().handlers[0].formatter)
    logging.getLogger().addHandler(handler)

    def take() -> str:
        text = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return text

    yield take
    logging.getLogger().removeHandler(handler)


def only_line(text: str) -> dict[str, Any]:
    """The event in `text`, which is one ASCII line without any control character."""
    assert text.endswith("\n")
    assert text.isascii()
    assert [sign for sign in text[:-1] if sign < " "] == []
    line: dict[str, Any] = json.loads(text)
    return line


def test_a_library_that_only_says_it_is_there_is_not_heard() -> None:
    assert not logging.getLogger("pikepdf._core").isEnabledFor(logging.INFO)


@pytest.mark.property
@given(text=TEXT, more=st.dictionaries(TEXT, TEXT, max_size=3))
def test_any_text_of_ours_is_one_line_and_comes_back_as_it_was(
    text: str, more: dict[str, str], written: Callable[[], str]
) -> None:
    ours.info("file.named", name=text, more=more, several=[text, text])

    line = only_line(written())
    assert (line["name"], line["several"]) == (text, [text, text])
    assert line["more"] == more
    assert (line["event"], line["level"], line["logger"]) == (
        "file.named",
        "info",
        "tests.observability",
    )


@pytest.mark.property
@given(text=TEXT, argument=TEXT)
def test_any_text_of_a_library_is_one_line_in_the_same_form(
    text: str, argument: str, written: Callable[[], str]
) -> None:
    theirs.warning(text.replace("%", "%%") + "%s", argument, extra={"more": argument})

    line = only_line(written())
    assert line["event"] == text + argument
    assert line["more"] == argument
    assert (line["level"], line["logger"]) == ("warning", "somebody.else")


@pytest.mark.property
@given(text=TEXT)
def test_a_traceback_is_part_of_the_line(text: str, written: Callable[[], str]) -> None:
    for log in (ours, theirs):
        try:
            raise KeyError(text)
        except KeyError:
            log.exception("work.crashed")

        line = only_line(written())
        assert line["exception"].startswith("Traceback (most recent call last):\n")
        assert line["exception"].endswith(f"KeyError: {text!r}")


@pytest.mark.property
@given(value=st.none() | st.booleans() | st.integers() | st.binary() | st.uuids() | st.datetimes())
def test_any_value_has_a_place_in_the_line(value: Any, written: Callable[[], str]) -> None:
    ours.info("value.seen", value=value)

    shown = only_line(written())["value"]
    assert shown == (value if value is None or isinstance(value, bool | int) else repr(value))


def test_the_context_of_a_request_stands_in_every_line(written: Callable[[], str]) -> None:
    structlog.contextvars.bind_contextvars(request_id="ab" * 16)
    for log in (ours, theirs):
        log.warning("something")
        assert only_line(written())["request_id"] == "ab" * 16


def test_the_time_is_utc_with_its_zone(written: Callable[[], str]) -> None:
    ours.info("something")

    stamp = only_line(written())["timestamp"]
    assert stamp.endswith("Z")
    assert datetime.fromisoformat(stamp).utcoffset() == timedelta(0)


@pytest.mark.parametrize("name", ["django.request", "django.security.DisallowedHost", "celery.x"])
def test_libraries_that_would_write_a_second_line_are_quiet(
    name: str, written: Callable[[], str]
) -> None:
    logging.getLogger(name).info("a second line")
    if name.startswith("django"):
        logging.getLogger(name).error("a second line")

    assert written() == ""


def test_debugging_lines_are_left_out_by_default(written: Callable[[], str]) -> None:
    ours.debug("claim.refused")
    theirs.debug("something")

    assert written() == ""


def test_sentry_is_asked_for_nothing_a_client_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    quiet: list[str] = []
    monkeypatch.setattr(sentry_sdk, "init", lambda **options: asked.update(options))
    monkeypatch.setattr(observability, "ignore_logger", quiet.append)

    observability.configure_sentry("https://key@host/1", "1.2.3", 0.25)

    assert (asked["dsn"], asked["release"]) == ("https://key@host/1", "filesvc@1.2.3")
    assert asked["max_request_body_size"] == "never"
    assert not asked["send_default_pii"] | asked["include_local_variables"]
    assert asked["traces_sampler"]({"parent_sampled": None}) == 0.25
    assert quiet == list(observability.NOISY_LOGGERS)


def test_without_an_address_sentry_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(sentry_sdk, "init", lambda **options: asked.append(options))

    observability.configure_sentry(None, "1.2.3")

    assert asked == []
