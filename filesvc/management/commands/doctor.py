"""Says what is wrong with the service and what to do about it; changes nothing."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from filesvc.doctor import examine, exit_status, groups
from filesvc.doctor.finding import Finding
from filesvc.doctor.limits import edge_examination


class Command(BaseCommand):
    """`manage.py doctor [--json] [--url URL]`."""

    help = "Examine every part. Exit 1: something is wrong. 2: something could not be told."
    # What is wrong with the settings is a finding here, and no reason to say nothing else.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """One form, one place."""
        parser.add_argument("--json", action="store_true", help="all findings as one document")
        parser.add_argument("--url", help="where the proxy in front answers, to prove its limit")

    def handle(self, *args: Any, **options: Any) -> None:
        """A line for each finding as it is made; the exit status sums them up."""
        found = examine((*groups.ALL, (edge_examination(options["url"]),)))
        findings = list(found) if options["json"] else list(self._tell(found))
        status = exit_status(findings)
        if options["json"]:
            told = {"exit": status, "findings": [dataclasses.asdict(one) for one in findings]}
            self.stdout.write(json.dumps(told, indent=2))
        sys.exit(status)

    def _tell(self, found: Iterable[Finding]) -> Iterator[Finding]:
        for finding in found:
            line = f"{finding.state:<8} {finding.name:<22} {finding.told}"
            self.stdout.write(f"{line}\n{'':<31} do: {finding.remedy}" if finding.remedy else line)
            self.stdout.flush()
            yield finding
