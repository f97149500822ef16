"""The steps of the tour by themselves: what each makes of what it is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPHeaderDict

from filesvc.tour import steps
from filesvc.tour.client import Answer
from filesvc.tour.steps import STEPS, Walk, clean_up, take


class Reciting:
    """Stands for a client: answers with what is next, and keeps what it was asked."""

    waited_seconds = 0.0

    def __init__(self, *answers: Answer) -> None:
        self._answers = iter(answers)
        self.asked: list[str] = []

    def upload(self, *_: Any, **__: Any) -> Answer:
        return next(self._answers)

    def ask(self, method: str, path: str) -> Answer:
        self.asked.append(f"{method} {path}")
        return next(self._answers)


def answer(status: int, document: Any, **headers: str) -> Answer:
    """What the service says."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, HTTPHeaderDict(told), json.dumps(document).encode())


def walk(*answers: Answer) -> Walk:
    """A walk that is answered so; its service takes text and photos."""
    client: Any = Reciting(*answers)
    types = [{"media_type": name} for name in ("text/plain", "image/jpeg")]
    return Walk(client, {"types": types})


def outcome_of(title: str, walked: Walk) -> str:
    (step,) = [step for step in STEPS if step.title == title]
    return take(step, walked).actual


def kept(file_id: str, **headers: str) -> Answer:
    return answer(201, {"id": file_id, "status": "queued"}, **headers)


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (kept("a", Idempotency_Replayed="true"), "201 queued, same file"),
        (kept("a"), "201 queued"),
        (kept("b"), "201 queued, another file"),
        (answer(409, {"code": "idempotency_key_in_progress"}), "409 idempotency_key_in_progress, "),
    ],
)
def test_a_key_that_makes_a_second_file_is_told(second: Answer, told: str) -> None:
    walked = walk(kept("a"), second, answer(204, {}))

    assert outcome_of("sent twice, one key", walked).startswith(told)

    clean_up(walked)
    asked: Any = walked.client
    assert asked.asked == ["DELETE /files/a/"]


@pytest.mark.property
@given(
    waits=st.integers(0, 3),
    end=st.sampled_from(["processed", "failed", "quarantined"]),
    code=st.none() | st.sampled_from(["corrupt_content", "inspection_failed"]),
)
def test_a_file_that_could_not_be_processed_is_told_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, waits: int, end: str, code: str | None
) -> None:
    monkeypatch.setattr(steps, "POLL_SECONDS", 0)
    metadata = {"width": 640, "height": 480}
    failure = {"code": code} if code and end != "processed" else None
    told = {"status": end, "attempts": 1, "metadata": metadata, "failure": failure}
    walked = walk(*[answer(200, {"status": "processing"})] * waits, answer(200, told))
    walked.kept["photo.jpg"] = "a"

    found = outcome_of("photo is processed", walked)

    if end == "processed":
        assert (found, walked.remark) == ("processed, 640 × 480", "attempt 1")
    else:
        assert found == (code or end)
