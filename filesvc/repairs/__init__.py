"""Every repair the sweeper knows: one table, one file per place that needs repairs."""

from __future__ import annotations

from filesvc.keys import find_expired_keys, forget_key
from filesvc.quotas import find_forgotten_usage, forget_usage
from filesvc.repairs import queue, store
from filesvc.repairs.repair import Repair

ROUND_SECONDS = 5.0
STORE_SECONDS = 10 * 60.0
DAY_SECONDS = 24 * 60 * 60.0

# Looked at every few seconds, whatever the others take.
QUEUE_REPAIRS = (
    Repair("give_up", ROUND_SECONDS, queue.find_used_up, queue.give_up, is_alarming=True),
    Repair("ring_again", ROUND_SECONDS, queue.find_waiting, queue.ring_again),
)
STORE_REPAIRS = (
    Repair(
        "remove_staging",
        STORE_SECONDS,
        store.find_stale_staging,
        store.remove_staged,
        confirm_seconds=STORE_SECONDS,
    ),
    Repair(
        "remove_orphan_blobs",
        STORE_SECONDS,
        store.find_orphan_blobs,
        store.remove,
        confirm_seconds=STORE_SECONDS,
    ),
    Repair(
        "remove_orphan_previews",
        STORE_SECONDS,
        store.find_orphan_previews,
        store.remove,
        confirm_seconds=STORE_SECONDS,
    ),
    Repair("forget_usage", STORE_SECONDS, find_forgotten_usage, forget_usage),
    Repair("forget_keys", STORE_SECONDS, find_expired_keys, forget_key),
    Repair("audit_digests", STORE_SECONDS, store.find_changed, store.withdraw, is_alarming=True),
    Repair(
        "audit_rows",
        DAY_SECONDS,
        store.find_rows_without_bytes,
        store.tell_of_missing,
        is_alarming=True,
    ),
)
REPAIRS = (*QUEUE_REPAIRS, *STORE_REPAIRS)
