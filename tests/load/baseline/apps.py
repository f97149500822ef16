"""The application, under a name of one word."""

from __future__ import annotations

from django.apps import AppConfig


class BaselineConfig(AppConfig):
    """Holds the one model."""

    name = "tests.load.baseline"
    label = "baseline"
