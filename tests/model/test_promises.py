"""The real service against the reference: uploads, retries, crashes, stale workers, time.

Real WSGI application, database, Redis, clamd and disk; a crash is a process that ends.
"""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from errors import catalogue
from filesvc import claims, tasks
from filesvc.blobs import blob_path
from filesvc.claims import Claim
from filesvc.models import File
from filesvc.sweeper import sweep_once
from filesvc.tasks import process_file
from tests.client import call
from tests.conftest import PROBLEM
from tests.model.bench import Bench
from tests.model.crash import DELETE_POINTS, UPLOAD_POINTS, run_until
from tests.model.reference import FINAL, Kept, Reference
from tests.samples import EICAR, image

SEQUENCES = {"dev": 60, "ci": 500, "long": 5000}
STEPS = 14
CONTENTS = [b"alpha\n", b"beta gamma\n", b"delta\nepsilon\n"]
BAD = {EICAR: "malware_detected", image("PNG"): "content_mismatch"}
KEYS = [None, "key-number-one-of-two", "key-number-two-of-two"]
contents = st.sampled_from([*CONTENTS, *CONTENTS, *BAD])
keys = st.sampled_from(KEYS)
which = st.integers(0, 30)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.property]


class Promises(RuleBasedStateMachine):
    """One step is one thing a client, a worker, an operator or fate may do."""

    bench: Bench

    def __init__(self) -> None:
        super().__init__()
        self.bench.clean()
        self.reference = Reference()
        self.stale: list[tuple[str, Claim]] = []
        self.processed_at: dict[str, Any] = {}
        self.asked_in: dict[str, str] = {}
        self.last: tuple[bytes, str | None] = (CONTENTS[0], KEYS[1])

    # --- clients ---------------------------------------------------------------------------

    @rule(content=contents, key=keys)
    def upload(self, content: bytes, key: str | None) -> None:
        self.last = (content, key)
        self.send(content, key, BAD.get(content))

    @rule()
    def retry_the_last(self) -> None:
        self.send(*self.last, BAD.get(self.last[0]))

    @rule(content=contents, key=keys)
    def upload_cut_short(self, content: bytes, key: str | None) -> None:
        self.send(content, key, "malformed_multipart")

    @rule(content=st.sampled_from(CONTENTS), key=keys, point=st.sampled_from(list(UPLOAD_POINTS)))
    def upload_and_crash(self, content: bytes, key: str | None, point: str) -> None:
        self.last = (content, key)
        target, left = UPLOAD_POINTS[point]
        expected = self.reference.answer_to(content, None, key)
        blobs = set(self.bench.blobs())
        died = run_until(target, lambda: self.bench.upload(content, key))
        if expected != (201, ""):  # refused or replayed, and so on its way past most points
            return
        assert died
        new = [path.name for path in set(self.bench.blobs()) - blobs]
        assert len(new) == (left != "nothing")
        if left == "file":
            self.keep(str(uuid.UUID(new[0])), content, key)
        else:
            self.reference.remember(key, content, None)
            self.reference.orphans |= dict.fromkeys(new, self.reference.now)

    @precondition(lambda self: self.reference.files)
    @rule(number=which)
    def delete(self, number: int) -> None:
        file_id = self.pick(number)
        assert call("DELETE", f"/files/{file_id}/", token=self.bench.token).status == 204
        del self.reference.files[file_id]

    @precondition(lambda self: self.reference.files)
    @rule(number=which)
    def delete_and_crash(self, number: int) -> None:
        file_id = self.pick(number)
        path = f"/files/{file_id}/"
        assert run_until(
            DELETE_POINTS["row_gone"], lambda: call("DELETE", path, token=self.bench.token)
        )
        kept = self.reference.files.pop(file_id)
        self.reference.orphans[file_id.replace("-", "")] = kept.since

    @precondition(lambda self: self.reference.files)
    @rule(number=which)
    def reprocess(self, number: int) -> None:
        file_id = self.pick(number)
        answer = call("POST", f"/files/{file_id}/reprocess/", token=self.bench.token)
        assert answer.status == (202 if self.reference.send_back(file_id) else 409)
        if answer.status == 202:
            self.processed_at.pop(file_id, None)

    # --- workers ---------------------------------------------------------------------------

    @precondition(lambda self: self.reference.files)
    @rule(number=which, times=st.integers(1, 3))
    def deliver(self, number: int, times: int) -> None:
        file_id = self.pick(number)
        for _ in range(times):
            process_file(file_id)
            fence = self.reference.claim(file_id)
            if fence is not None:
                assert self.reference.finish(file_id, fence)

    @precondition(lambda self: self.reference.files)
    @rule(number=which, times=st.integers(1, 6))
    def deliver_while_the_store_is_away(self, number: int, times: int) -> None:
        file_id = self.pick(number)
        for _ in range(times):
            with mock.patch.object(tasks, "process", side_effect=catalogue.StorageUnavailable()):
                process_file(file_id)
            fence = self.reference.claim(file_id)
            if fence is not None:
                assert self.reference.put_off(file_id, fence)

    @precondition(lambda self: self.reference.files)
    @rule(number=which)
    def worker_dies_at_work(self, number: int) -> None:
        file_id = self.pick(number)
        held = claims.claim(File.objects.get(id=file_id).id)
        fence = self.reference.claim(file_id)
        assert (held.fence if held else None) == fence
        if held:
            self.stale.append((file_id, held))

    @precondition(lambda self: self.stale)
    @rule(number=which)
    def dead_worker_comes_back(self, number: int) -> None:
        file_id, held = self.stale[number % len(self.stale)]
        finished = claims.finish(held, {"kind": "stale"}, has_preview=False)
        assert finished is self.reference.finish(file_id, held.fence)

    # --- the sweeper, and time -------------------------------------------------------------

    @rule()
    def sweep(self) -> None:
        sweep_once()
        self.reference.sweep()

    @rule(seconds=st.sampled_from([31, 71, 1800, 3700, 90_000]))
    def time_goes_by(self, seconds: int) -> None:
        self.bench.advance(seconds)
        self.reference.now += seconds

    # --- what holds after every step ---------------------------------------------------------

    @invariant()
    def rows_are_as_promised(self) -> None:
        rows = File.objects.values_list("id", "status", "attempts", "sha256")
        assert {str(file_id): rest for file_id, *rest in rows} == {
            file_id: [kept.status, kept.attempts, hashlib.sha256(kept.content).hexdigest()]
            for file_id, kept in self.reference.files.items()
        }

    @invariant()
    def every_row_has_its_bytes_and_no_bytes_are_unaccounted_for(self) -> None:
        blobs = {path.name: path.read_bytes() for path in self.bench.blobs()}
        for file_id, kept in self.reference.files.items():
            assert blobs.pop(file_id.replace("-", "")) == kept.content
        assert set(blobs) == set(self.reference.orphans)

    @invariant()
    def only_processed_files_are_handed_out_and_processed_once(self) -> None:
        """Asked for once in each state: after every step it takes a third of the whole time."""
        for file in File.objects.all():
            if self.asked_in.get(str(file.id)) == (state := f"{file.status} {file.processed_at}"):
                continue
            self.asked_in[str(file.id)] = state
            answer = call("GET", f"{file.path}content/", token=self.bench.token)
            assert (answer.status == 200) is (file.status == "processed")
            if file.status == "processed":
                assert self.processed_at.setdefault(str(file.id), file.processed_at) == (
                    file.processed_at
                )

    def teardown(self) -> None:
        """When faults stop, everything ends, and nothing is left that nobody owns."""
        for _ in range(3):
            if self.reference.is_settled():
                break
            self.time_goes_by(3700)
            self.sweep()
            for file_id in list(self.reference.files):
                self.deliver(list(self.reference.files).index(file_id), 1)
        self.rows_are_as_promised()
        assert all(kept.status in FINAL for kept in self.reference.files.values())
        assert len(self.bench.blobs()) == len(self.reference.files)

    # --- how it is done --------------------------------------------------------------------

    def send(self, content: bytes, key: str | None, verdict: str | None) -> None:
        expected = self.reference.answer_to(content, verdict, key)
        answer = self.bench.upload(content, key, is_whole=verdict != "malformed_multipart")
        if answer.status >= 400:
            PROBLEM.validate(answer.json)
            assert (answer.status, answer.code) == expected
        else:
            assert (answer.status, expected[0]) == (201, 201), expected
        is_first = self.reference.key_in_force(key) is None
        assert ("idempotency-replayed" in answer.headers) is (
            not is_first and expected[1] not in NOT_REPLAYED
        )
        if answer.status == 201 and is_first:
            self.keep(answer.json["id"], content, key)
        elif answer.status == 201:
            assert answer.json["id"] == expected[1]
        elif answer.status == 422 and is_first:
            self.reference.remember(key, content, expected)
        elif is_first and key:
            self.reference.keys.pop(key, None)

    def keep(self, file_id: str, content: bytes, key: str | None) -> None:
        self.reference.files[file_id] = Kept(content, self.reference.now)
        self.reference.remember(key, content, (201, file_id))
        assert blob_path(File.objects.get(id=file_id).id).read_bytes() == content

    def pick(self, number: int) -> str:
        return list(self.reference.files)[number % len(self.reference.files)]


NOT_REPLAYED = ("idempotency_key_in_progress", "idempotency_key_reused", "malformed_multipart")


# Every line it runs others run too, and counting them takes it twice as long (measured).
@pytest.mark.no_cover
def test_the_service_keeps_its_promises_whatever_happens_in_whatever_order(
    token: str, storage: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.UPLOAD_RATE = settings.ADDRESS_RATE = "1000000/s"
    bench = Bench(token, storage)
    monkeypatch.setattr("filesvc.repairs.store.age_of", bench.age_of)
    machine = type("Machine", (Promises,), {"bench": bench})
    run_state_machine_as_test(machine, settings=profile())


def profile() -> hypothesis_settings:
    """As many sequences as the profile in force asks for."""
    name = hypothesis_settings.get_current_profile_name()
    return hypothesis_settings(
        max_examples=SEQUENCES[name],
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
