"""Prints what is observable into ARCHITECTURE.md: the metrics, and every event that is logged.

Events are found in the code, wherever a method of a `log` is called, so that none is forgotten.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from errors.metrics import DECLARED  # noqa: E402

FLOORS = ("config", "filesvc", "security", "errors")
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
EDGE = "docker/nginx-main.conf.template"
LEVELS = ("debug", "info", "warning", "error", "exception", "critical")

# What an event is for, and when it is written; an event that is missing here fails the check.
AUDIT, ACCESS, ERROR, WORK = "audit", "access", "error", "work"
MEANING = {
    "edge.answered": (ACCESS, "nginx answered a request, of any kind"),
    "request.refused": (ACCESS, "a request was refused: the client's error"),
    "request.failed": (ERROR, "a request failed: the service's error"),
    "upload.accepted": (AUDIT, "a file was accepted"),
    "upload.replayed": (AUDIT, "a repeated request got the first response again"),
    "file.deleted": (AUDIT, "a client deleted a file"),
    "file.sent_back": (AUDIT, "a client had a file queued for processing again"),
    "content.handed_out": (
        AUDIT,
        "a client downloaded a file or a range; status 304: it had it already",
    ),
    "content.cut_short": (
        AUDIT,
        "a download ended early: the client left, stalled or was too slow",
    ),
    "preview.handed_out": (AUDIT, "a client downloaded a preview, or had it already"),
    "token.issued": (AUDIT, "an operator issued a token; `token_key` is its key in list_tokens"),
    "token.revoked": (AUDIT, "a token was revoked"),
    "file.processed": (AUDIT, "a worker processed a file"),
    "file.failed": (AUDIT, "processing failed for good"),
    "file.quarantined": (AUDIT, "active content or malware was found in a stored file"),
    "file.released": (WORK, "an attempt is postponed, because a dependency is down"),
    "file.left_to_lease": (
        ERROR,
        "a worker lost the database; its claim ends when the lease expires",
    ),
    "processor.died": (ERROR, "the confined process died before it answered"),
    "processing.crashed": (ERROR, "a processor raised an unexpected exception"),
    "claim.refused": (WORK, "a message for a file that is claimed or finished already"),
    "claim.dropped": (WORK, "the file was deleted while it was processed; nothing of it is kept"),
    "claim.lost": (WORK, "another worker has claimed the file; this attempt is discarded"),
    "lease.not_renewed": (ERROR, "a lease could not be renewed: the database was down"),
    "progress.not_written": (ERROR, "progress could not be stored: the database was down"),
    "preview.left_behind": (WORK, "a preview could not be removed; the sweeper will remove it"),
    "parts.left_behind": (WORK, "an incomplete multipart upload to S3 could not be aborted"),
    "blob.left_behind": (
        WORK,
        "the bytes of a deleted file could not be removed; the sweeper will remove them",
    ),
    "staged.left_behind": (WORK, "a staged file could not be removed; the sweeper will remove it"),
    "blob.left_for_sweeper": (
        WORK,
        "it is unknown whether a row was committed; the sweeper decides",
    ),
    "key.left_to_lease": (WORK, "an Idempotency-Key could not be released; its lease will expire"),
    "doorbell.failed": (ERROR, "the broker is down; the sweeper sends the message again"),
    "rate_limit.fell_back": (
        ERROR,
        "Redis is down or slow; this process counts rate limits itself for a while",
    ),
    "sweep.failed": (ERROR, "a repair of the sweeper failed; it is tried again"),
    "sweep.repaired": (WORK, "a repair fixed `count` items; error level: should never happen"),
    "audit.too_many_orphans": (ERROR, "most stored files have no row: the wrong database?"),
    "audit.bytes_missing": (ERROR, "a row's stored file is missing"),
    "canary.not_asked": (ERROR, "the scanner gave no verdict on a canary"),
    "canary.wrong": (ERROR, "the scanner gave a wrong verdict on a canary"),
    "metrics.port_taken": (ERROR, "another program uses METRICS_PORT"),
    "metrics.incomplete": (ERROR, "a scrape lacks metrics: database or scanner did not answer"),
    "log.dropped": (ERROR, "log lines were dropped, because nobody read them"),
}
ALWAYS = "event, timestamp, level and logger"


@dataclass(frozen=True, order=True)
class Event:
    """One place in the code that writes a line."""

    name: str
    level: str
    fields: tuple[str, ...]
    place: str


def find_events() -> Iterator[Event]:
    """Every call of a log with the name of an event, and the one line written by hand."""
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            tree = ast.parse(path.read_text())
            chosen = _chosen_levels(tree)
            for node in ast.walk(tree):
                levels = _levels_of(node, chosen)
                if levels and isinstance(node, ast.Call):
                    fields = tuple(key.arg for key in node.keywords if key.arg)
                    for name in _names_in(node.args[0]):
                        yield Event(name, levels, fields, str(path.relative_to(ROOT)))
    yield Event("log.dropped", "warning", ("count",), "config/log_stream.py")
    yield Event("edge.answered", "", fields_of_edge(), EDGE)


def fields_of_edge() -> tuple[str, ...]:
    """What stands in a line of nginx's own access log."""
    form = (ROOT / EDGE).read_text().partition("log_format json")[2].partition(";")[0]
    return tuple(name for name in re.findall(r'"(\w+)":"\$', form))


