"""How much one owner may send in a day and keep in all; zero means no limit.

Charged by conditional UPDATEs in the transaction that inserts the file: two uploads cannot
both take the last place, and a crash takes none (OWASP ASVS 5.0 5.2.4).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import F, Sum
from django.utils import timezone

from errors import catalogue
from errors.base import ServiceError
from filesvc.models import DailyUsage, File, StoredUsage

DAY_SECONDS = 24 * 60 * 60


def check_quotas(owner: Any, announced_bytes: int) -> None:
    """Advice before the body is read: refuses what could not be charged later anyway.

    Raises QuotaExceeded, StorageQuotaExceeded.
    """
    if settings.QUOTA_FILES_PER_DAY or settings.QUOTA_BYTES_PER_DAY:
        usage = DailyUsage.objects.filter(owner=owner, day=today()).first() or DailyUsage()
        refusal = daily_refusal(usage.files + 1, usage.sent_bytes + announced_bytes)
        if refusal:
            raise refusal
    if settings.QUOTA_STORED_BYTES:
        stored = StoredUsage.objects.filter(owner=owner).first() or StoredUsage()
        if stored.stored_bytes + announced_bytes > settings.QUOTA_STORED_BYTES:
            raise stored_refusal()


def charge_quotas(owner: Any, size_bytes: int) -> None:
    """Take the place of one file; must run in the transaction that inserts its row.

    Raises QuotaExceeded, StorageQuotaExceeded.
    """
    if settings.QUOTA_FILES_PER_DAY or settings.QUOTA_BYTES_PER_DAY:
        _charge_day(owner, size_bytes)
    if settings.QUOTA_STORED_BYTES:
        _charge_stored(owner, size_bytes)


def refund_stored(owner_id: int, size_bytes: int) -> None:
    """Give back what a deleted file took; must run in the transaction that deletes its row."""
    if settings.QUOTA_STORED_BYTES:
        StoredUsage.objects.filter(owner_id=owner_id).update(
            stored_bytes=F("stored_bytes") - size_bytes
        )


def find_forgotten_usage() -> Iterable[StoredUsage]:
    """While nothing limits what is kept, nothing counts it: the count is made anew later."""
    counts: Iterable[StoredUsage] = StoredUsage.objects.all()
    return () if settings.QUOTA_STORED_BYTES else counts


def forget_usage(usage: StoredUsage) -> bool:
    """Drop a count that is not kept up."""
    forgotten, _ = StoredUsage.objects.filter(owner_id=usage.owner_id).delete()
    return bool(forgotten)


def daily_refusal(files: int, sent_bytes: int) -> ServiceError | None:
    """The 429 when a day would hold so many files and bytes, else None."""
    limits = (
        ("files_per_day", files, settings.QUOTA_FILES_PER_DAY),
        ("bytes_per_day", sent_bytes, settings.QUOTA_BYTES_PER_DAY),
    )
    violated = [(name, limit) for name, used, limit in limits if limit and used > limit]
    if not violated:
        return None
    return catalogue.QuotaExceeded(
        violated_policies=[name for name, _ in violated],
        limit=violated[0][1],
        window_seconds=DAY_SECONDS,
        retry_after_seconds=seconds_left_today(),
    )


def stored_refusal() -> ServiceError:
    """The 403 that only a deletion can cure."""
    return catalogue.StorageQuotaExceeded(max_bytes=settings.QUOTA_STORED_BYTES, max_files=0)


def today() -> datetime.date:
    """The day in UTC."""
    return timezone.now().astimezone(datetime.UTC).date()


def seconds_left_today() -> int:
    """Until the next day in UTC begins, at least one."""
    now = timezone.now().astimezone(datetime.UTC)
    return max(1, DAY_SECONDS - (now.hour * 3600 + now.minute * 60 + now.second))


def _charge_day(owner: Any, size_bytes: int) -> None:
    day = today()
    rows = DailyUsage.objects.filter(owner=owner, day=day)
    if settings.QUOTA_FILES_PER_DAY:
        rows = rows.filter(files__lt=settings.QUOTA_FILES_PER_DAY)
    if settings.QUOTA_BYTES_PER_DAY:
        rows = rows.filter(sent_bytes__lte=settings.QUOTA_BYTES_PER_DAY - size_bytes)
    taken = {"files": F("files") + 1, "sent_bytes": F("sent_bytes") + size_bytes}
    if rows.update(**taken):
        return
    DailyUsage.objects.bulk_create([DailyUsage(owner=owner, day=day)], ignore_conflicts=True)
    if rows.update(**taken):
        return
    usage = DailyUsage.objects.get(owner=owner, day=day)
    refusal = daily_refusal(usage.files + 1, usage.sent_bytes + size_bytes)
    raise refusal or catalogue.InternalError(note="quota moved while it was charged")


def _charge_stored(owner: Any, size_bytes: int) -> None:
    room = settings.QUOTA_STORED_BYTES - size_bytes
    rows = StoredUsage.objects.filter(owner=owner, stored_bytes__lte=room)
    if rows.update(stored_bytes=F("stored_bytes") + size_bytes):
        return
    kept = File.objects.filter(owner=owner).aggregate(total=Sum("size_bytes"))["total"] or 0
    StoredUsage.objects.bulk_create(
        [StoredUsage(owner=owner, stored_bytes=kept)], ignore_conflicts=True
    )
    if not rows.update(stored_bytes=F("stored_bytes") + size_bytes):
        raise stored_refusal()
