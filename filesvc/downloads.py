"""Sends a stored file to one client, within the time that its size allows."""

from __future__ import annotations

import time
from collections.abc import Iterator

import structlog
from django.conf import settings

from filesvc.models import File
from filesvc.stores.places import Readable
from security.concurrency import client_slots

log = structlog.get_logger("content")

CHUNK_BYTES = 256 * 1024


class Download:
    """The body of one answer: it gives its slot and its source back when it is closed.

    The server asks for the next bytes when the client has taken earlier ones. One that takes
    none at all never lets it ask: that one the kernel ends (config.unread).
    """

    def __init__(self, file: File, source: Readable, length_bytes: int) -> None:
        """The source begins where the answer does; a client slot is held already."""
        self._file_id = str(file.id)
        self._source = source
        self._length_bytes = length_bytes
        self._sent_bytes: int | None = None
        self._is_slow = False

    def __iter__(self) -> Iterator[bytes]:
        """The bytes, and an early end for a client that is too slow."""
        give_up_at = time.monotonic() + allowed_seconds(self._length_bytes)
        self._sent_bytes = 0
        for chunk in read_chunks(self._source, self._length_bytes):
            if time.monotonic() > give_up_at:
                self._is_slow = True
                return
            self._sent_bytes += len(chunk)
            yield chunk

    def close(self) -> None:
        """Called by the server in every case: all is sent, the client is gone, or was too slow."""
        try:
            self._source.close()
        finally:
            client_slots.release()
        if self._sent_bytes is not None and self._sent_bytes < self._length_bytes:
            log.info(
                "content.cut_short",
                file_id=self._file_id,
                sent_bytes=self._sent_bytes,
                content_bytes=self._length_bytes,
                is_slow=self._is_slow,
            )


def allowed_seconds(length_bytes: int) -> float:
    """How long a client may take for so many bytes."""
    at_least = float(settings.DOWNLOAD_BYTES_PER_SECOND)
    return float(settings.DOWNLOAD_STALL_SECONDS) + length_bytes / at_least


def read_chunks(source: Readable, length_bytes: int) -> Iterator[bytes]:
    """So many bytes of the source in chunks; fewer when it has fewer."""
    left = length_bytes
    while left > 0 and (chunk := source.read(min(CHUNK_BYTES, left))):
        left -= len(chunk)
        yield chunk
