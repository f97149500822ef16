"""The collection: real files of every type, as programs write them, and what each must tell."""

from __future__ import annotations

from tests.files import (
    collected_archives,
    collected_images,
    collected_office,
    collected_pdfs,
    collected_sounds,
    collected_texts,
)
from tests.files.sample import Sample

KINDS = (
    collected_images,
    collected_texts,
    collected_pdfs,
    collected_office,
    collected_sounds,
    collected_archives,
)
COLLECTION: dict[str, Sample] = {made.name: made for kind in KINDS for made in kind.SAMPLES}
