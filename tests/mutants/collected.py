"""A process that has collected the tests of a module, and forks once for each mutant.

It tries those inside functions that nobody has called so far: whatever has been made of the
module's constants and classes is already here and unchanged.
"""

from __future__ import annotations

import ast
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pytest

from tests import stack
from tests.mutants import forking
from tests.mutants.swapping import Noting, find_first_line, swap
from tests.mutants.watching import OPTIONS, SERVERS, Watch

CANNOT = "cannot"


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Collected:
    """A pytest plugin: when all is collected, answers each line with what became of a mutant."""

    module: Path
    watch: Watch
    limit_seconds: float
    requests: TextIO
    answers: TextIO

    def __post_init__(self) -> None:
        self.noting = Noting(str(self.module))

    def pytest_configure(self, config: pytest.Config) -> None:
        """Servers are started by those who run tests."""
        if config.pluginmanager.has_plugin(SERVERS):
            config.pluginmanager.unregister(name=SERVERS)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Here to the last request; in each child pytest goes on and runs the tests."""
        self.noting.stop()
        tree = ast.parse(self.module.read_text())
        answer = self.try_source(session, None, 0)  # nothing is different, nothing may fail
        while answer:
            self.answers.write(json.dumps(answer) + "\n")
            self.answers.flush()
            line = self.requests.readline() or os._exit(0)
            request = json.loads(line)
            first_line = find_first_line(tree, tuple(request["start"]), tuple(request["end"]))
            if first_line is None or first_line in self.noting.first_lines:
                answer = {"outcome": CANNOT}
            else:
                answer = self.try_source(session, request["source"], first_line)

    def try_source(
        self, session: pytest.Session, source: str | None, first_line: int
    ) -> dict[str, Any] | None:
        """What became of it; None in the child that runs the tests."""
        run = forking.fork_run(lambda: self.begin(session, source, first_line), self.limit_seconds)
        if run is None:
            return None
        answer = forking.judge(run, self.watch.asked)
        is_sure = run.status == 0 or answer["by"]  # else it may be this short cut that failed
        return answer if is_sure else {"outcome": CANNOT}

    def begin(self, session: pytest.Session, source: str | None, first_line: int) -> None:
        """In the child: the mutant, the servers, the likeliest test first."""
        if source is not None and not swap(source, str(self.module), first_line):
            os._exit(3)
        if self.watch.asked.needs_servers:
            stack.pytest_sessionstart(session)
        self.watch.sort(session.items)


def serve(plugin: Collected, tests: list[str]) -> None:
    """In a child of its own: from the start of pytest to the last request."""
    stack.end_with_parent()
    forking.adopt_orphans()
    forking.redirect_output()
    plugin.noting.start()  # a conftest may import the module before any plugin is asked
    pytest.main([*OPTIONS, *tests], plugins=[plugin.watch, plugin])
    os._exit(3)
