"""Small unique files to send, of many kinds; some of them must be refused."""

from __future__ import annotations

import hashlib
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from tests import samples
from tests.files import office, pdfs, texts

PICTURES = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "WEBP": "webp"}
# Of a hundred uploads, so many are of a kind that is refused.
BAD_PERCENT = 12


@dataclass(frozen=True)
class Sample:
    """One file, and the codes it may be refused with; none when it must be taken in."""

    name: str
    content: bytes
    refusals: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """The digest the service must come to as well."""
        return hashlib.sha256(self.content).hexdigest()


def make_sample(chance: random.Random, mark: str) -> Sample:
    """A file that nobody has sent before: `mark` is in it, or its pixels are random."""
    makers = BAD if chance.randrange(100) < BAD_PERCENT else GOOD
    return chance.choice(makers)(chance, mark)


def _text(chance: random.Random, mark: str) -> Sample:
    words = " ".join(chance.choices(("alpha", "beta", "gamma", "delta"), k=chance.randrange(2000)))
    return Sample(f"note-{mark}.txt", f"{mark} {words}\n".encode())


def _large_text(chance: random.Random, mark: str) -> Sample:
    return Sample(f"large-{mark}.txt", (mark + "\n").encode() * chance.randrange(2_000, 40_000))


def _csv(chance: random.Random, mark: str) -> Sample:
    rows: list[list[object]] = [
        ["mark", "number"],
        *[[mark, chance.random()] for _ in range(chance.randrange(1, 200))],
    ]
    return Sample(f"table-{mark}.csv", texts.table(rows).encode())


def _json(chance: random.Random, mark: str) -> Sample:
    told = {"mark": mark, "numbers": [chance.random() for _ in range(chance.randrange(100))]}
    return Sample(f"told-{mark}.json", json.dumps(told).encode())


def _picture(chance: random.Random, mark: str) -> Sample:
    kind = chance.choice(list(PICTURES))
    size = chance.randrange(16, 200), chance.randrange(16, 200)
    picture = Image.frombytes("RGB", size, chance.randbytes(3 * size[0] * size[1]))
    target = io.BytesIO()
    picture.save(target, kind)
    return Sample(f"picture-{mark}.{PICTURES[kind]}", target.getvalue())


def _pdf(chance: random.Random, mark: str) -> Sample:
    return Sample(f"paper-{mark}.pdf", pdfs.by_hand(text=mark))


def _archive(chance: random.Random, mark: str) -> Sample:
    entries = {f"{number}.txt": chance.randbytes(200) for number in range(chance.randrange(1, 9))}
    return Sample(f"packed-{mark}.zip", samples.archive({"mark.txt": mark, **entries}))


def _document(chance: random.Random, mark: str) -> Sample:
    return Sample(f"letter-{mark}.docx", office.docx(mark, picture=False))


def _eicar(chance: random.Random, mark: str) -> Sample:
    content = samples.EICAR + f"\n{mark}\n".encode()
    return Sample(f"eicar-{mark}.txt", content, ("malware_detected",))


def _packed_eicar(chance: random.Random, mark: str) -> Sample:
    content = samples.archive({"mark.txt": mark, "inner.txt": samples.EICAR})
    return Sample(f"eicar-{mark}.zip", content, ("malware_detected",))


def _mismatch(chance: random.Random, mark: str) -> Sample:
    picture = _picture(chance, mark)
    refusals = ("content_mismatch", "unsupported_file_type")
    return Sample(f"no-text-{mark}.txt", picture.content, refusals)


def _truncated(chance: random.Random, mark: str) -> Sample:
    content = samples.archive({"mark.txt": mark, "rest.txt": chance.randbytes(500)})[:-40]
    return Sample(f"cut-{mark}.zip", content, ("corrupt_content",))


GOOD: tuple[Callable[[random.Random, str], Sample], ...] = (
    *(_text, _text, _text, _large_text, _csv, _csv, _json, _picture, _picture),
    *(_pdf, _archive, _document),
)
BAD: tuple[Callable[[random.Random, str], Sample], ...] = (
    *(_eicar, _eicar, _packed_eicar, _mismatch, _truncated),
)
