"""`python -m filesvc.tour --url URL --token TOKEN [--ca FILE]`: the tour without settings."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from filesvc.tour.client import NoTour
from filesvc.tour.walk import DEFAULT_URL, take_tour


def main() -> int:
    """0 when all was as expected, 1 when something differed, 2 when there was no tour."""
    parser = argparse.ArgumentParser(prog="tour", description="Walk through a running service.")
    parser.add_argument("--url", default=DEFAULT_URL, help="where the service answers")
    parser.add_argument("--token", required=True, help="a token that may upload, read and delete")
    parser.add_argument("--ca", type=Path, help="the CA of an https:// service, as PEM")
    told = parser.parse_args()
    try:
        return 0 if take_tour(told.url, told.token, ca_file=told.ca) else 1
    except NoTour as reason:
        sys.stderr.write(f"no tour: {reason}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
