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
    "edge.answered": (ACCESS, "nginx has answered a request, whatever it was"),
    "request.refused": (ACCESS, "a request is answered with an error of the client's making"),
    "request.failed": (ERROR, "a request is answered with an error of ours"),
    "upload.accepted": (AUDIT, "a file was taken in"),
    "upload.replayed": (AUDIT, "a repeated request got its first answer"),
    "file.deleted": (AUDIT, "a client removed a file"),
    "file.sent_back": (AUDIT, "a client has a file processed again"),
    "content.handed_out": (AUDIT, "a client is given a file, or a part; 304: it has it already"),
    "content.cut_short": (
        AUDIT,
        "a download ended early: the client left, took nothing or is slow",
    ),
    "preview.handed_out": (AUDIT, "a client is given the picture of a file, or has it already"),
    "token.issued": (AUDIT, "an operator made a token; `token_key` is its name in list_tokens"),
    "token.revoked": (AUDIT, "a token was taken out of force"),
    "file.processed": (AUDIT, "a worker finished a file"),
    "file.failed": (AUDIT, "a file is given up for good"),
    "file.quarantined": (AUDIT, "something active or infected was found in a kept file"),
    "file.released": (WORK, "a try is put off, because what it needs is away"),
    "file.left_to_lease": (ERROR, "a worker lost its database; the lease gives the file back"),
    "processor.died": (ERROR, "the confined process ended before it answered"),
    "processing.crashed": (ERROR, "a processor raised what it should not"),
    "claim.refused": (WORK, "a ring for a file that somebody has, or that is done"),
    "claim.dropped": (WORK, "the file was deleted while it was worked on; nothing of it is kept"),
    "claim.lost": (WORK, "a successor took the file over; this try counts for nothing"),
    "lease.not_renewed": (ERROR, "the database was away for a renewal"),
    "progress.not_written": (ERROR, "the database was away for a progress report"),
    "preview.left_behind": (WORK, "a picture could not be removed; the sweeper will"),
    "parts.left_behind": (WORK, "parts of an unfinished S3 upload could not be removed"),
    "staged.left_behind": (WORK, "staged bytes could not be removed; the sweeper will"),
    "blob.left_for_sweeper": (WORK, "whether a row was committed is not known yet"),
    "key.left_to_lease": (WORK, "an Idempotency-Key could not be given back"),
    "doorbell.failed": (ERROR, "the broker is away; the sweeper rings again"),
    "rate_limit.fell_back": (ERROR, "limits are counted in this process for a while"),
    "sweep.failed": (ERROR, "a repair could not be done now"),
    "sweep.repaired": (WORK, "a repair mended so many; an error for what should never happen"),
    "audit.too_many_orphans": (ERROR, "most of what is stored has no row: the wrong database?"),
    "audit.bytes_missing": (ERROR, "a row's bytes are gone"),
    "canary.not_asked": (ERROR, "the scanner gave no word on a canary"),
    "canary.wrong": (ERROR, "the scanner was wrong about a canary"),
    "metrics.port_taken": (ERROR, "METRICS_PORT is somebody else's"),
    "metrics.incomplete": (ERROR, "a scrape could not be told everything"),
    "log.dropped": (ERROR, "lines were lost, because nobody read them"),
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
