"""A worker to be killed: its confined process works for ever, and it tells that one's id.

Run as `python -m tests.filesvc.odd_parent FOLDER`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import django


def main(folder: str) -> None:
    from filesvc import sandbox
    from tests.filesvc.describing import ODD, describe_file, process_id

    def tell_process(stage: str, percent: int) -> None:
        sys.stdout.write(f"{process_id()}\n")
        sys.stdout.flush()

    sandbox.PROGRAM = ODD
    describe_file(b"doze", Path(folder), tell_process)


if __name__ == "__main__":
    django.setup()
    main(*sys.argv[1:])
