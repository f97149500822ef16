"""The metrics of all processes that share a folder, and a port for processes without HTTP."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from prometheus_client import REGISTRY, CollectorRegistry, Metric, start_http_server
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

log = structlog.get_logger("metrics")

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# No process has it: what the dead have counted is added up under this name.
NOBODY = 0


class SharedCounts(Collector):
    """What all processes of one folder have counted, the dead ones too.

    The library keeps a file for each process that ever was; Celery makes a new one for every
    1,000 files, so a folder would grow, and a scrape with it, for as long as the worker lives.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Sums over processes; gauges of those that live."""
        with _alone_in(self._folder):
            fold_dead(self._folder)
            told = MultiProcessCollector(None, str(self._folder)).collect()  # type: ignore[no-untyped-call]  # the package has no types
        yield from told


def registry() -> CollectorRegistry:
    """The counters of every process that shares the folder, or this process's own."""
    if FOLDER not in os.environ:
        return REGISTRY
    collected = CollectorRegistry()
    collected.register(SharedCounts(Path(os.environ[FOLDER])))
    return collected


def serve_metrics(keep: Callable[[Any], object] = lambda served: None) -> bool:
    """Tell them on METRICS_PORT, for a process that answers no requests; False when it is off.

    A port that is taken costs the numbers, not the work: it is only logged. `keep` is given
    the server and its thread.
    """
    if not settings.METRICS_PORT:
        return False
    try:
        keep(start_http_server(settings.METRICS_PORT, registry=registry()))
    except OSError as error:
        log.warning("metrics.port_taken", port=settings.METRICS_PORT, error=type(error).__name__)
        return False
    return True


def fold_dead(folder: Path) -> None:
    """Add up what dead processes have counted in one file of each kind, and drop their gauges.

    Dying between adding and removing would count a file twice; nothing of worth hangs on it.
    """
    for path in folder.glob("*.db"):
        kind, _, process = path.stem.rpartition("_")
        if int(process) == NOBODY or _is_alive(int(process)):
            continue
        if not kind.startswith("gauge"):
            _add(path, folder / f"{kind}_{NOBODY}.db")
        path.unlink(missing_ok=True)


def _add(dead: Path, sums: Path) -> None:
    total = MmapedDict(str(sums))  # type: ignore[no-untyped-call]  # the package has no types
    try:
        for key, value, _, _ in MmapedDict.read_all_values_from_file(str(dead)):  # type: ignore[no-untyped-call]  # the package has no types
            known, _ = total.read_value(key)  # type: ignore[no-untyped-call]  # the package has no types
            total.write_value(key, known + value, 0.0)  # type: ignore[no-untyped-call]  # the package has no types
    finally:
        total.close()  # type: ignore[no-untyped-call]  # the package has no types


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """One reader at a time: nobody may see a file that is being added to another."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
