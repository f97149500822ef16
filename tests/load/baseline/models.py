"""A file and whether it was processed."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models


class Upload(models.Model):
    """The bytes go where Django puts them, under the name the client gave."""

    file = models.FileField(upload_to="uploads/%Y/%m/%d")
    uploaded_at = models.DateTimeField(auto_now_add=True)
    processed = models.BooleanField(default=False)

    objects: ClassVar[Any] = models.Manager()

    class Meta:
        app_label = "baseline"

    def __str__(self) -> str:
        return str(self.file)
