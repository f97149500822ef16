"""A mutant inside a function, put into a process that has imported the module already."""

from __future__ import annotations

import ast
import gc
import sys
import warnings
from collections.abc import Iterator
from types import CodeType, FrameType, FunctionType
from typing import Any

Place = tuple[int, int]


class Noting:
    """Notes which functions of one file are called: what they made may be kept somewhere."""

    def __init__(self, filename: str) -> None:
        self.filename = filename
        self.first_lines: set[int] = set()

    def start(self) -> None:
        sys.setprofile(self.note)

    def stop(self) -> None:
        sys.setprofile(None)

    def note(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename == self.filename:
            self.first_lines.add(code.co_firstlineno)


def find_first_line(tree: ast.Module, start: Place, end: Place) -> int | None:
    """Of the outermost function whose body, not its head or decorators, holds that place."""
    for node in ast.walk(tree):  # the outermost come first
        if isinstance(node, ast.FunctionDef):
            first, last = node.body[0], node.body[-1]
            until = (last.end_lineno or 0, last.end_col_offset or 0)
            if (first.lineno, first.col_offset) <= start and end <= until:
                return min([node.lineno, *(part.lineno for part in node.decorator_list)])
    return None


def swap(source: str, filename: str, first_line: int) -> bool:
    """Give the functions that begin in that line their new body; False when that cannot be."""
    living = [
        found
        for found in gc.get_objects()
        # Not `isinstance`: that would ask lazy objects, and these would do their work.
        if type(found) is FunctionType and is_it(found.__code__, filename, first_line)
    ]
    try:
        codes = compile_functions(source, filename, first_line)
        for function in living:
            function.__code__ = codes[0]
    except (SyntaxError, ValueError):
        return False
    return len(codes) == 1 and bool(living)


def compile_functions(source: str, filename: str, first_line: int) -> list[CodeType]:
    """Raises SyntaxError, also for what the compiler only warns of: the tests refuse that too."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module = compile(source, filename, "exec", dont_inherit=True)
    return [code for code in list_codes(module) if is_it(code, filename, first_line)]


def is_it(code: CodeType, filename: str, first_line: int) -> bool:
    """A function that has a name, of that file and line."""
    is_named = "<" not in code.co_name
    return is_named and (code.co_filename, code.co_firstlineno) == (filename, first_line)


def list_codes(code: CodeType) -> Iterator[CodeType]:
    """It and whatever is defined inside."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from list_codes(constant)
