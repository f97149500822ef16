"""The running service against its own OpenAPI document, by schemathesis with all its checks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.system.service import Service, cloned

pytestmark = pytest.mark.system


@pytest.fixture
def open_service() -> Iterator[Service]:
    """A service whose rate limits do not end the run."""
    with cloned(UPLOAD_RATE="1000000/m", AUTH_FAILURE_RATE="1000000/m") as service:
        service.start()
        yield service


def test_the_service_does_what_its_document_says(open_service: Service) -> None:
    token = open_service.issue_token("schema")
    told = subprocess.run(
        [
            *(".venv/bin/schemathesis", "--config-file", "tests/system/schemathesis.toml"),
            *("run", f"{open_service.url}/schema/"),
            *("--url", open_service.url, "--header", f"Authorization: Bearer {token}"),
            *("--checks", "all", "--max-examples", "50", "--no-color", "--seed", "1"),
        ],
        cwd=open_service.root,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.system.schemathesis_hooks"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0, told.stdout[-6000:]
    assert "Selected: 13/13" in told.stdout
