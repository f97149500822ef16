"""Every wait for PostgreSQL has an end; SQLite, which nobody waits for, is left as it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from config.database import REPLY_SECONDS, bound_waits


def wait(**options: Any) -> dict[str, Any]:
    return options


@pytest.mark.parametrize(
    ("vendor", "bound"), [("postgresql", {"timeout": REPLY_SECONDS}), ("sqlite", {})]
)
def test_only_a_server_is_given_a_time_to_reply(vendor: str, bound: dict[str, Any]) -> None:
    driver = SimpleNamespace(wait=wait)

    bound_waits(SimpleNamespace(vendor=vendor, connection=driver))

    assert driver.wait() == bound
