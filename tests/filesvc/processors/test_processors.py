"""The table: what each type of the policy is described as, also where nothing may be opened."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from filesvc.processors import OOXML, PROCESSORS, describe
from filesvc.processors.subject import Subject
from filesvc.processors.whole import describe_whole
from filesvc.sandbox import stop_sandbox
from security.policy import TYPES
from tests import samples
from tests.files import audio, office, pdfs
from tests.filesvc.describing import describe_file
from tests.stack import ROOT

SAMPLES: dict[str, tuple[str, bytes]] = {
    **{
        f"image/{name}": ("image", samples.image(name.upper()))
        for name in ("png", "jpeg", "gif", "webp", "tiff", "bmp")
    },
    "text/plain": ("text", b"hello world\n"),
    "text/markdown": ("text", b"# hello\n"),
    "text/csv": ("csv", b"a,b\n1,2\n"),
    "text/tab-separated-values": ("csv", b"a\tb\n1\t2\n"),
    "application/json": ("json", b'{"a": [1, 2]}'),
    "application/pdf": ("pdf", pdfs.by_hand()),
    f"{OOXML}wordprocessingml.document": ("document", office.docx()),
    f"{OOXML}spreadsheetml.sheet": ("spreadsheet", office.xlsx()),
    f"{OOXML}presentationml.presentation": ("presentation", office.pptx()),
    "audio/vnd.wave": ("audio", audio.wav()),
    "audio/mpeg": ("audio", audio.mp3()),
    "audio/flac": ("audio", audio.flac()),
    "audio/ogg": ("audio", audio.vorbis()),
    "application/zip": ("archive", samples.archive({"a.txt": "hello"})),
}
DECODERS = {
    *("PIL", "pikepdf", "pypdfium2", "docx", "openpyxl", "pptx", "lxml", "defusedxml"),
    *("mutagen", "ijson"),
}
every_type = pytest.mark.parametrize("media_type", [row.media_type for row in TYPES])


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[None]:
    """All of them are described by one confined process."""
    stop_sandbox()
    yield
    stop_sandbox()


def tell_here(media_type: str, content: bytes) -> dict[str, Any]:
    subject = Subject(media_type, len(content), "", io.BytesIO(content))
    return describe(subject).metadata.model_dump()


def test_every_type_of_the_policy_and_no_other_has_its_processor() -> None:
    assert set(PROCESSORS) == {row.media_type for row in TYPES} == set(SAMPLES)


@every_type
def test_every_type_of_the_policy_is_described_as_what_it_is(media_type: str) -> None:
    kind, content = SAMPLES[media_type]

    told = tell_here(media_type, content)

    assert told["kind"] == kind
    assert json.loads(json.dumps(told)) == told


@every_type
def test_where_nothing_may_be_opened_the_same_is_told(
    one_sandbox: None, tmp_path: Path, media_type: str
) -> None:
    kind, content = SAMPLES[media_type]

    answer = describe_file(content, tmp_path, media_type=media_type)

    assert answer.metadata["kind"] == kind
    assert answer.metadata == tell_here(media_type, content)


@pytest.mark.parametrize("module", ["config.wsgi", "config.celery", "filesvc.sandbox"])
def test_no_decoder_is_loaded_by_what_serves_requests_or_keeps_the_queue(module: str) -> None:
    program = (
        f"import sys, django; django.setup(); import {module};"
        "from django.urls import get_resolver; get_resolver().url_patterns;"
        "from django.core.checks import run_checks; run_checks(); print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()

    assert "filesvc.sandbox" in loaded
    assert not {name.partition(".")[0] for name in loaded} & DECODERS
    assert not [name for name in loaded if name.startswith("filesvc.processors.")]


def test_a_type_nobody_registered_is_described_as_a_whole() -> None:
    content, told = b"hello", {"kind": "file", "size": 5, "sha256": ""}

    assert tell_here("application/x-unheard-of", content) == told | {
        "media_type": "application/x-unheard-of"
    }
    assert "application/x-unheard-of" not in PROCESSORS
    assert describe_whole not in PROCESSORS.values()
