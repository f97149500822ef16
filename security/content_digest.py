"""Whether the body arrived as it was sent: Content-Digest, over the whole form (RFC 9530)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import http_sf
from django.http import HttpRequest

from errors import catalogue
from errors.base import Place

HEADER = "Content-Digest"
# For the document: what can be checked. Other algorithms and parameters are read and overlooked.
_MEMBER = "(sha-256=:[A-Za-z0-9+/]{43}=:|sha-512=:[A-Za-z0-9+/]{86}==:)"
VALUE_PATTERN = f"^{_MEMBER}(, {_MEMBER})*$"
_PLACE: tuple[Place, str] = ("header", HEADER)
# The two that RFC 9530, section 5, calls active; the others there prove too little.
_ALGORITHMS: dict[str, Callable[[], Any]] = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


class ContentDigest:
    """The digests a client announced, beside those of the bytes that came in so far.

    Nothing is computed that was not announced.
    """

    def __init__(self, announced: dict[str, bytes] | None = None) -> None:
        self._announced = announced or {}
        self._received = {name: _ALGORITHMS[name]() for name in self._announced}

    def update(self, chunk: bytes) -> None:
        """Take the next bytes of the body in, multipart framing and all."""
        for digest in self._received.values():
            digest.update(chunk)

    def check(self) -> None:
        """Once the body is complete: every announced digest must be its own.

        Raises DigestMismatch.
        """
        for name, announced in self._announced.items():
            if not hmac.compare_digest(self._received[name].digest(), announced):
                raise catalogue.DigestMismatch(places=(_PLACE,), note=name)


def read_content_digest(request: HttpRequest) -> ContentDigest:
    """What the header announces; without it, or with unknown algorithms alone, nothing.

    A recipient may ignore the digests it does not know (RFC 9530, section 2), but a header
    that is there and cannot be read was meant to protect something.
    Raises MalformedHeader.
    """
    header = request.META.get("HTTP_CONTENT_DIGEST")
    if header is None:
        return ContentDigest()
    announced = parse_digests(header)
    known = {name: announced[name] for name in _ALGORITHMS if name in announced}
    for name, value in known.items():
        if len(value) != _ALGORITHMS[name]().digest_size:
            raise malformed(f"no {name}")
    return ContentDigest(known)


def parse_digests(header: str) -> dict[str, bytes]:
    """The members of a structured dictionary of byte sequences (RFC 9651), at least one.

    The server hands a value over as empty when it has bytes beyond ASCII (measured).
    Raises MalformedHeader.
    """
    try:
        members: Any = http_sf.parse(header.encode("ascii"), tltype="dictionary")
    except ValueError as error:
        raise malformed("no structured dictionary") from error
    if not members:
        raise malformed("empty")
    if not all(isinstance(value, bytes) for value, _ in members.values()):
        raise malformed("no byte sequence")
    return {name: value for name, (value, _) in members.items()}


def malformed(note: str) -> catalogue.MalformedHeader:
    """The 400 of this header."""
    return catalogue.MalformedHeader(places=(_PLACE,), note=note)
