"""What a gate has found out stays as it was found out: nobody behind it can change it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from errors.base import Fault
from errors.metrics import Declared
from security.canary import Word
from security.policy import FileType
from security.rate_limit import RateUsage
from security.signatures import Scanner
from security.upload import CleanUpload, ScanReport

NOW = datetime(2026, 1, 1, tzinfo=UTC)

# By the modules they are declared in.
FACTS: dict[str, Any] = {
    "errors.base": Fault("code", "detail", "part", "file"),
    "errors.metrics": Declared("name", "counter", (), "A sentence."),
    "security.canary": Word(True, 1.0),
    "security.policy": FileType("text/plain", (".txt",), frozenset()),
    "security.rate_limit": RateUsage("upload", 60, 1, 60, 30),
    "security.signatures": Scanner("ClamAV 1.4.6", "1", NOW),
    "security.upload": ScanReport("ClamAV 1.4.6", "1", NOW),
    "security.upload: the certificate": CleanUpload(None, None),  # type: ignore[arg-type]  # any
}


@pytest.mark.parametrize("place", FACTS)
def test_a_fact_cannot_be_changed(place: str) -> None:
    fact = FACTS[place]

    assert fact == dataclasses.replace(fact)
    for field in dataclasses.fields(fact):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(fact, field.name, None)
