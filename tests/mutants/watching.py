"""A pytest plugin for one mutant: the likeliest test first, a clock for each, the end at once."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.stack import RUN_DIR

PROFILE = "mutants"
OPTIONS = (
    *("-q", "--assert=plain", f"--hypothesis-profile={PROFILE}", f"--basetemp={RUN_DIR / 'tests'}"),
    *("-p", "no:randomly", "-p", "no:cov", "-p", "no:cacheprovider"),
)
SERVERS = "tests.stack"
# Of processor time, so that a busy machine kills nobody.
LEAST_TEST_SECONDS, TIMES_TEST = 5.0, 10


@dataclass
class Asked:
    """What is known of the tests: how long each takes, and how many mutants it noticed."""

    seconds: dict[str, float] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    needs_servers: bool = True

    def order(self, test: str) -> float:
        """The most kills for a second come first."""
        return -(self.kills[test] + 1) / (self.seconds.get(test, 0.0) + 0.01)

    def limit(self, test: str) -> float:
        """The seconds of processor time after which a test runs in circles."""
        return max(LEAST_TEST_SECONDS, TIMES_TEST * self.seconds.get(test, 0.0))


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Watch:
    """Tells `report` which test noticed the mutant, or of a whole run what its tests cost."""

    asked: Asked
    report: Path
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @pytest.hookimpl(tryfirst=True)  # before hypothesis loads it
    def pytest_configure(self, config: pytest.Config) -> None:
        """The examples of the `ci` profile; nobody looks for the smallest that fails."""
        phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
        ci = hypothesis.settings.get_profile("ci")
        hypothesis.settings.register_profile(PROFILE, ci, phases=phases)
        if not self.asked.needs_servers:
            config.pluginmanager.unregister(name=SERVERS)

    @pytest.hookimpl(wrapper=True)  # behind every other order
    def pytest_collection_modifyitems(
        self, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        yield
        self.sort(items)

    def sort(self, items: list[pytest.Item]) -> None:
        """The likeliest first."""
        items.sort(key=lambda item: self.asked.order(item.nodeid))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Nothing catches this signal, so not even a loop in C can go on."""
        signal.setitimer(signal.ITIMER_PROF, self.asked.limit(nodeid))
        self.report.write_text(json.dumps({"test": nodeid}))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.end(1, test=report.nodeid, told=report.longreprtext)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.end(1, test=report.nodeid, told=report.longreprtext)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        modules = [name for name in sys.modules if not name.startswith("__")]
        self.end(int(exitstatus), seconds=self.seconds, modules=modules)

    def end(self, status: int, **told: Any) -> None:
        """Servers and fixtures need no farewell: whoever forked this process ends what is left."""
        self.report.write_text(json.dumps(told))
        os._exit(status)
