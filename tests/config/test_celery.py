"""The Celery application: JSON only, nothing kept, an impatient ringer and a patient listener."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery.signals import celeryd_init, worker_ready
from celery.worker import state
from kombu import Queue
from kombu.exceptions import ContentDisallowed, OperationalError

from config.celery import app, notice_lost_acknowledgement
from filesvc import exposition
from filesvc.deadlines import task_hard_seconds, task_soft_seconds
from filesvc.tasks import process_file
from tests.config.fresh import run_python
from tests.stack import Server

# A fault is told in well under a second; this proves that there is a deadline at all.
SOON_SECONDS = 5.0
WORKER = """
import json, logging
from config.celery import app
worker = app.Worker(pool="solo")
formatter = logging.getLogger().handlers[0].formatter
print(json.dumps({
    "listening": app.connection_for_read().transport_options,
    "formatter": type(formatter).__name__,
    "acks_late": app.tasks["filesvc.process_file"].acks_late,
    "prefetch": worker.app.conf.worker_prefetch_multiplier,
}))
"""


@pytest.fixture(scope="module")
def listener() -> dict[str, Any]:
    """What a worker works with, as Celery itself has set it up in its own process."""
    ran = run_python("-c", WORKER)
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


@pytest.fixture
def ringer() -> dict[str, Any]:
    """The transport options of who rings."""
    return dict(app.connection_for_write().transport_options or {})


@pytest.fixture
def queue() -> Iterator[Any]:
    """A queue of this test alone, on the real broker."""
    with app.connection_for_write() as connection:
        bound = Queue(f"test-{uuid.uuid4().hex}")(connection.default_channel)
        bound.declare()
        yield bound
        bound.delete()


def test_a_ring_is_json_and_says_only_which_file(queue: Any) -> None:
    file_id = str(uuid.uuid4())

    process_file.apply_async((file_id,), queue=queue.name)

    message = queue.get()
    args, kwargs, _ = json.loads(message.body)
    assert message.content_type == "application/json"
    assert (args, kwargs) == ([file_id], {})


@pytest.mark.parametrize("kind", ["pickle", "yaml"])
def test_a_message_that_is_not_json_is_refused_unread(queue: Any, kind: str) -> None:
    content_type, body = f"application/x-{kind}", b"\x80\x04N."
    channel = queue.channel
    channel.basic_publish(
        channel.prepare_message(body, content_type=content_type, content_encoding="binary"),
        exchange="",
        routing_key=queue.name,
    )

    message = queue.get(accept=app.conf.accept_content)

    with pytest.raises(ContentDisallowed):
        message.decode()


def test_a_task_is_acknowledged_after_its_work_and_leaves_no_result() -> None:
    assert process_file.acks_late
    assert process_file.ignore_result
    assert type(app.backend).__name__ == "DisabledBackend"


def test_the_tasks_belong_to_this_application() -> None:
    assert process_file.app is app


def test_no_message_comes_again_while_its_task_may_still_run(
    ringer: dict[str, Any], listener: dict[str, Any]
) -> None:
    waits = ringer["visibility_timeout"], listener["listening"]["visibility_timeout"]

    limits = app.conf.task_soft_time_limit, app.conf.task_time_limit
    assert limits == (task_soft_seconds(), task_hard_seconds())
    assert limits[0] < limits[1] < min(waits)
    # Both sides share one broker, where the shortest wins.
    assert len(set(waits)) == 1


def test_a_worker_listens_patiently_and_takes_one_message_at_a_time(
    listener: dict[str, Any],
) -> None:
    assert listener["listening"]["socket_timeout"] >= 5
    assert "socket_connect_timeout" not in listener["listening"]
    assert (listener["acks_late"], listener["prefetch"]) == (True, 1)


def test_a_start_of_a_worker_changes_how_it_waits() -> None:
    conf = SimpleNamespace(broker_transport_options=app.conf.broker_transport_options)

    celeryd_init.send(sender="worker", conf=conf)

    before = app.conf.broker_transport_options
    assert conf.broker_transport_options["socket_timeout"] > 10 * before["socket_timeout"]


def test_a_worker_logs_the_way_the_rest_does(listener: dict[str, Any]) -> None:
    assert listener["formatter"] == "ProcessorFormatter"


def test_who_rings_waits_less_than_a_second_for_each_step(ringer: dict[str, Any]) -> None:
    assert max(ringer["socket_timeout"], ringer["socket_connect_timeout"]) < 1
    assert ringer["max_retries"] == 1


def test_a_frozen_broker_is_given_up_soon(servers: dict[str, Server]) -> None:
    began = time.monotonic()
    with servers["redis"].frozen(), pytest.raises(OperationalError):
        process_file.apply_async((str(uuid.uuid4()),), queue="test-frozen")

    assert time.monotonic() - began < SOON_SECONDS


def test_a_broker_that_is_gone_is_given_up_soon(servers: dict[str, Server]) -> None:
    with servers["redis"].stopped():
        began = time.monotonic()
        with pytest.raises(OperationalError):
            process_file.apply_async((str(uuid.uuid4()),), queue="test-gone")
        assert time.monotonic() - began < SOON_SECONDS


def test_the_broker_is_used_again_when_it_is_back(servers: dict[str, Server], queue: Any) -> None:
    with servers["redis"].stopped(), pytest.raises(OperationalError):
        process_file.apply_async((str(uuid.uuid4()),), queue=queue.name)

    process_file.apply_async((str(uuid.uuid4()),), queue=queue.name)
    with app.connection_for_write() as connection:
        fresh = Queue(queue.name)(connection.default_channel)
        assert fresh.get() is not None


@pytest.mark.parametrize(
    ("level", "text", "stops"),
    [
        (logging.CRITICAL, "Couldn't ack %r, reason:%r", True),
        (logging.CRITICAL, "something else", False),
        (logging.INFO, "Couldn't ack %r, reason:%r", False),
    ],
)
def test_a_worker_stops_when_it_could_not_acknowledge(
    monkeypatch: pytest.MonkeyPatch, level: int, text: str, stops: bool
) -> None:
    monkeypatch.setattr(state, "should_stop", None)

    told = logging.LogRecord("celery.worker.request", level, __file__, 1, text, (1, 2), None)

    assert notice_lost_acknowledgement(told) is True, "the line is written all the same"
    assert (state.should_stop is not None) is stops


def test_a_worker_that_is_ready_tells_its_metrics_and_listens_for_its_own_losses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served: list[str] = []
    log = logging.getLogger("celery.worker.request")
    monkeypatch.setattr(exposition, "serve_metrics", lambda: served.append("metrics"))
    monkeypatch.setattr(log, "filters", [])
    monkeypatch.setattr(state, "should_stop", None)

    worker_ready.send(sender="worker")
    log.critical("Couldn't ack %r, reason:%r", 1, 2)

    assert served == ["metrics"]
    assert state.should_stop is not None
