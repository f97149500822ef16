"""Sends a file through the whole way: upload, confined process, and what the API tells then."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from filesvc.documents import schema
from filesvc.tasks import process_file
from security.policy import TYPES
from security.upload import STAGING
from tests.client import Answer, call, upload

EVERY_TYPE = [row.media_type for row in TYPES]
EVERY_EXTENSION = [extension for row in TYPES for extension in row.extensions]


def send(token: str, content: bytes, name: str) -> Any:
    """The File after it was let in, and processed."""
    answer = upload(token, content, name, claimed=None)
    assert answer.status == 201, (name, answer.body)
    process_file(answer.json["id"])
    told = call("GET", answer.headers["location"], token=token)
    assert told.status == 200
    file_form().validate(told.json)
    return told.json


def look(token: str, file: Any, what: str = "preview") -> Answer:
    """Its preview or its content."""
    return call("GET", f"/files/{file['id']}/{what}/", token=token)


@cache
def file_form() -> jsonschema.Draft202012Validator:
    """What the OpenAPI document says a File is, and that is all of it."""
    components = schema()["components"]
    form = components["schemas"]["File"] | {"additionalProperties": False}
    return jsonschema.Draft202012Validator(form | {"components": components})


def staged(storage: Path) -> list[Path]:
    """What is left in staging."""
    return list((storage / STAGING).iterdir())
