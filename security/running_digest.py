"""The SHA-256 of a body as it passes by; of a large one, beside the receiving."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future

from security.kept_threads import KeptThreads

# A large body is mostly alone, and then a second core is free: hashing is a fifth of the time
# in which 100 MB are received (measured). Small ones would pay for the handing over.
LARGE_BYTES = 16 * 1024 * 1024

_hashing = KeptThreads("hashing")


class RunningDigest:
    """Fed chunk by chunk. At most one chunk waits to be hashed, so memory stays flat."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._fed_bytes = 0
        self._last: Future[None] | None = None

    def update(self, chunk: bytes | bytearray) -> None:
        """Hash on; the chunk must not be changed afterwards."""
        self._fed_bytes += len(chunk)
        if self._fed_bytes < LARGE_BYTES:
            self._sha256.update(chunk)
            return
        self._catch_up()
        self._last = _hashing.submit(self._sha256.update, chunk)

    def hexdigest(self) -> str:
        """Of all that was fed."""
        self._catch_up()
        return self._sha256.hexdigest()

    def _catch_up(self) -> None:
        if self._last is not None:
            self._last.result()
