"""What a process that runs beside the test must be told."""

from __future__ import annotations

import os

from django.db import connection


def database_url() -> str:
    """The database of this test, for another process."""
    name = str(connection.settings_dict["NAME"])
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return f"sqlite:///{name}" if connection.vendor == "sqlite" else f"{server}/{name}"
