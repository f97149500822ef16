"""What a gate says of a whole file and of each that differs from it in one place.

The golden file keeps the files themselves with the verdicts, so that no library's way of
writing them matters. `python tests/print_verdicts.py > tests/golden/verdicts.json` renews it;
what then differs in it is what the service accepts or refuses from now on.
"""

from __future__ import annotations

import base64
import functools
import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from errors.base import ServiceError
from security.structure import INSPECTORS

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "verdicts.json"
LETTERS = {
    "accepted": ".",
    "ambiguous_content": "a",
    "corrupt_content": "c",
    "encrypted_content": "e",
    "content_mismatch": "m",
    "image_limits_exceeded": "i",
    "archive_limits_exceeded": "l",
    "archive_unsafe_entry": "u",
    "active_content": "x",
}
FIRST_BYTES, LAST_BYTES = 320, 160


def list_variations(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The file; without its end, without one byte, with another byte, with more behind it."""
    yield "as it is", content
    for place in list_places(content):
        head, told, tail = content[:place], content[place], content[place + 1 :]
        yield f"cut at {place}", head
        yield f"without {place}", head + tail
        for other in sorted({0, 255, *(told + n & 255 for n in (1, -1)), *flips(told)} - {told}):
            yield f"{other} at {place}", head + bytes([other]) + tail
    for count in (1, 2, 3, 4, 8, 300):
        yield f"{count} zeros more", content + bytes(count)
    yield "twice", content * 2


def list_places(content: bytes) -> Iterator[int]:
    """Where formats say most: at the start and at the end."""
    yield from range(min(FIRST_BYTES, len(content)))
    yield from range(max(FIRST_BYTES, len(content) - LAST_BYTES), len(content))


def flips(byte: int) -> set[int]:
    """It with one bit changed."""
    return {byte ^ 1 << bit for bit in range(8)}


def letter_of(media_type: str, content: bytes) -> str:
    """The verdict on one file."""
    try:
        INSPECTORS[media_type](io.BytesIO(content), len(content))
    except ServiceError as error:
        return LETTERS[error.code]
    return LETTERS["accepted"]


def shorten(letters: str) -> str:
    """`...cc` as `3.2c`."""
    return "".join(f"{len(list(run))}{letter}" for letter, run in itertools.groupby(letters))


def judge(media_type: str, content: bytes) -> dict[str, str]:
    """A row of the golden file."""
    letters = "".join(letter_of(media_type, each) for _, each in list_variations(content))
    told = base64.b64encode(content).decode()
    return {"media_type": media_type, "content": told, "verdicts": shorten(letters)}


@functools.cache
def read_golden() -> dict[str, dict[str, str]]:
    """The rows by their names."""
    golden: dict[str, dict[str, str]] = json.loads(GOLDEN.read_text())
    return golden


def find_changes(name: str) -> list[str]:
    """Each variation that is judged in another way than it used to be."""
    row = read_golden()[name]
    content = base64.b64decode(row["content"])
    told = zip(list_variations(content), lengthen(row["verdicts"]), strict=True)
    verdicts = ((what, was, letter_of(row["media_type"], each)) for (what, each), was in told)
    return [f"{what}: {was} became {now}" for what, was, now in verdicts if was != now]


def lengthen(told: str) -> Iterator[str]:
    """`3.2c` as `...cc`."""
    count = ""
    for letter in told:
        if letter.isdigit():
            count += letter
        else:
            yield from itertools.repeat(letter, int(count))
            count = ""


def samples_of(*media_types: str) -> Any:
    """A test's parameter `name`: the golden files of these types."""
    names = [name for name, row in read_golden().items() if row["media_type"] in media_types]
    assert names, media_types
    return pytest.mark.parametrize("name", names)
