"""A judgement on a whole request is kept under its key; whatever may pass is not."""

from __future__ import annotations

import contextlib
import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from hypothesis import given

from errors.base import ServiceError
from errors.problem import build_problem
from filesvc.idempotency import KEPT_REFUSALS, rebuild_refusal
from filesvc.models import File, IdempotencyKey
from security.concurrency import client_slots, owner_slots
from tests import samples
from tests.client import Answer, file_part, form, post_form, text_part, upload
from tests.conftest import assert_nothing_kept, assert_problem
from tests.errors.examples import any_error
from tests.filesvc.keying import assert_replayed, header, send

pytestmark = pytest.mark.django_db

NOTE = form(file_part(b"hello"))
Send = Callable[[str], Answer]

KEPT: dict[str, Send] = {
    "malware_detected": lambda t: send(t, samples.EICAR),
    "unsupported_file_type": lambda t: send(t, b"<!doctype html><html><p>"),
    "content_mismatch": lambda t: send(t, samples.image("PNG"), "a.txt"),
    "empty_file": lambda t: send(t, b""),
    "extension_not_allowed": lambda t: send(t, b"hello", "a.exe"),
    "filename_missing": lambda t: send(t, b"hello", ".."),
    "filename_too_long": lambda t: send(t, b"hello", "a" * 252 + ".txt"),
}


@pytest.mark.parametrize("code", KEPT)
def test_a_refusal_of_the_whole_request_is_kept_and_replayed(
    token: str, storage: Path, settings: Any, code: str
) -> None:
    first = KEPT[code](token)
    assert first.code == code
    settings.CLAMD_ADDRESS = f"unix:{storage}/no-clamd"

    again = KEPT[code](token)

    assert_problem(again, first.status, code)
    assert_replayed(again, first)
    assert_nothing_kept(storage)
    assert_problem(send(token, b"other bytes"), 422, "idempotency_key_reused")


def test_malware_is_judged_once_and_the_scanner_asked_no_more(token: str, servers: Any) -> None:
    first = send(token, samples.EICAR)

    with servers["clamd"].stopped():
        assert_replayed(send(token, samples.EICAR), first)
        assert_problem(send(token, key="a-key-not-seen-yet"), 503, "scanner_unavailable")


def test_a_replayed_refusal_takes_no_quota_into_account(token: str, settings: Any) -> None:
    first = send(token, samples.EICAR)
    settings.QUOTA_FILES_PER_DAY = 1
    assert send(token, key="the-last-place-of-the-day").status == 201

    assert_replayed(send(token, samples.EICAR), first)


@pytest.mark.property
@given(error=any_error().filter(lambda error: error.status in KEPT_REFUSALS))
def test_a_kept_refusal_is_rebuilt_whole(error: ServiceError) -> None:
    error.retry_after_seconds = None  # no judgement on a request has one
    problem = build_problem(error, "0" * 32)

    assert build_problem(rebuild_refusal(problem), "0" * 32) == problem


# --- what is not kept -----------------------------------------------------------------


def malformed(token: str) -> Answer:
    return post_form(token, NOTE[:-9], headers=header())


def vanished(token: str) -> Answer:
    return post_form(token, NOTE, stream=io.BytesIO(NOTE[:-20]), headers=header())


def reset(token: str) -> Answer:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ConnectionResetError

    return post_form(token, NOTE, stream=Broken(), headers=header())


PASSING: dict[str, tuple[int, Send]] = {
    "malformed_multipart": (400, malformed),
    "incomplete_body": (400, vanished),
    "incomplete_body, by a reset": (400, reset),
    "unexpected_part": (
        400,
        lambda t: post_form(t, form(file_part(b"x"), text_part("x", "")), headers=header()),
    ),
    "digest_mismatch": (422, lambda t: send(t, b"hallo", fields={"sha256": "0" * 64})),
    "validation_failed": (422, lambda t: send(t, fields={"sha256": "no digest"})),
    "payload_too_large": (413, lambda t: send(t, CONTENT_LENGTH=str(10**10))),
    "unsupported_media_type": (415, lambda t: send(t, CONTENT_TYPE="text/plain")),
    "invalid_token": (401, lambda t: send("wrong")),
}


