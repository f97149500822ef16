"""The limits are the ones that were decided: each decides what is taken, refused or waited for.

What happens at a limit is shown by the tests of its module, often with a smaller one; most are
too large to be reached there.
"""

from __future__ import annotations

import importlib
import re
from datetime import timedelta
from pathlib import Path

import pytest

KIB, MIB = 1024, 1024 * 1024

LIMITS: dict[str, dict[str, object]] = {
    "errors.nginx": {"MAX_URI_BYTES": 8 * KIB, "MAX_HEADERS_BYTES": 16 * KIB},
    "errors.problem": {"MAX_FAULTS": 20},
    "errors.wsgi_guard": {
        "MAX_TARGET_BYTES": 8 * KIB,
        "MAX_HEADERS_BYTES": 16 * KIB,
        "MAX_PARSED_HEADER_BYTES": 512,
        "MAX_DRAIN_BYTES": 32 * MIB,
        "MAX_DRAINS": 4,
    },
    "security.archive_limits": {
        "MAX_ENTRIES": 10_000,
        "MAX_RATIO": 100,
        "RATIO_COUNTS_FROM_BYTES": MIB,
        "MAX_DEPTH": 3,
    },
    "security.audio_tags": {"MAX_TAGS": 16},
    "security.canary": {
        "EVERY_SECONDS": 60,
        "AGAIN_SECONDS": 5,
        "STALE_SECONDS": 180,
        "SCAN_SECONDS": 10,
    },
    "security.circuit_breaker": {"SLOW_SECONDS": 0.1, "SLOW_CALLS": 5},
    "security.clamd_client": {"CONNECT_SECONDS": 1, "IO_SECONDS": 10, "MAX_REPLY_BYTES": 4 * KIB},
    "security.clamd_conf": {"HEADROOM_BYTES": MIB},
    "security.client_address": {"IPV6_CUSTOMER_PREFIX": 64},
    "security.filename": {"MAX_LENGTH": 255},
    "security.image_limits": {
        "MAX_PIXELS": 100_000_000,
        "MAX_FRAMES": 1000,
        "MAX_PIXELS_OF_ALL_FRAMES": 1_000_000_000,
        "MAX_CANVAS_PIXELS": 40_000_000,
    },
    "security.limit_cache": {"REST_SECONDS": 5, "MAX_CLIENTS": 20_000, "MISSING_SECONDS": 300},
    "security.office_targets": {"MAX_TARGET": 2000, "MAX_DECODINGS": 3},
    "security.receiving": {
        "MAX_PART_HEADER_BYTES": 4 * KIB,
        "MAX_PART_HEADERS": 8,
        "MAX_PARTS": 16,
        "MAX_FIELDS": 8,
        "MAX_DIGEST_PART_BYTES": 128,
    },
    "security.signatures": {
        "MAX_AGE": timedelta(days=7),
        "VERSION_SECONDS": 2,
        "REMEMBERED_SECONDS": 10,
        "FAILURE_SECONDS": 1,
    },
    "security.size": {"MULTIPART_OVERHEAD_BYTES": 16 * KIB},
    "security.structure.flac": {
        "MAX_BLOCKS": 1000,
        "MAX_FRAME_HEADER_BYTES": 16,
        "MAX_LAST_FRAME_BYTES": 64 * KIB,
        "MAX_TRIED_FRAMES": 16,
    },
    "security.structure.gif": {"MAX_SUB_BLOCKS": 4_000_000, "MAX_BLOCKS": 100_000},
    "security.structure.jpeg": {
        "MAX_SEGMENTS": 50_000,
        "MAX_SCANS": 500,
        "MAX_SCANNED_PIXELS": 2_000_000_000,
    },
    "security.structure.mp3": {"ENOUGH_FRAMES": 4, "WINDOW_BYTES": 64 * KIB},
    "security.structure.mpeg_frame": {"MAX_FRAME_BYTES": 2881},
    "security.structure.ogg": {"MAX_PAGE_BYTES": 65_307, "MAX_PAGES": 20_000},
    "security.structure.ole": {"DIRECTORY_READ_BYTES": 64 * KIB},
    "security.structure.pdf": {
        "WINDOW_BYTES": 16 * KIB,
        "HEAD_BYTES": KIB,
        "MAX_LOOKS": 64,
        "TAIL_BYTES": 22 + 65_535,
    },
    "security.structure.png": {"MAX_CHUNKS": 200_000},
    "security.structure.riff": {"MAX_CHUNKS": 20_000},
    "security.structure.samsung": {"MAX_NOTES": 256},
    "security.structure.second_format": {
        "PDF_HEADER_WITHIN_BYTES": KIB,
        "MAX_MARKS": 20_000,
        "ZIP_END_WITHIN_BYTES": 128 * KIB,
    },
    "security.structure.tiff": {
        "MAX_ENTRIES": 4096,
        "MAX_ENTRIES_OF_ALL_PAGES": 200_000,
        "MAX_STRIPS": 2_000_000,
    },
    "security.structure.webp": {"MAX_CHUNKS_BEFORE_PIXELS": 64},
    "security.structure.xml_parts": {
        "MAX_PROLOG_BYTES": 64 * KIB,
        "MAX_PENDING_BYTES": MIB,
        "MAX_NAMES": 256,
        "MAX_OPEN_ELEMENTS": 32,
    },
    "security.structure.zip_archive": {
        "HEAD_BYTES": 36 * KIB,
        "MAX_SPOOL_IN_MEMORY_BYTES": 256 * KIB,
    },
    "security.structure.zip_directory": {
        "MAX_COMMENT_BYTES": KIB,
        "MAX_DIRECTORY_BYTES": 4 * MIB,
        "MAX_VERSION": 63,
    },
    "security.structure.zip_layout": {"MAX_GAP_BYTES": 4 * KIB},
    "security.structure.zip_members": {"MAX_ELEMENTS": 500_000, "FEW_ATTRIBUTES": 8},
    "security.structure.zip_names": {"MAX_NAME_BYTES": KIB, "MAX_MARKS": 30},
    "security.tokens": {"LOST_SECONDS": 0.5},
}


@pytest.mark.parametrize("module", LIMITS)
def test_a_limit_is_the_one_that_was_decided(module: str) -> None:
    declared = vars(importlib.import_module(module))

    assert {name: declared[name] for name in LIMITS[module]} == LIMITS[module]


def test_every_limit_is_named_here() -> None:
    root = Path(__file__).resolve().parents[2]
    for path in [*(root / "security").rglob("*.py"), *(root / "errors").rglob("*.py")]:
        declared = set(re.findall(r"^(MAX_[A-Z0-9_]+)\b", path.read_text(), re.MULTILINE))
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        assert declared <= set(LIMITS.get(module, ())), module
