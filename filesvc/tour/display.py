"""Shows the tour: a table that fills itself on a terminal, one plain line a step elsewhere."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from filesvc.tour.steps import NOT_TRIED, Outcome, Step

PICTURE_COLUMNS = 120
ROOMY_COLUMNS = 110
HEADINGS = ("step", "expected", "actual", "ms", "remark")
# Fonts are taken from whoever looks at the picture, and not fetched from elsewhere.
_FONT_FACE = re.compile(r"@font-face \{\{.*?\}\}", re.DOTALL)


class Display:
    """What the person who takes the tour sees of it. A context manager."""

    def __init__(self, steps: Sequence[Step], picture: Path | None = None) -> None:
        self._steps = steps
        self._picture = picture
        self._console = Console(highlight=False)
        self._outcomes: list[Outcome] = []
        self._waiting_for = ""
        self._live = Live(console=self._console)

    def __enter__(self) -> Display:
        if self._console.is_terminal:
            self._live.start()
            self._draw()
        else:
            self._line("", *HEADINGS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def wait_for(self, what: str) -> None:
        """Say what is waited for."""
        self._waiting_for = what
        if self._console.is_terminal:
            self._draw()
        else:
            self._console.print(what, soft_wrap=True)

    def show(self, outcome: Outcome) -> None:
        """Add what came of the next step."""
        self._outcomes.append(outcome)
        self._waiting_for = ""
        if self._console.is_terminal:
            self._draw()
        else:
            self._line(mark_of(outcome), *cells_of(outcome))

    def close(self, url: str) -> None:
        """The last line: how many steps differed."""
        self._live.stop()
        self._console.print(summarise(url, self._outcomes), soft_wrap=True)
        if self._picture:
            self._draw_picture(self._picture)

    def _draw(self) -> None:
        self._live.update(self._table(self._console.width), refresh=True)

    def _table(self, columns: int) -> Table:
        """The steps done, the one under way, and those to come; no remarks where there is no room.

        Nothing is cut off: what is too long is folded.
        """
        table = Table("", box=None, pad_edge=False, caption=self._waiting_for or None)
        for heading in HEADINGS[: 5 if columns >= ROOMY_COLUMNS else 4]:
            table.add_column(
                heading, justify="right" if heading == "ms" else "left", overflow="fold"
            )
        for outcome in self._outcomes:
            cells = cells_of(outcome)[: len(table.columns) - 1]
            table.add_row(_coloured(mark_of(outcome)), *map(Text, cells))
        for number, step in enumerate(self._steps[len(self._outcomes) :]):
            table.add_row("…" if number == 0 else "", step.title, step.expected, style="dim")
        return table

    def _line(self, mark: str, *cells: str) -> None:
        """Columns by blanks: whoever reads this is a log or a script."""
        widths = (22, 27, 27, 6)
        padded = [f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=False)]
        line = "  ".join((f"{mark:<9}", *padded, cells[-1])).rstrip()
        self._console.print(line, soft_wrap=True, markup=False)

    def _draw_picture(self, path: Path) -> None:
        console = Console(
            record=True, width=PICTURE_COLUMNS, file=io.StringIO(), force_terminal=True
        )
        console.print(self._table(PICTURE_COLUMNS))
        console.print(f"\n{summarise('', self._outcomes)}", highlight=False)
        form = _FONT_FACE.sub("", CONSOLE_SVG_FORMAT)
        console.save_svg(str(path), title="make tour", code_format=form)


def mark_of(outcome: Outcome) -> str:
    """One word: `ok`, `not tried` or `DIFFERS`."""
    if outcome.actual == NOT_TRIED:
        return NOT_TRIED
    return "ok" if outcome.is_as_expected else "DIFFERS"


def cells_of(outcome: Outcome) -> tuple[str, str, str, str, str]:
    """One cell for each heading."""
    step = outcome.step
    spent = f"{outcome.milliseconds:,}"
    return step.title, step.expected, outcome.actual, spent, outcome.remark


def summarise(url: str, outcomes: Sequence[Outcome]) -> str:
    """How many steps were as expected; a line for each that was not tried, and why."""
    differing = [outcome.step.title for outcome in outcomes if not outcome.is_as_expected]
    tried = [outcome for outcome in outcomes if outcome.actual != NOT_TRIED]
    at = f" at {url}" if url else ""
    if differing:
        told = f"{len(differing)} of {len(tried)} steps differ{at}: {', '.join(differing)}"
    else:
        told = f"all {len(tried)} steps{at} as expected"
    skipped = [outcome for outcome in outcomes if outcome.actual == NOT_TRIED]
    return "\n".join([told, *(f"not tried: {one.step.title} - {one.remark}" for one in skipped)])


def _coloured(mark: str) -> Text:
    style = {"ok": "green", NOT_TRIED: "yellow"}.get(mark, "bold red")
    return Text(mark, style=style)
