"""The ways in which a Redis fails, and what its clients log about them."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.faults.conftest import LogEvents
from tests.faults.proxy import BLACKHOLE, REFUSE, RESET, Toxic
from tests.stack import RUN_DIR

SOCKET = f"{RUN_DIR}/redis.sock"
BOUND_SECONDS = 3.0  # a few uploads; one of them waits 0.25 s for each of the two

FAULTS = {
    "refuses": REFUSE,
    "hangs": BLACKHOLE,
    "resets": RESET,
    "talks nonsense": Toxic("garbage", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "answers no number": Toxic("garbage", b":abc\r\n" * 9),
    "answers with the wrong kind": Toxic("garbage", b"*-5\r\n"),
    "answers without an end": Toxic("garbage", b"*1\r\n" * 5000),
    "says only errors": Toxic("garbage", b"-LOADING in memory\r\n" * 9),
    "hangs up": Toxic("cut"),
    "hangs up in the middle": Toxic("cut", after_bytes=9),
    "is too slow": Toxic("delay", seconds=1),
}
# Pieces that look like the protocol, so that the client's parser gets somewhere.
WORDS = [
    b"+OK",
    b":1",
    b":x",
    b"$-1",
    b"$3",
    b"*2",
    b"*-9",
    b"%1",
    b"~1",
    b"-ERR",
    b",n",
    b"(1",
    b"#t",
]
NONSENSE = st.binary(max_size=40) | st.lists(
    st.sampled_from([word + b"\r\n" for word in WORDS]) | st.binary(max_size=4), max_size=12
).map(b"".join)


def logged(log_events: LogEvents, *levels: str) -> list[str]:
    """The names of the events at these levels, in their order."""
    return [event["event"] for event in log_events if event["level"] in levels]
