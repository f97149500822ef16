"""What expat keeps of an XML part has an end: up to each limit a part passes, one more not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from errors import catalogue
from security.structure.xml_parts import (
    MAX_NAMES,
    MAX_OPEN_ELEMENTS,
    MAX_PENDING_BYTES,
    MAX_PROLOG_BYTES,
    check_prolog,
    walk_elements,
)
from security.structure.zip_members import Budget


def is_walked(*pieces: bytes) -> bool:
    try:
        assert [*walk_elements(pieces, lambda *_: None, Budget(0))] == [*pieces]
    except catalogue.CorruptContent:
        return False
    return True


def nested(depth: int) -> bytes:
    return b"<a>" * depth + b"</a>" * depth


def named(*names: str) -> bytes:
    return "".join(f"<{name}/>" for name in names).encode()


@pytest.mark.parametrize("before", [b"", b"<a>"])
@pytest.mark.parametrize(("over_bytes", "note"), [(0, "XML part"), (1, "endless XML token")])
def test_a_token_is_waited_for_up_to_the_limit(before: bytes, over_bytes: int, note: str) -> None:
    token = b"<b c='".ljust(MAX_PENDING_BYTES + over_bytes, b"x")

    with pytest.raises(catalogue.CorruptContent) as refused:
        list(walk_elements([before + token], lambda *_: None, Budget(0)))
    assert refused.value.note == note


@pytest.mark.parametrize("piece_bytes", [16 * 1024, 256 * 1024, MAX_PENDING_BYTES])
def test_a_token_of_half_the_limit_passes_however_it_is_cut(piece_bytes: int) -> None:
    part = b"<a><b c='".ljust(MAX_PENDING_BYTES // 2, b"x") + b"'/></a>"

    assert is_walked(*(part[at : at + piece_bytes] for at in range(0, len(part), piece_bytes)))


def test_elements_are_as_deep_as_the_limit_and_no_deeper() -> None:
    assert is_walked(nested(MAX_OPEN_ELEMENTS))
    assert not is_walked(nested(MAX_OPEN_ELEMENTS + 1))


def test_elements_that_ended_are_not_counted_as_open() -> None:
    before = named(*["b"] * MAX_OPEN_ELEMENTS * 2)

    assert is_walked(b"<a>" + before + nested(MAX_OPEN_ELEMENTS - 1) + b"</a>")
    assert not is_walked(b"<a>" + before + nested(MAX_OPEN_ELEMENTS) + b"</a>")


def test_names_are_as_many_as_the_limit_and_no_more() -> None:
    names = [f"n{number}" for number in range(MAX_NAMES)]

    assert is_walked(b"<n0>" + named(*names) + b"</n0>")
    assert not is_walked(b"<n0>" + named(*names, "more") + b"</n0>")


def test_a_part_whose_elements_do_not_end_is_corrupt() -> None:
    assert not is_walked(b"<a><b/>")


@pytest.mark.parametrize(("first", "read"), [(-1, 2), (0, 1), (1, 1)])
def test_no_more_is_read_for_a_prolog_than_its_limit(first: int, read: int) -> None:
    given = []

    def pieces() -> Iterator[bytes]:
        for piece in (b"<a>".ljust(MAX_PROLOG_BYTES + first), b"<b/>", b"</a>"):
            given.append(piece)
            yield piece

    assert next(check_prolog(pieces())) == b"".join(given)
    assert len(given) == read


def test_a_prolog_without_a_root_is_named_so() -> None:
    with pytest.raises(catalogue.CorruptContent) as refusal:
        next(check_prolog([b"<!-- -->"]))

    assert refusal.value.note == "XML part without a root element"
