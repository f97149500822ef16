"""Holds what a run left behind against what its clients were promised."""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString

from tests.chaos.ledger import Ledger, Sent
from tests.chaos.orchestra import Orchestra
from tests.samples import EICAR

FINAL = ("processed", "failed", "quarantined")
SETTLE_SECONDS = 300.0
# Where a state may lead to; everything ends in a final one, which is left by nobody here.
STEPS = {
    (None, "queued"),
    ("queued", "processing"),
    ("queued", "failed"),
    ("processing", "processing"),
    ("processing", "queued"),
    *(("processing", final) for final in FINAL),
    ("queued", "queued"),
}
# The database itself notes every change of a file's state: a witness the product knows nothing of.
WITNESS: LiteralString = """
CREATE TABLE witness (
    number bigserial, at timestamptz DEFAULT clock_timestamp(),
    file_id uuid, owner_id int, size_bytes bigint, before text, after text, fence int);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO witness (file_id, owner_id, size_bytes, before)
        VALUES (OLD.id, OLD.owner_id, OLD.size_bytes, OLD.status);
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO witness (file_id, owner_id, size_bytes, after, fence)
        VALUES (NEW.id, NEW.owner_id, NEW.size_bytes, NEW.status, NEW.fence);
    ELSIF NEW.status <> OLD.status OR NEW.fence <> OLD.fence THEN
        INSERT INTO witness (file_id, owner_id, size_bytes, before, after, fence)
        VALUES (NEW.id, NEW.owner_id, NEW.size_bytes, OLD.status, NEW.status, NEW.fence);
    END IF;
    RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON filesvc_file
    FOR EACH ROW EXECUTE FUNCTION note();
"""
# Every repair with nothing spared for its age.
AGED_SWEEP = """
import django
django.setup()
from filesvc.repairs import store
store.LEFT_BEHIND_SECONDS = -3600
from filesvc.sweeper import sweep_once
print(sweep_once())
"""