def _chosen_levels(tree: ast.AST) -> dict[str, str]:
    """Names that stand for one of two levels: `tell = log.error if ... else log.info`."""
    return {
        target.id: f"{node.value.orelse.attr} or {node.value.body.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.IfExp)
        if isinstance(node.value.body, ast.Attribute)
        and isinstance(node.value.orelse, ast.Attribute)
        if isinstance(node.value.body.value, ast.Name) and node.value.body.value.id == "log"
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _levels_of(node: ast.AST, chosen: dict[str, str]) -> str:
    """The level a call logs at; nothing for any other node."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name):
        return chosen.get(node.func.id, "")
    is_log = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "log"
    if is_log and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
        return "error" if node.func.attr == "exception" else node.func.attr
    return ""


def _names_in(node: ast.expr) -> list[str]:
    """The event's name, or each of two."""
    return [
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]


def print_events() -> str:
    """One row for each event, with its kind, level and fields."""
    rows: dict[str, list[Event]] = {}
    for event in find_events():
        rows.setdefault(event.name, []).append(event)
    unknown = sorted(set(rows) ^ set(MEANING))
    if unknown:
        raise SystemExit(f"tests/print_observability.py, MEANING: missing or gone: {unknown}")
    lines = ["", "| event | kind | level | when | fields | written by |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for name in sorted(rows, key=lambda name: (MEANING[name][0], name)):
        kind, when = MEANING[name]
        levels = ", ".join(sorted({event.level for event in rows[name]}))
        fields = ", ".join(sorted({field for event in rows[name] for field in event.fields}))
        places = ", ".join(sorted({f"`{event.place}`" for event in rows[name]}))
        lines.append(f"| `{name}` | {kind} | {levels} | {when} | {fields} | {places} |")
    bound = ", ".join(f"{name} ({place})" for name, place in sorted(find_bound().items()))
    told = f"In every line: {ALWAYS}. Bound to all lines of one request or task: {bound}."
    return "\n".join([*lines, "", told]) + "\n\n"


def find_bound() -> dict[str, str]:
    """What is bound to the lines that follow, and the files that bind it."""
    bound: dict[str, set[str]] = {}
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                    "bind_contextvars"
                ):
                    for key in node.keywords:
                        bound.setdefault(str(key.arg), set()).add(f"`{path.relative_to(ROOT)}`")
    return {name: ", ".join(sorted(places)) for name, places in bound.items()}


def print_metrics() -> str:
    """One row for each declared metric."""
    lines = ["", "| metric | kind | labels | what it tells |", "| --- | --- | --- | --- |"]
    for metric in DECLARED:
        labels = ", ".join(metric.labels)
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.sentence} |")
    return "\n".join(lines) + "\n\n"


def with_generated(text: str) -> str:
    """The page with its generated parts put in their places."""
    for name, told in (("metrics", print_metrics()), ("events", print_events())):
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        before, rest = text.split(begin)
        text = f"{before}{begin}{told}{end}{rest.split(end)[1]}"
    return text


if __name__ == "__main__":
    page = ARCHITECTURE.read_text()
    if "--write" in sys.argv:
        ARCHITECTURE.write_text(with_generated(page))
    elif page != with_generated(page):
        raise SystemExit("ARCHITECTURE.md is stale: python tests/print_observability.py --write")
