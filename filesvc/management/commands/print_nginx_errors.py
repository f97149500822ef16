"""Prints nginx's error pages from the catalogue of errors."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from errors.nginx import render_error_pages
from security.size import MULTIPART_OVERHEAD_BYTES


class Command(BaseCommand):
    """`manage.py print_nginx_errors > docker/nginx-errors.conf`."""

    help = "Print the error pages nginx answers by itself."

    def add_arguments(self, parser: CommandParser) -> None:
        """One limit of the edge."""
        parser.add_argument("--max-connections", type=int, default=50, help="per address")

    def handle(self, *args: Any, **options: Any) -> None:
        """The text to include in the `server` block."""
        largest = settings.MAX_UPLOAD_BYTES + MULTIPART_OVERHEAD_BYTES
        text = render_error_pages(largest, options["max_connections"])
        self.stdout.write(text, ending="")
