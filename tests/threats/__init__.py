"""The reviewer's table: each security requirement with the code and the tests that prove it.

One file for each chapter of the requirements; `tests/print_threats.py` prints them into
ARCHITECTURE.md and `tests/test_threats.py` holds them against the files and tests there are.
"""
