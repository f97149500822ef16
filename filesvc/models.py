"""File and what became of it; the token that speaks for a user."""

from __future__ import annotations

from typing import Any, ClassVar

import uuid_utils.compat
from django.conf import settings
from django.db import models
from knox.models import AbstractAuthToken


class Token(AbstractAuthToken):  # type: ignore[misc]  # knox has no types
    """A bearer token, hashed at rest (knox), with a name and its scopes."""

    name = models.CharField(max_length=150, default="")
    scopes = models.JSONField(default=list)

    class Meta:
        ordering = ("created",)


class Status(models.TextChoices):
    """Where a file is on its way; the last three are final."""

    QUEUED = "queued"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"
    QUARANTINED = "quarantined"


class FileQuerySet(models.QuerySet["File"]):
    """Which files a request may know of."""

    def visible_to(self, user: Any, *, everyone: bool) -> FileQuerySet:
        """The owner's files, or all of them for the admin scope."""
        return self if everyone else self.filter(owner=user)


class File(models.Model):
    """One accepted file. The row is also the queue: no message is needed to find work.

    `id` is a UUIDv7, so that the newest file has the greatest id.
    """

    id = models.UUIDField(primary_key=True, default=uuid_utils.compat.uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="files"
    )
    name = models.CharField(max_length=255)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=100)
    uploaded_at = models.DateTimeField()
    request_id = models.CharField(max_length=32)

    scan_engine = models.CharField(max_length=64)
    scan_signatures = models.CharField(max_length=64)
    scanned_at = models.DateTimeField()

    status = models.CharField(max_length=11, choices=Status, default=Status.QUEUED)
    processed = models.BooleanField(default=False)
    processed_at = models.DateTimeField(null=True)
    metadata = models.JSONField(default=dict)
    failure = models.JSONField(null=True)
    progress = models.JSONField(null=True)
    # The claim whose preview is the valid one (filesvc.previews); null when there is none.
    preview_fence = models.PositiveIntegerField(null=True)
    # When it was last sent back to the queue by a client; what was scanned before is scanned again.
    reprocessed_at = models.DateTimeField(null=True)

    # Who works on it now (filesvc.claims): `fence` grows with every claim, so that a worker
    # that was thought dead cannot finish for its successor.
    attempts = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    notified_at = models.DateTimeField()

    objects: ClassVar[Any] = FileQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("owner", "-id"), name="file_of_owner_newest"),
            models.Index(
                fields=("notified_at",),
                name="file_waiting",
                condition=models.Q(status=Status.QUEUED),
            ),
            models.Index(
                fields=("lease_until",),
                name="file_leased",
                condition=models.Q(status=Status.PROCESSING),
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(processed=True, status=Status.PROCESSED)
                | models.Q(processed=False) & ~models.Q(status=Status.PROCESSED),
                name="processed_means_processed",
            ),
        )

    def __str__(self) -> str:
        return str(self.id)

    @property
    def needs_scan(self) -> bool:
        """True when it was ever sent back to the queue: only that starts tries after the first.

        Asked of times, the scan of a process whose clock is ahead would count as later.
        """
        return self.reprocessed_at is not None

    @property
    def has_preview(self) -> bool:
        """True when there is a picture of it to hand out."""
        return self.preview_fence is not None

    @property
    def path(self) -> str:
        """Where the API shows this file: an absolute path, never built from Host."""
        return f"/files/{self.id}/"


class DailyUsage(models.Model):
    """What one owner has sent on one day (UTC)."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    day = models.DateField()
    files = models.PositiveIntegerField(default=0)
    sent_bytes = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("owner", "day"), name="one_usage_per_owner_and_day"),
        )

    def __str__(self) -> str:
        return f"{self.owner_id} {self.day}"


class StoredUsage(models.Model):
    """How much one owner keeps here; made from the files when it is first asked for."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True
    )
    stored_bytes = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.owner_id)


class IdempotencyKey(models.Model):
    """A request that may be sent again, and its answer once there is one (filesvc.idempotency).

    Without a `status` it is claimed by `holder`, for as long as the lease runs.
    """

    # Its index is the first column of the constraint's.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    method = models.CharField(max_length=8)
    route = models.CharField(max_length=100)
    key = models.CharField(max_length=128)

    holder = models.UUIDField()
    lease_until = models.DateTimeField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    fingerprint = models.CharField(max_length=64, default="")
    status = models.PositiveSmallIntegerField(null=True)
    # JSON as text: a JSON column would forget the order of its keys.
    body = models.TextField(default="")
    # No foreign key: the answer outlives its file.
    file_id = models.UUIDField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("owner", "method", "route", "key"), name="one_request_per_key"
            ),
        )
        indexes = (models.Index(fields=("expires_at",), name="key_expiring"),)

    def __str__(self) -> str:
        return f"{self.owner_id} {self.method} {self.route}"