@pytest.mark.parametrize("code", PASSING)
def test_a_request_that_did_not_arrive_whole_leaves_its_key_free(
    token: str, storage: Path, code: str
) -> None:
    status, refuse = PASSING[code]

    assert_problem(refuse(token), status, code.partition(",")[0])

    assert IdempotencyKey.objects.count() == 0
    assert_nothing_kept(storage)
    assert send(token).status == 201


def test_a_corrupted_transfer_can_be_sent_again_with_its_key(token: str) -> None:
    promised = {"Content-Digest": "sha-256=:" + "A" * 43 + "=:"}
    assert_problem(send(token, b"hallo", headers=promised), 422, "digest_mismatch")

    answer = send(token, b"hello")

    assert answer.status == 201
    assert "idempotency-replayed" not in answer.headers


@contextlib.contextmanager
def limits(settings: Any, **changed: Any) -> Any:
    before = {name: getattr(settings, name) for name in changed}
    for name, value in changed.items():
        setattr(settings, name, value)
    yield
    for name, value in before.items():
        setattr(settings, name, value)


@pytest.mark.parametrize(
    ("code", "status", "changed"),
    [
        ("file_too_large", 413, {"MAX_UPLOAD_BYTES": 4}),
        ("storage_quota_exceeded", 403, {"QUOTA_STORED_BYTES": 4}),
        ("quota_exceeded", 429, {"QUOTA_BYTES_PER_DAY": 4}),
        ("rate_limited", 429, {"UPLOAD_RATE": "1/d"}),
        ("scanner_unavailable", 503, {"CLAMD_ADDRESS": "unix:/nowhere"}),
    ],
)
def test_what_a_limit_or_an_outage_refused_is_tried_anew(
    token: str, settings: Any, code: str, status: int, changed: dict[str, Any]
) -> None:
    with limits(settings, **changed):
        upload(token, b"hello")  # takes the one place of the rate
        assert_problem(send(token), status, code)

    assert IdempotencyKey.objects.count() == 0
    answer = send(token)
    assert answer.status == 201
    assert "idempotency-replayed" not in answer.headers


@pytest.mark.parametrize("code", ["overloaded", "concurrency_limited"])
def test_a_request_without_a_slot_leaves_its_key_free(token: str, settings: Any, code: str) -> None:
    settings.MAX_INFLIGHT_UPLOADS = 1
    with contextlib.ExitStack() as taken:
        if code == "concurrency_limited":
            owner = get_user_model().objects.get(username="alice")
            taken.enter_context(owner_slots.take(owner.pk))
        for _ in range(settings.MAX_WAITING_CLIENTS if code == "overloaded" else 0):
            taken.enter_context(client_slots.take())
        assert send(token).code == code

    assert IdempotencyKey.objects.count() == 0
    assert send(token).status == 201


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (OSError(errno.ENOSPC, "no room"), "storage_full"),
        (OSError(errno.EIO, "broken"), "storage_unavailable"),
        (MemoryError("nobody expects this"), "internal_error"),
    ],
)
def test_a_fault_behind_the_gates_leaves_the_key_free(
    token: str, storage: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, code: str
) -> None:
    def fail(descriptor: int) -> None:
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        assert send(token).code == code

    assert IdempotencyKey.objects.count() == 0
    assert_nothing_kept(storage)
    assert send(token).status == 201
    assert File.objects.count() == 1


def test_an_end_of_the_process_gives_the_key_back(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(descriptor: int) -> None:
        raise SystemExit

    monkeypatch.setattr("os.fsync", stop)

    with pytest.raises(SystemExit):
        send(token)

    assert IdempotencyKey.objects.count() == 0
