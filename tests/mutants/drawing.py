"""The mutants of one module, as cosmic-ray makes them: found, drawn, and shown as short diffs."""

from __future__ import annotations

import ast
import difflib
import random
from collections.abc import Iterator
from dataclasses import dataclass

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.plugins import get_operator, operator_names

Place = tuple[int, int]
Span = tuple[Place, Place]


@dataclass(frozen=True, order=True)
class Mutant:
    """One change: where it starts, and which of the changes of its kind it is."""

    start: Place
    end: Place
    operator: str
    occurrence: int

    @property
    def key(self) -> str:
        """What a session calls it."""
        return f"{self.operator}:{self.occurrence}"


def draw_mutants(source: str, sample: int | None = None, seed: int = 1) -> list[Mutant]:
    """Those that change something that runs; of these a sample that is the same each time."""
    idle = list(find_idle_spans(ast.parse(source)))
    telling = sorted(
        mutant
        for mutant in find_mutants(source)
        if not any(first <= mutant.start and mutant.end <= last for first, last in idle)
    )
    if sample is None or sample >= len(telling):
        return telling
    return random.Random(seed).sample(telling, sample)  # noqa: S311 - to be repeated


def find_mutants(source: str) -> Iterator[Mutant]:
    """Every change cosmic-ray knows; its operators that need arguments are left out."""
    nodes = list(ast_nodes(get_ast(source)))
    for name in operator_names():
        kind = get_operator(name)
        if kind.arguments():
            continue
        operator = kind()
        spans = (span for node in nodes for span in operator.mutation_positions(node))
        for occurrence, (start, end) in enumerate(spans):
            # It writes another exception over a plain name, and breaks down over `module.Error`.
            if name != "core/ExceptionReplacer" or text_of(source, start, end).isidentifier():
                yield Mutant(start, end, name, occurrence)


def text_of(source: str, start: Place, end: Place) -> str:
    """What stands there, when it is on one line."""
    return source.split("\n")[start[0] - 1][start[1] : end[1]] if start[0] == end[0] else ""


def find_idle_spans(tree: ast.Module) -> Iterator[Span]:
    """What no run evaluates: annotations (`from __future__ import annotations`), type imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            yield span_of(node)
        for told in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(told, ast.expr):
                yield span_of(told)


def span_of(node: ast.expr | ast.stmt) -> Span:
    """From its first character to behind its last."""
    end = (node.end_lineno or node.lineno, node.end_col_offset or 0)
    return (node.lineno, node.col_offset), end


def apply_mutant(source: str, mutant: Mutant) -> str:
    """The source with that change. Raises LookupError when there is no such place."""
    operator = get_operator(mutant.operator)()
    changed = MutationVisitor.mutate_code(source, operator, mutant.occurrence)
    if changed is None:
        raise LookupError(mutant.key)
    return str(changed)


def show_change(source: str, changed: str) -> str:
    """The changed lines alone, without their context."""
    lines = difflib.unified_diff(source.split("\n"), changed.split("\n"), lineterm="", n=0)
    return "\n".join(line.rstrip() for line in list(lines)[2:] if line[:2] != "@@")
