"""A body that is not what its Content-Digest says is refused; a header nobody can read too."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import http_sf
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from errors import wsgi_guard
from security.content_digest import VALUE_PATTERN
from tests.client import Answer, file_part, form, post_form, text_part
from tests.conftest import assert_nothing_kept, assert_problem
from tests.filesvc.test_intake import forget_all
from tests.security.conftest import Watched

pytestmark = pytest.mark.django_db

BODY = form(file_part(b"hello"))
ALGORITHMS: dict[str, Callable[..., Any]] = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
OTHER = "A" * 43 + "="


def announce(body: bytes = BODY, *names: str) -> str:
    """The header for a body, as a client would write it."""
    digests = {name: ALGORITHMS[name](body).digest() for name in names or ("sha-256",)}
    return ", ".join(f"{n}=:{base64.b64encode(d).decode()}:" for n, d in digests.items())


def send(token: str, header: str, body: bytes = BODY, **more: Any) -> Answer:
    return post_form(token, body, headers={"Content-Digest": header}, **more)


def assert_mismatch(answer: Answer) -> None:
    problem = assert_problem(answer, 422, "digest_mismatch")
    assert [(fault["in"], fault["name"]) for fault in problem["errors"]] == [
        ("header", "Content-Digest")
    ]


@pytest.mark.parametrize("names", [("sha-256",), ("sha-512",), ("sha-512", "sha-256")])
def test_a_body_that_is_what_it_is_announced_as_is_taken(token: str, names: tuple[str]) -> None:
    assert send(token, announce(BODY, *names)).status == 201


@pytest.mark.parametrize(
    "header",
    [
        f"sha-256=:{OTHER}:",
        f"sha-512=:{'A' * 86}==:",
        f"{announce(BODY, 'sha-512')}, sha-256=:{OTHER}:",
        f"{announce(BODY, 'sha-256')}, sha-512=:{'A' * 86}==:",
        announce(b"hello"),  # the digest of the file alone
        announce(BODY[:-2]),
        f"{announce(BODY)}, sha-256=:{OTHER}:",  # the last of two is what counts (RFC 9651)
    ],
)
def test_a_body_that_is_not_is_refused_and_leaves_nothing(
    token: str, storage: Path, header: str
) -> None:
    assert_mismatch(send(token, header))

    assert_nothing_kept(storage)


@pytest.mark.property
@given(at=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7), name=st.sampled_from([*ALGORITHMS]))
@example(at=BODY.index(b"hello"), bit=0, name="sha-256")
@example(at=len(BODY) - 1, bit=0, name="sha-256")
def test_no_flipped_bit_gets_through(
    token: str, storage: Path, at: int, bit: int, name: str
) -> None:
    changed = bytearray(BODY)
    changed[at] ^= 1 << bit

    answer = send(token, announce(BODY, name), bytes(changed))

    assert answer.status in (400, 422)
    assert_nothing_kept(storage)


@pytest.mark.property
@given(content=st.text("abc\r\n-", min_size=1, max_size=2000), cut=st.integers(1, 500))
def test_it_does_not_matter_in_which_pieces_a_body_comes(
    token: str, storage: Path, content: str, cut: int
) -> None:
    body = form(file_part(content.encode()))

    class Dripping(Watched):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or cut, cut))

    answer = send(token, announce(body, *ALGORITHMS), body, stream=Dripping(body))

    assert answer.status == 201, answer.body
    forget_all(storage)


@pytest.mark.parametrize(
    "header",
    [
        "md5=:XrY7u+Ae7tCTyyK7j1rNww==:",
        "sha=:AAAA:, unixsum=:AAA=:",
        f"md5=:AAAA:, {announce()}",
        f"{announce()};tool=x",
        f"  {announce()}  ",
        announce()[:-2] + ":",  # without padding
    ],
)
def test_what_it_does_not_know_or_need_is_overlooked(token: str, header: str) -> None:
    assert send(token, header).status == 201


@pytest.mark.parametrize("name", ["Repr-Digest", "Digest", "Want-Content-Digest", "Content-MD5"])
def test_other_headers_of_this_kind_say_nothing_about_the_body(token: str, name: str) -> None:
    assert post_form(token, BODY, headers={name: f"sha-256=:{OTHER}:"}).status == 201


@pytest.mark.parametrize(
    "header",
    [
        *("", " ", ",", "sha-256", "sha-256=", "sha-256=:", "sha-256=::", "sha-256=:AAAA:"),
        *(f"sha-256={OTHER}", f'sha-256="{OTHER}"', f"SHA-256=:{OTHER}:", f"sha-256=:{OTHER}:,"),
        *(f"sha-256=:{OTHER}: x", f"sha-256=(:{OTHER}:)", "md5=1", "a", "sha-512=:AAAA:"),
        f"sha-256=:{'A' * 86}==:",  # longer than it can be
        *(f"sha-256=:{OTHER[:-2]}-=:", f"sha-256=:{OTHER}:, sha-512", "sha-256=:\xe9:", "\x00"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused_before_the_body_is(
    token: str, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    monkeypatch.setattr(wsgi_guard, "MAX_DRAIN_BYTES", 0)
    body = Watched(BODY)

    problem = assert_problem(send(token, header, stream=body), 400, "malformed_header")

    assert [(f["in"], f["name"]) for f in problem["errors"]] == [("header", "Content-Digest")]
    assert body.read_bytes == 0


@pytest.mark.property
@given(header=st.text(st.characters(max_codepoint=255), max_size=60))
def test_any_header_ends_in_one_of_three_answers(token: str, storage: Path, header: str) -> None:
    answer = send(token, header)

    assert answer.code in (None, "malformed_header", "digest_mismatch")
    forget_all(storage)


@pytest.mark.property
@given(header=st.from_regex(VALUE_PATTERN, fullmatch=True).filter(lambda text: len(text) < 400))
def test_what_the_document_allows_can_be_read(token: str, storage: Path, header: str) -> None:
    assert send(token, header.rstrip("\n")).status in (201, 422)
    forget_all(storage)


@pytest.mark.property
@given(
    digests=st.dictionaries(
        st.sampled_from([*ALGORITHMS, "md5", "id-sha-256"]),
        st.sampled_from(["right", "wrong"]),
        min_size=1,
    )
)
def test_each_known_digest_must_be_right(
    token: str, storage: Path, digests: dict[str, str]
) -> None:
    known = {name: right for name, right in digests.items() if name in ALGORITHMS}
    told: Any = {
        name: (ALGORITHMS.get(name, hashlib.md5)(BODY if right == "right" else b"").digest(), {})
        for name, right in digests.items()
    }

    answer = send(token, str(http_sf.ser(told)))

    assert answer.status == (422 if "wrong" in known.values() else 201)
    forget_all(storage)


def test_a_form_that_is_no_form_is_told_before_its_digest(token: str) -> None:
    assert_problem(send(token, announce(), BODY[:-9]), 400, "malformed_multipart")
    assert_problem(
        send(token, announce(), form(text_part("sha256", "0" * 64))), 400, "missing_file"
    )


def test_a_wrong_digest_of_the_file_is_told_at_its_part(token: str) -> None:
    body = form(file_part(b"hello"), text_part("sha256", "0" * 64))

    problem = assert_problem(send(token, announce(body), body), 422, "digest_mismatch")

    assert [(f["in"], f["name"]) for f in problem["errors"]] == [("part", "sha256")]
