"""Prints `.env.example` from the settings' own declarations."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string


class Command(BaseCommand):
    """`manage.py print_env_example > .env.example`."""

    help = "Print every setting with its sentence and default."

    def handle(self, *args: Any, **options: Any) -> None:
        """The text of the file, as it is kept in the repository."""
        # By name: `config` wires everybody and is imported by nobody.
        self.stdout.write(import_string("config.env.print_example")(), ending="")
