"""README stays true: its commands are run as they stand, its answers have the shape shown."""

from __future__ import annotations

import json
import re
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.system.service import FOREIGN, Service, wait_until

pytestmark = pytest.mark.system

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCK = re.compile(r"```(sh|json)\n(.*?)```", re.DOTALL)
MARK = "--- end of block ---"


def shape(value: Any) -> Any:
    """Keys and kinds of a JSON document, without its values."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return "text or null" if value is None or isinstance(value, str) else type(value).__name__


def run_blocks(service: Service, blocks: list[str]) -> list[str]:
    """What each block printed, all of them in one shell."""
    import os

    script = f"\necho '{MARK}'\n".join(blocks).replace(
        "127.0.0.1:8000", f"127.0.0.1:{service.port}"
    )
    told = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=service.root,
        env={key: value for key, value in os.environ.items() if key not in FOREIGN},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.split(MARK)


def test_the_commands_of_the_readme_work_and_answer_as_shown(service: Service) -> None:
    blocks = BLOCK.findall(README)
    commands = [text for kind, text in blocks if kind == "sh"]
    wait_until(service.is_ready, 20, "ready")

    told = dict(zip(commands, run_blocks(service, commands), strict=True))

    compared = 0
    for (kind, command), (next_kind, expected) in zip(blocks, blocks[1:], strict=False):
        if (kind, next_kind) == ("sh", "json"):
            answer, example = json.loads(told[command]), json.loads(expected)
            # The first list may still show the file as waiting: its metadata come later.
            for file in [*answer.get("results", []), *example.get("results", [])]:
                file["metadata"] = {}
            assert shape(answer) == shape(example)
            compared += 1
    assert compared == 3


def test_the_license_shown_in_the_readme_is_the_one_that_is_sent() -> None:
    content = (Path(__file__).parents[2] / "LICENSE").read_bytes()
    answers = [json.loads(text) for kind, text in BLOCK.findall(README) if kind == "json"]
    files = [file for told in answers for file in told.get("results", [told]) if "sha256" in file]

    assert len(files) == 2
    for file in files:
        assert (file["size"], file["sha256"]) == (len(content), sha256(content).hexdigest())
    assert files[1]["metadata"]["words"] == len(content.split())


def test_the_refusal_of_the_readme_is_the_real_one(service: Service) -> None:
    examples = [json.loads(text) for kind, text in BLOCK.findall(README) if kind == "json"]
    problem = next(example for example in examples if "code" in example)
    token = service.issue_token("reader")

    answer = service.upload(token, b"text", "photo.png").json()

    assert answer | {"request_id": ""} == problem | {"request_id": ""}
