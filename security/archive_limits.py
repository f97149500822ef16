"""How much an archive may hold: the numbers that the gate and the worker share (no Django here)."""

from __future__ import annotations

MAX_ENTRIES = 10_000
# Counted from 1 MiB of unpacked bytes up: short repetitive members are no bombs.
MAX_RATIO = 100
RATIO_COUNTS_FROM_BYTES = 1024 * 1024
# The archive itself is the first level.
MAX_DEPTH = 3
