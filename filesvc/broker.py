"""The doorbell's Redis, asked directly: how many rings nobody has heard yet."""

from __future__ import annotations

from celery import current_app
from django.conf import settings
from kombu.transport.redis import Channel
from redis import Redis


def open_broker() -> Redis:
    """Past kombu, which waits two seconds before it says no (measured)."""
    url = settings.BROKER_URL.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")
    return Redis.from_url(url, socket_connect_timeout=0.25, socket_timeout=0.25, retry=None)


def count_unheard(broker: Redis) -> int:
    """How many messages wait for a worker, of every priority: kombu has a list for each."""
    queue = current_app.conf.task_default_queue
    others = [f"{queue}{Channel.sep}{step}" for step in Channel.priority_steps if step]
    return sum(int(broker.llen(name)) for name in (queue, *others))