@dataclass
class Findings:
    """What was found amiss, by kind; `green` when nothing was."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unscanned: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    @property
    def is_green(self) -> bool:
        """Whether every promise was kept."""
        return not any(vars(self).values())


@dataclass(frozen=True)
class Row:
    """A file as the database has it."""

    file_id: str
    owner: str
    name: str
    sha256: str
    status: str
    is_scanned: bool
    preview_fence: int | None
    failure: Any


class Checker:
    """Looks at database and store past the product; its own copy of the rules."""

    def __init__(self, target: Orchestra, ledger: Ledger) -> None:
        self._target = target
        self._ledger = ledger

    def call_witness(self) -> None:
        """Before the first upload."""
        self._target.ask(WITNESS)

    def wait_until_final(self, since: float, seconds: float = SETTLE_SECONDS) -> float:
        """Seconds from `since` until no file was on its way any more, or until patience ended."""
        while time.monotonic() < since + seconds and self._unfinished():
            time.sleep(0.2)
        return time.monotonic() - since

    def check(self) -> Findings:
        """Everything; the store is swept as if an hour had passed."""
        found = Findings(broken=list(self._ledger.broken))
        found.stuck = [f"{name} is {status}" for name, status in self._unfinished()]
        found.stuck += [f"{sent.name} was never answered" for sent in self._never_answered()]
        self._target.python("-c", AGED_SWEEP)
        rows = self._rows()
        found.lost = list(self._find_lost(rows))
        found.doubled = [*self._find_doubled(rows), *self._find_doubled_effects()]
        found.unscanned = list(self._find_unscanned(rows))
        found.failed = [
            f"{row.name} is {row.status}: {row.failure}"
            for row in rows.values()
            if row.status in ("failed", "quarantined")
        ]
        found.orphans = list(self._find_orphans(rows))
        return found

    def slowest_file(self) -> tuple[float, str]:
        """The longest way from the row to its final state, and its steps."""
        slowest = self._target.ask(
            "SELECT extract(epoch FROM max(at) - min(at))::float AS seconds, string_agg("
            "to_char(at, 'MI:SS') || ' ' || coalesce(after, 'deleted'), ', ' ORDER BY number)"
            " FROM witness WHERE after IS NOT NULL GROUP BY file_id ORDER BY seconds DESC LIMIT 1"
        )
        return slowest[0] if slowest else (0.0, "none")

    def recovery_seconds(self, mended_at: datetime) -> float:
        """From a mending until a file that came in after it was in its final state."""
        ((seconds,),) = self._target.ask(
            "SELECT extract(epoch FROM min(done.at) - %s)::float FROM witness came"
            " JOIN witness done USING (file_id)"
            " WHERE came.before IS NULL AND came.at > %s AND done.after = ANY(%s)",
            mended_at,
            mended_at,
            list(FINAL),
        )
        return math.inf if seconds is None else float(seconds)

    def attempts(self) -> Counter[int]:
        """How many files needed how many claims."""
        rows = self._target.ask("SELECT attempts, count(*) FROM filesvc_file GROUP BY attempts")
        return Counter(dict(rows))

    def _unfinished(self) -> list[tuple[str, str]]:
        rows = self._target.ask(
            "SELECT name, status FROM filesvc_file WHERE NOT status = ANY(%s)", list(FINAL)
        )
        return [(name, status) for name, status in rows]

    def _never_answered(self) -> list[Sent]:
        return [sent for sent in self._ledger.sent if not sent.is_settled]

    def _rows(self) -> dict[str, Row]:
        rows = self._target.ask(
            "SELECT f.id::text, username, name, sha256, status,"
            " scan_engine LIKE 'ClamAV %%' AND scan_signatures <> ''"
            " AND scanned_at BETWEEN uploaded_at - interval '2 minutes' AND uploaded_at,"
            " preview_fence, failure"
            " FROM filesvc_file f JOIN auth_user u ON u.id = f.owner_id"
        )
        return {row[0]: Row(*row) for row in rows}

    def _find_lost(self, rows: dict[str, Row]) -> list[str]:
        """Acknowledged, not deleted, and not there with the same bytes."""
        lost = [
            f"{file_id} of {sent.name}: {what}"
            for sent in self._ledger.sent
            if not sent.deleted
            for file_id in sent.ids
            if (what := self._what_is_missing(rows.get(file_id), sent))
        ]
        # What nobody was told of must be whole as well, and so must every picture.
        for row in rows.values():
            if self._digest(self.blob_of(row.file_id)) != row.sha256:
                lost.append(f"{row.file_id}: its bytes are not its own")
            if row.preview_fence is not None and not self._preview(row).is_file():
                lost.append(f"{row.file_id}: its preview is missing")
        return lost

    def _what_is_missing(self, row: Row | None, sent: Sent) -> str:
        if row is None:
            return "no row"
        if (row.sha256, row.name, row.owner) != (sent.sha256, sent.name, sent.owner):
            return "another row"
        return ""

    def _find_doubled(self, rows: dict[str, Row]) -> list[str]:
        """Contents are unique: a second row for one was made by a second try."""
        contents: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for row in rows.values():
            contents[row.owner, row.sha256].append(row.file_id)
        doubled = [f"{ids} have one content" for ids in contents.values() if len(ids) > 1]
        doubled += [
            f"{sent.name} has {sent.ids}" for sent in self._ledger.sent if len(sent.ids) > 1
        ]
        gone = {sent.sha256 for sent in self._ledger.sent if sent.deleted == "told"}
        return doubled + [f"{row.name} came back" for row in rows.values() if row.sha256 in gone]

    def _find_doubled_effects(self) -> list[str]:
        """What the witness saw twice, or in an order that must not be."""
        wrong, ends, fences = [], Counter[str](), dict[str, int]()
        inserted = Counter[int]()
        for file_id, owner, before, after, fence in self._target.ask(
            "SELECT file_id::text, owner_id, before, after, fence FROM witness ORDER BY number"
        ):
            inserted[owner] += before is None
            if after is None:
                continue
            ends[file_id] += after in FINAL
            is_claim = after == "processing"
            if (before, after) not in STEPS or fence != fences.get(file_id, 0) + is_claim:
                wrong.append(f"{file_id}: {before} to {after} with fence {fence}")
            fences[file_id] = fence
        wrong += [f"{file_id} ended {count} times" for file_id, count in ends.items() if count > 1]
        return wrong + self._find_wrong_charges(inserted)

    def _find_wrong_charges(self, inserted: Counter[int]) -> list[str]:
        """Each file is charged once, and what is deleted is given back once."""
        days = dict(
            self._target.ask("SELECT owner_id, sum(files)::int FROM filesvc_dailyusage GROUP BY 1")
        )
        stored = self._target.ask(
            "SELECT u.owner_id, u.stored_bytes::bigint, coalesce(sum(f.size_bytes), 0)::bigint"
            " FROM filesvc_storedusage u LEFT JOIN filesvc_file f USING (owner_id) GROUP BY 1, 2"
        )
        wrong = [
            f"{days.get(o)} charged for {n} files" for o, n in inserted.items() if days.get(o) != n
        ]
        return wrong + [
            f"{told} bytes charged for {real}" for _, told, real in stored if told != real
        ]

    def _find_unscanned(self, rows: dict[str, Row]) -> list[str]:
        """Kept although it must be refused, or without a verdict, or malware by its bytes."""
        bad = {sent.sha256 for sent in self._ledger.sent if sent.refusals}
        found = [f"{row.name} was kept" for row in rows.values() if row.sha256 in bad]
        found += [f"{row.name} has no verdict" for row in rows.values() if not row.is_scanned]
        for path in self._files_in("files"):
            content = path.read_bytes()
            if EICAR in content or hashlib.sha256(content).hexdigest() in bad:
                found.append(f"{path.name} lies in the store")
        return found

    def _find_orphans(self, rows: dict[str, Row]) -> list[str]:
        """What no row knows, an hour later."""
        known = {file_id.replace("-", "") for file_id in rows}
        previews = {self._preview(row).name for row in rows.values()}
        orphans = [str(path) for path in self._files_in("files") if path.name not in known]
        orphans += [str(path) for path in self._files_in("previews") if path.name not in previews]
        return orphans + [str(path) for path in self._files_in("staging")]

    def _files_in(self, folder: str) -> list[Path]:
        return [path for path in (self._target.storage / folder).rglob("*") if path.is_file()]

    def blob_of(self, file_id: str) -> Path:
        """Where the bytes of a file lie."""
        name = file_id.replace("-", "")
        return self._target.storage / "files" / name[-2:] / name

    def _preview(self, row: Row) -> Path:
        name = row.file_id.replace("-", "")
        return self._target.storage / "previews" / name[-2:] / f"{name}.{row.preview_fence}"

    def _digest(self, path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
