"""How a File is told as JSON, and how a list of them is asked for."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from filesvc.metadata import metadata_schema
from filesvc.models import File, Status
from security.tokens import sees_everyone

_DIGITS = re.compile(r"[0-9]{1,4}", re.ASCII)
FAILURE_SCHEMA: dict[str, Any] = {
    "type": ["object", "null"],
    "required": ["type", "title", "code", "detail", "retryable", "errors", "meta"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "retryable": {"type": "boolean"},
        "errors": {"type": "array"},
        "meta": {"type": "object"},
        "occurred_at": {"type": "string", "format": "date-time"},
        "origin_request_id": {"type": "string"},
    },
}

PROGRESS_SCHEMA: dict[str, Any] = {
    "type": ["object", "null"],
    "required": ["stage", "percent"],
    "properties": {
        "stage": {"type": "string"},
        "percent": {"type": "integer", "minimum": 0, "maximum": 100},
    },
}
# The forms themselves stand among the document's components (filesvc.documents).
METADATA_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "object", "maxProperties": 0},
        {key: told for key, told in metadata_schema().items() if key != "$defs"},
    ]
}


@extend_schema_field(FAILURE_SCHEMA)
class FailureField(serializers.JSONField):
    """A Problem without its HTTP parts, or null."""


@extend_schema_field(METADATA_SCHEMA)
class MetadataField(serializers.JSONField):
    """What processing found; its `kind` names its form. Empty until then."""


@extend_schema_field(PROGRESS_SCHEMA)
class ProgressField(serializers.JSONField):
    """How far processing is, when it takes more than a second; else null."""


class ScanSerializer(serializers.Serializer[File]):
    """Who vouched for the bytes when they came in."""

    engine = serializers.CharField(source="scan_engine")
    signatures = serializers.CharField(source="scan_signatures")
    scanned_at = serializers.DateTimeField()


class FileSerializer(serializers.Serializer[File]):
    """One File. Every field is ours to set; none is read from a client."""

    id = serializers.UUIDField()
    file = serializers.SerializerMethodField()
    name = serializers.CharField()
    size = serializers.IntegerField(source="size_bytes")
    sha256 = serializers.CharField()
    media_type = serializers.CharField()
    uploaded_at = serializers.DateTimeField()
    processed = serializers.BooleanField()
    processed_at = serializers.DateTimeField(allow_null=True)
    status = serializers.ChoiceField(choices=Status.choices)
    progress = ProgressField()
    attempts = serializers.IntegerField(
        help_text="Attempts so far; one that was put off, because a part of the service was "
        "unavailable, does not count."
    )
    failure = FailureField()
    owner = serializers.CharField(source="owner.username", required=False)
    metadata = MetadataField()
    preview = serializers.SerializerMethodField()
    scan = ScanSerializer(source="*")

    @extend_schema_field({"type": "string", "format": "uri-reference"})
    def get_file(self, file: File) -> str:
        """The path of its content, never built from Host."""
        return f"{file.path}content/"

    @extend_schema_field({"type": ["string", "null"], "format": "uri-reference"})
    def get_preview(self, file: File) -> str | None:
        """The path of its preview, or null when there is nothing to look at."""
        return f"{file.path}preview/" if file.has_preview else None

    def get_fields(self) -> dict[str, Any]:
        """`owner` is told to the admin scope alone."""
        fields: dict[str, Any] = super().get_fields()
        if not self.context.get("shows_owner", True):
            del fields["owner"]
        return fields


def tell_file(file: File, request: Request) -> dict[str, Any]:
    """One File as this client may see it."""
    return tell_row(file, shows_owner=sees_everyone(request))


def tell_files(files: list[File], request: Request) -> list[dict[str, Any]]:
    """Several of them."""
    shows_owner = sees_everyone(request)
    return [tell_row(file, shows_owner=shows_owner) for file in files]


def tell_row(file: File, *, shows_owner: bool) -> dict[str, Any]:
    """What `FileSerializer` makes, in a tenth of its time: it copies every field for every file."""
    return {
        "id": str(file.id),
        "file": f"{file.path}content/",
        "name": file.name,
        "size": file.size_bytes,
        "sha256": file.sha256,
        "media_type": file.media_type,
        "uploaded_at": _tell_time(file.uploaded_at),
        "processed": file.processed,
        "processed_at": _tell_time(file.processed_at),
        "status": str(file.status),
        "progress": file.progress,
        "attempts": file.attempts,
        "failure": file.failure,
        **({"owner": file.owner.get_username()} if shows_owner else {}),
        "metadata": file.metadata,
        "preview": f"{file.path}preview/" if file.has_preview else None,
        "scan": {
            "engine": file.scan_engine,
            "signatures": file.scan_signatures,
            "scanned_at": _tell_time(file.scanned_at),
        },
    }


def _tell_time(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, `Z` at its end."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


class PageSizeField(serializers.IntegerField):
    """Plain digits; Python would also read `1_0`, `+5` and digits of other scripts."""

    def to_internal_value(self, data: Any) -> int:
        """The number, or DRF's own refusal."""
        return int(super().to_internal_value(data if _DIGITS.fullmatch(str(data)) else ""))


class FilePageSerializer(serializers.Serializer[Any]):
    """One page of the list; `next` and `previous` are paths with their query."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = FileSerializer(many=True)


class ListQuery(serializers.Serializer[Any]):
    """The parameters of the list; any other one is refused."""

    page_size = PageSizeField(
        min_value=1, max_value=200, default=50, help_text="Files on a page: 1 to 200, 50 if unsaid."
    )
    cursor = serializers.RegexField(
        r"^[np][0-9a-f]{32}\Z", required=False, help_text="As `next` or `previous` has it."
    )
    processed = serializers.BooleanField(required=False, help_text="`true` or `false`.")
    status = serializers.ChoiceField(
        choices=Status.choices,
        required=False,
        help_text=f"One of {', '.join(f'`{status}`' for status in Status.values)}.",
    )
    # Visible ASCII: DRF refuses NUL, blanks and lone surrogates, which no document would say.
    media_type = serializers.RegexField(
        r"^[!-~]+\Z", max_length=100, required=False, help_text="As `GET /policy/` lists them."
    )
    uploaded_after = serializers.DateTimeField(
        required=False, help_text="Taken in later than this time (ISO 8601)."
    )
    uploaded_before = serializers.DateTimeField(
        required=False, help_text="Taken in earlier than this time (ISO 8601)."
    )
    sha256 = serializers.RegexField(
        r"^[0-9a-f]{64}\Z", required=False, help_text="Of the file, in lower-case hexadecimal."
    )
