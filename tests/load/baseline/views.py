"""Takes any file from anybody."""

from __future__ import annotations

from typing import Any

from rest_framework import generics, serializers

from tests.load.baseline.models import Upload
from tests.load.baseline.tasks import process


class UploadSerializer(serializers.ModelSerializer[Upload]):
    """Every field."""

    class Meta:
        model = Upload
        fields = ("id", "file", "uploaded_at", "processed")
        read_only_fields = ("uploaded_at", "processed")


class UploadView(generics.ListCreateAPIView[Upload]):
    """POST keeps a file and leaves it to the worker; GET lists them all."""

    queryset = Upload.objects.order_by("id")
    serializer_class = UploadSerializer

    def perform_create(self, serializer: Any) -> None:
        """Save, then tell the worker."""
        process.delay(serializer.save().id)
