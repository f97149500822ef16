"""Runs the sweeper, for ever or once."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from filesvc.sweeper import sweep, sweep_forever


class Command(BaseCommand):
    """`manage.py sweep [--once]`."""

    help = "Repair whatever was left half done, every few seconds until told to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        """One flag."""
        parser.add_argument("--once", action="store_true", help="one round, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        """TERM and Ctrl-C end the wait at once; a round under way is finished."""
        if options["once"]:
            sweep()
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        sweep_forever(stop)
