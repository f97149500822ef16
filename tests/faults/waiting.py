"""What the tests of the broker share: uploads with a ledger, and the repair of what waits."""

from __future__ import annotations

import pytest

from filesvc import tasks
from filesvc.models import File
from security.circuit_breaker import CircuitBreaker
from tests.faults.conftest import Client
from tests.faults.living import are_final
from tests.faults.test_doorbell import LONG_AGO
from tests.filesvc.repairs.repairing import run_repair
from tests.stack import wait_until


def upload_some(client: Client, first: int = 0) -> dict[str, bytes]:
    """Three uploads; the content of each by its id."""
    ledger = {}
    for number in range(first, first + 3):
        content = f"line {number}\n".encode()
        answer = client.upload(content)
        assert answer.status == 201, answer.body
        ledger[answer.json["id"]] = content
    return ledger


def sweep_until_processed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute has gone by for what waits; the rest is done by sweeper and worker."""
    File.objects.exclude(status="processed").update(notified_at=LONG_AGO)

    def is_done() -> bool:
        # The rest after a failed ring is over, however short this took.
        monkeypatch.setattr(tasks, "_doorbell_breaker", CircuitBreaker(0.5))
        run_repair("ring_again")
        return are_final()

    wait_until(is_done, 60, "every file is processed")
    assert set(File.objects.values_list("processed", flat=True)) == {True}
