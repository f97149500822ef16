"""Every number this service counts: its name, kind, labels and sentence, declared here alone.

On the lowest floor, because every floor counts. Labels take values from tables of ours (codes,
gates, media types), never what a client sent. Several processes count in files of one folder
(`PROMETHEUS_MULTIPROC_DIR`): counters and histograms are summed, gauges speak of live ones only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)
LONG = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


@dataclass(frozen=True)
class Declared:
    """One metric as it is told: full name, kind, labels, and a sentence for the operator."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    sentence: str


DECLARED: list[Declared] = []


def _counter(name: str, sentence: str, *labels: str) -> Counter:
    DECLARED.append(Declared(f"{name}_total", "counter", labels, sentence))
    return Counter(name, sentence, labels)


def _histogram(
    name: str, sentence: str, *labels: str, buckets: tuple[float, ...] = FAST
) -> Histogram:
    DECLARED.append(Declared(name, "histogram", labels, sentence))
    return Histogram(name, sentence, labels, buckets=buckets)


def _gauge(
    name: str,
    sentence: str,
    *labels: str,
    over_processes: Literal["livesum", "livemin", "livemax"],
) -> Gauge:
    DECLARED.append(Declared(name, "gauge", labels, sentence))
    return Gauge(name, sentence, labels, multiprocess_mode=over_processes)


def _at_scrape(name: str, sentence: str) -> Declared:
    """A gauge nobody keeps: `filesvc.metrics` finds its value out when it is asked for."""
    DECLARED.append(Declared(name, "gauge", (), sentence))
    return DECLARED[-1]


ERRORS = _counter("filesvc_errors", "Errors answered, by code and status.", "code", "status")
UPLOADS = _counter(
    "filesvc_uploads",
    "Uploads answered, by outcome: accepted, replayed, or the code of the refusal; those that are"
    " refused at the entrance too.",
    "code",
)
UPLOAD_BYTES = _counter("filesvc_upload_bytes", "Bytes of the files that were taken in.")
UPLOADS_UNDER_WAY = _gauge(
    "filesvc_uploads_under_way",
    "Uploads that hold a place now, over all live web processes.",
    over_processes="livesum",
)
GATE_SECONDS = _histogram(
    "filesvc_gate_seconds",
    "Seconds an upload spends in each gate; receive ends with the last byte of the body.",
    "gate",
)
SCANS = _counter(
    "filesvc_scans",
    "Scans of clients' files, by verdict: clean, or the code they ended in.",
    "verdict",
)
PROCESSING_SECONDS = _histogram(
    "filesvc_processing_seconds",
    "Seconds a worker spends on one try at one file.",
    "media_type",
    buckets=LONG,
)
FINISHED = _counter(
    "filesvc_finished_files",
    "Tries at files that ended: processed, failed, quarantined, released (tried again) or lost.",
    "outcome",
)
REPAIRS = _counter("filesvc_repairs", "What the sweeper mended or found amiss.", "repair")
LIMITER_FALLBACKS = _counter(
    "filesvc_limiter_fallbacks", "Times the rate limiter stopped asking Redis for a while."
)
LIMITER_WITHOUT_REDIS = _gauge(
    "filesvc_limiter_without_redis",
    "1 while a web process counts requests in its own memory because Redis is away.",
    over_processes="livemax",
)
CANARY_RIGHT = _gauge(
    "filesvc_canary_right",
    "1 when the scanner's last word on this canary was right, 0 when it was wrong.",
    "file",
    over_processes="livemin",
)
CANARY_SECONDS = _gauge(
    "filesvc_canary_timestamp_seconds",
    "When the scanner last gave a word on this canary, in the web process where that is longest"
    " ago; its age is time() minus this.",
    "file",
    over_processes="livemin",
)
OLDEST_WAITING_SECONDS = _at_scrape(
    "filesvc_oldest_waiting_seconds",
    "Age of the file that waits longest for a worker; 0 when none waits.",
)
SIGNATURE_AGE_SECONDS = _at_scrape(
    "filesvc_signature_age_seconds",
    "Age of the official virus signatures; absent on the bundled test set and without a scanner.",
)
