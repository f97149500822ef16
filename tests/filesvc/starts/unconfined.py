"""A program that runs where no system call can be forbidden."""

from __future__ import annotations

import errno
import os

import pyseccomp

from filesvc.confined import main


class NoFilter:
    """What the library does on a kernel without seccomp."""

    def __init__(self, default: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


if __name__ == "__main__":
    pyseccomp.SyscallFilter = NoFilter
    main()
