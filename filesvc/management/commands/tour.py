"""Takes a newcomer through the running service: what it accepts, refuses and processes."""

from __future__ import annotations

import argparse
import contextlib
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from filesvc.issuing import issue_token, revoke_token
from filesvc.tour.client import NoTour
from filesvc.tour.walk import DEFAULT_URL, take_tour

USER = "tour"
SCOPES = ["delete", "read", "upload"]
TOKEN_LIFETIME = datetime.timedelta(hours=1)
DIFFERENT, NO_TOUR = 1, 2


class Command(BaseCommand):
    """`manage.py tour [--url URL] [--token TOKEN] [--ca FILE]`."""

    help = "Upload, be refused and wait, and compare with what is expected. Exit 1: it differs."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where, and as whom."""
        parser.add_argument("--url", default=DEFAULT_URL, help=f"the service ({DEFAULT_URL})")
        parser.add_argument(
            "--token", help="may upload, read and delete; without it one is made here for an hour"
        )
        parser.add_argument("--ca", type=Path, help="the CA of an https:// service, as PEM")
        parser.add_argument("--svg", type=Path, help=argparse.SUPPRESS)  # the picture in docs/

    def handle(self, *args: Any, **options: Any) -> None:
        """The tour; a token that was made for it is taken out of force again."""
        with contextlib.ExitStack() as stack:
            token = options["token"] or stack.enter_context(self._own_token())
            try:
                is_as_expected = take_tour(
                    options["url"], token, options["svg"], ca_file=options["ca"]
                )
            except NoTour as reason:
                raise CommandError(f"no tour: {reason}", returncode=NO_TOUR) from None
        if not is_as_expected:
            raise CommandError("the service differs from what is expected", returncode=DIFFERENT)

    @contextlib.contextmanager
    def _own_token(self) -> Iterator[str]:
        try:
            made, token = issue_token(USER, SCOPES, TOKEN_LIFETIME, "made by the tour")
        except DatabaseError as error:
            name = type(error).__name__
            raise CommandError(
                f"no --token, and none could be made here: the database says {name}",
                returncode=NO_TOUR,
            ) from None
        self.stderr.write(f"made a token of the user {USER} for this tour")
        try:
            yield token
        finally:
            revoke_token(made)
