"""Do rows, stored files and queue agree? Uses the sweeper's own search for what to repair."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from filesvc.doctor.finding import Finding, fail, ok, warn
from filesvc.repairs import REPAIRS
from filesvc.repairs.repair import Repair
from filesvc.repairs.store import are_too_many, weigh_blobs

MANY = 1000
SWEEPER = "let the sweeper run (manage.py sweep); its log says what stops it"
# What each repair's find means for an operator; those left out are plain housekeeping.
SENTENCES = {
    "give_up": ("files were tried five times in vain", SWEEPER),
    "ring_again": ("files wait for longer than 30 s", SWEEPER),
    "remove_staging": ("staged uploads were left behind", SWEEPER),
    "remove_orphan_previews": ("previews belong to nothing", SWEEPER),
    "audit_digests": (
        "of some files looked into were changed behind the service",
        "restore them from the backup, then manage.py reconcile --repair",
    ),
    "audit_rows": (
        "files have no bytes, or too few",
        "is STORAGE_ROOT the right one? Restore the backup, then manage.py reconcile --repair",
    ),
}


def examine_agreement() -> Iterator[Finding]:
    """A finding for each repair; nothing is repaired."""
    for repair in REPAIRS:
        if repair.name in SENTENCES:
            yield _examine(repair)


def examine_orphans() -> Iterator[Finding]:
    """Stored files without a row, and whether it is not rather the rows that are missing."""
    kept, orphans = weigh_blobs()
    if are_too_many(orphans, kept):
        told = f"{len(orphans)} stored files have no row, {kept} have one: nothing is removed"
        remedy = "is DATABASE_URL the right one? Restore the backup that belongs to this store"
        yield fail("orphan blobs", told, remedy)
    elif orphans:
        yield warn("orphan blobs", f"{len(orphans)} stored files have no row", SWEEPER)
    else:
        yield ok("orphan blobs", f"{kept} stored files have their row")


def _examine(repair: Repair) -> Finding:
    name = repair.name.replace("_", " ")
    sentence, remedy = SENTENCES[repair.name]
    found = sum(1 for _ in itertools.islice(repair.find(), MANY))
    if not found:
        return ok(name, "nothing to do")
    counted = f"{MANY} or more" if found == MANY else str(found)
    told = f"{counted} {sentence}"
    return fail(name, told, remedy) if repair.is_alarming else warn(name, told, remedy)
