"""One address to send to, one to list."""

from __future__ import annotations

from django.urls import path

from tests.load.baseline.views import UploadView

urlpatterns = [
    path("upload/", UploadView.as_view()),
    path("files/", UploadView.as_view()),
]
