"""Whatever the bytes are: accepted, or one refusal of the catalogue, soon and in little memory."""

from __future__ import annotations

import io
import random
import time
import tracemalloc
import zipfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests import samples
from tests.files import office
from tests.files.archives import MIB, Member, nested, pack, streamed
from tests.security.structure.verdicts import OFFICE_TYPES, office_verdict, zip_verdict

CODES = {
    *("accepted", "corrupt_content", "ambiguous_content", "encrypted_content", "active_content"),
    *("archive_limits_exceeded", "archive_unsafe_entry", "content_mismatch"),
}
ARCHIVES = [
    samples.archive({"a.txt": "hello" * 50, "b/c.bin": bytes(300)}),
    pack(streamed(b"a", b"hello"), streamed(b"b", b"world" * 9, "<4sLQQ"), comment=b"note"),
    pack(Member(b"a", b"hello"), Member(b"folder/"), is_zip64=True),
    nested(3),
    *(samples.office(kind) for kind in OFFICE_TYPES),
]
REAL = [(office.docx(), "docx"), (office.xlsx(), "xlsx"), (office.pptx(), "pptx")]
INTERESTING = [0, 1, 8, 9, 20, 0x30, 0x40, 0x7F, 0x80, 0xFE, 0xFF]


def mutated(content: bytes, seed: int) -> bytes:
    """The content with a few bytes changed, cut out, repeated or swapped."""
    chance, changed = random.Random(seed), bytearray(content)  # noqa: S311
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(changed) + 1)
        end = start + chance.choice([1, 1, 1, 2, 4, 30])
        match chance.randrange(5):
            case 0 | 1:
                changed[start:end] = bytes(
                    chance.choice(INTERESTING) for _ in range(len(changed[start:end]))
                )
            case 2:
                del changed[start:end]
            case 3:
                changed[start:start] = changed[end : end + chance.randrange(60)]
            case 4:
                changed[start:end] = chance.randbytes(len(changed[start:end]))
    return bytes(changed)


@pytest.mark.property
@given(content=st.binary(max_size=400))
@example(content=b"PK\5\6" + bytes(18))
@example(content=b"PK\5\6" + b"\xff" * 18)
@example(content=b"PK\6\6" + bytes(52) + b"PK\6\7" + bytes(16) + b"PK\5\6" + bytes(18))
def test_any_bytes_get_a_verdict(content: bytes) -> None:
    assert zip_verdict(content) in CODES
    assert office_verdict(content) in CODES
    assert zip_verdict(content + b"PK\5\6" + bytes(18)) in CODES


@pytest.mark.property
@given(number=st.integers(0, len(ARCHIVES) - 1), seed=st.integers(0, 2**32))
def test_a_changed_archive_gets_a_verdict(number: int, seed: int) -> None:
    content = mutated(ARCHIVES[number], seed)

    verdict = zip_verdict(content)

    assert verdict in CODES
    if verdict == "accepted":
        assert_reads(content)
    for kind in OFFICE_TYPES:
        assert office_verdict(content, kind) in CODES


@pytest.mark.property
@given(number=st.integers(0, len(REAL) - 1), seed=st.integers(0, 2**32))
def test_a_changed_office_file_gets_a_verdict(number: int, seed: int) -> None:
    content, kind = REAL[number]
    content = mutated(content, seed)

    verdict = office_verdict(content, kind)

    assert verdict in CODES
    if verdict == "accepted":
        assert_reads(content)


def assert_reads(content: bytes) -> None:
    """What is accepted is an archive to another reader, with nothing around it."""
    with zipfile.ZipFile(io.BytesIO(content)) as read:
        assert read.testzip() is None
        assert len(content) >= sum(entry.compress_size for entry in read.infolist())


@pytest.mark.parametrize("kind", sorted(OFFICE_TYPES))
def test_a_usual_file_takes_a_moment_and_little_memory(kind: str) -> None:
    content = dict((name, made) for made, name in REAL)[kind]
    started = time.perf_counter()
    assert office_verdict(content, kind) == "accepted"
    assert time.perf_counter() - started < 0.5

    tracemalloc.start()
    office_verdict(content, kind)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * MIB
