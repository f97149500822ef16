"""Compares rows with stored files over the whole store, and repairs differences when told to."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from errors.base import ServiceError
from filesvc.reconciliation import Comparison, compare

FOUND, NOT_COMPARED = 1, 2


class Command(BaseCommand):
    """`manage.py reconcile --dry-run|--repair`."""

    help = "Compare every row with its bytes. Exit 1: something differed. 2: could not compare."

    def add_arguments(self, parser: CommandParser) -> None:
        """One of the two must be chosen: neither is what everybody means."""
        chosen = parser.add_mutually_exclusive_group(required=True)
        chosen.add_argument("--dry-run", action="store_true", help="only tell what differs")
        chosen.add_argument("--repair", action="store_true", help="tell it, and do what is safe")

    def handle(self, *args: Any, **options: Any) -> None:
        """A line for each difference on standard output, the progress on standard error."""
        try:
            comparison = compare(self.stderr.write)
        except ServiceError as error:
            raise CommandError(f"the store: {error}", returncode=NOT_COMPARED) from None
        if options["repair"] and not comparison.doubt:
            self._repair(comparison)
        else:
            self._tell(comparison)
        if comparison.doubt:
            raise CommandError(f"nothing is repaired: {comparison.doubt}", returncode=FOUND)
        if comparison.differences:
            sys.exit(FOUND)

    def _tell(self, comparison: Comparison) -> None:
        for difference in comparison.differences:
            self.stdout.write(f"{difference.kind:<20} {difference.name}  ({difference.outcome})")
        self.stdout.write(f"differences: {len(comparison.differences)}")

    def _repair(self, comparison: Comparison) -> None:
        mended = 0
        for difference in comparison.differences:
            done = difference.mend()
            mended += done
            outcome = difference.outcome if done else "left as it is"
            self.stdout.write(f"{difference.kind:<20} {difference.name}  {outcome}")
        told = f"differences: {len(comparison.differences)}, repaired: {mended}"
        self.stdout.write(told)
