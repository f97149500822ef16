"""What the service promises, in memory: no database, no queue, no disk, no clock but `now`.

The specification a reader can check; `test_promises.py` holds the real service against it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FINAL = ("processed", "failed", "quarantined")
LEASE_SECONDS, KEY_LEASE_SECONDS, KEY_SECONDS, TRIES = 30, 70, 24 * 3600, 5


@dataclass
class Kept:
    """One file that was taken in."""

    content: bytes
    since: float
    status: str = "queued"
    attempts: int = 0
    fence: int = 0
    lease_until: float = 0.0


@dataclass
class Key:
    """One Idempotency-Key: claimed until its lease ends, or answered until it expires."""

    content: bytes
    claimed_at: float
    answer: tuple[int, str] | None = None  # status, and the id of the file or the code


@dataclass
class Reference:
    """Files, keys and what crashes left behind."""

    now: float = 0.0
    files: dict[str, Kept] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    orphans: dict[str, float] = field(default_factory=dict)

    def answer_to(self, content: bytes, verdict: str | None, key: str | None) -> tuple[int, str]:
        """Status and code that an upload is to be answered with; 201 keeps, or replays."""
        known = self.key_in_force(key)
        if known and known.answer is None:
            return 409, "idempotency_key_in_progress"
        if verdict == "malformed_multipart":
            return 400, verdict
        if known and known.answer:
            return known.answer if known.content == content else (422, "idempotency_key_reused")
        return (422, verdict) if verdict else (201, "")

    def key_in_force(self, key: str | None) -> Key | None:
        """The key, unless its claim has lapsed or its day is over."""
        known = self.keys.get(key or "")
        if known is None:
            return None
        kept_for = KEY_SECONDS if known.answer else KEY_LEASE_SECONDS
        return known if self.now - known.claimed_at < kept_for else None

    def remember(self, key: str | None, content: bytes, answer: tuple[int, str] | None) -> None:
        """The key is claimed, or answered."""
        if key:
            self.keys[key] = Key(content, self.now, answer)

    def claim(self, file_id: str) -> int | None:
        """The fence of a new claim, or None when there is nothing to claim."""
        file = self.files.get(file_id)
        if file is None or file.attempts >= TRIES or not self.is_free(file):
            return None
        file.status, file.attempts, file.fence = "processing", file.attempts + 1, file.fence + 1
        file.lease_until = self.now + LEASE_SECONDS
        return file.fence

    def finish(self, file_id: str, fence: int) -> bool:
        """Only the last claim of a file still in work may finish it."""
        file = self.files.get(file_id)
        if file is None or (file.status, file.fence) != ("processing", fence):
            return False
        file.status = "processed"
        return True

    def put_off(self, file_id: str, fence: int) -> bool:
        """What was needed is away: the file waits, and has its try back."""
        file = self.files.get(file_id)
        if file is None or (file.status, file.fence) != ("processing", fence):
            return False
        file.status, file.attempts = "queued", file.attempts - 1
        return True

    def is_settled(self) -> bool:
        """Nothing is left to do for a worker or a sweeper."""
        return not self.orphans and all(file.status in FINAL for file in self.files.values())

    def is_free(self, file: Kept) -> bool:
        """Nobody works on it."""
        lapsed = file.status == "processing" and file.lease_until < self.now
        return file.status == "queued" or lapsed

    def sweep(self) -> None:
        """What was tried five times in vain is given up; what no row knows goes after an hour."""
        for file in self.files.values():
            if file.attempts >= TRIES and self.is_free(file):
                file.status = "failed"
        self.orphans = {k: since for k, since in self.orphans.items() if self.now - since < 3600}

    def send_back(self, file_id: str) -> bool:
        """A file in a final state starts over."""
        file = self.files[file_id]
        if file.status not in FINAL:
            return False
        file.status, file.attempts = "queued", 0
        return True
