"""Runs the sweeper, for ever or once."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from filesvc.exposition import serve_metrics
from filesvc.sweeper import plan_sweep, sweep_forever, sweep_once


class Command(BaseCommand):
    """`manage.py sweep [--once [--dry-run]]`."""

    help = "Repair whatever was left half done, every few seconds until told to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        """Two flags."""
        parser.add_argument("--once", action="store_true", help="every repair once, then end")
        parser.add_argument("--dry-run", action="store_true", help="only print what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        """TERM and Ctrl-C end the wait at once; a round under way is finished."""
        if options["dry_run"]:
            if not options["once"]:
                raise CommandError("--dry-run goes with --once")
            self.stdout.writelines(plan_sweep())
        elif options["once"]:
            self.stdout.write(f"repaired: {sweep_once()}")
        else:
            stop = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
            serve_metrics()
            sweep_forever(stop)
