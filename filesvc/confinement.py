"""Irrevocably takes from this process everything it could do harm with.

What reads a stranger's file may be taken over by it (CWE-502, CWE-787; OWASP ASVS 5.0 15.2.5).
After `confine` the process can compute, read what is already open and answer; it can open no
file, start no program, reach no network and grow past no limit.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import resource
import signal

import pyseccomp

MAX_DESCRIPTORS = 32
PR_SET_PDEATHSIG = 1
# All a decoder needs that has everything loaded. Whatever is not listed fails with EPERM.
ALLOWED_CALLS = (
    *("read", "readv", "pread64", "lseek", "_llseek", "close", "fstat", "newfstatat"),
    *("write", "writev", "sendmsg", "sendto", "recvmsg", "recvfrom", "getsockname", "getsockopt"),
    *("poll", "ppoll", "select", "pselect6", "dup", "dup2", "dup3"),
    *("mmap", "munmap", "mremap", "mprotect", "madvise", "brk", "membarrier"),
    *("futex", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "restart_syscall"),
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "getpid", "gettid"),
    *("clock_gettime", "clock_getres", "gettimeofday", "clock_nanosleep", "nanosleep", "time"),
    *("getrandom", "getrusage", "times", "uname", "exit", "exit_group"),
)
# Only these of `fcntl`: its F_SETOWN and F_SETSIG send any signal to anybody (measured).
ALLOWED_CONTROLS = (fcntl.F_DUPFD_CLOEXEC, fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL)


def end_with_parent() -> None:
    """Have the kernel end this process when its parent is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def confine(memory_bytes: int) -> None:
    """Limits first, then the filter of system calls; neither can be taken back.

    Raises OSError where the kernel offers no such filter: then no file is opened at all.
    """
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, MAX_DESCRIPTORS)
    calls = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    for name in ALLOWED_CALLS:
        calls.add_rule(pyseccomp.ALLOW, name)
    for control in ALLOWED_CONTROLS:
        calls.add_rule(pyseccomp.ALLOW, "fcntl", pyseccomp.Arg(1, pyseccomp.EQ, control))
    # For abort() alone: signals go to this process and to no other.
    calls.add_rule(pyseccomp.ALLOW, "tgkill", pyseccomp.Arg(0, pyseccomp.EQ, os.getpid()))
    calls.load()


def _limit(what: int, most: int) -> None:
    resource.setrlimit(what, (most, most))
