"""Prints `.env.example` from the settings' own declarations."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """`manage.py print_env_example > .env.example`."""

    help = "Print every setting with its sentence and default."

    def handle(self, *args: Any, **options: Any) -> None:
        """The text of the file, as it is kept in the repository."""
        self.stdout.write(settings.ENV_EXAMPLE, ending="")
