"""The header of one MPEG audio frame (ISO/IEC 11172-3, 2.4.1.3; 13818-3 for the lower rates)."""

from __future__ import annotations

HEADER_BYTES = 4
# The longest: layer I at 448 kbit/s and 32 kHz takes 672 bytes, layer II of MPEG 2.5 the most.
MAX_FRAME_BYTES = 2881

# In kbit/s, by index 1 to 14; index 0 ("free") tells no length and is not taken.
_RATES = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = (44_100, 48_000, 32_000)
_DIVISORS = {3: 1, 2: 2, 0: 4}  # version bits of MPEG 1, 2 and 2.5


def frame_bytes(content: bytes, place: int) -> int:
    """How long the frame is whose header stands there, header included; 0 when there is none."""
    header = int.from_bytes(content[place : place + HEADER_BYTES].ljust(HEADER_BYTES, b"\0"), "big")
    version, layer = header >> 19 & 3, 4 - (header >> 17 & 3)
    rate, sampling = header >> 12 & 15, header >> 10 & 3
    if header >> 21 != 0x7FF or version == 1 or layer == 4 or rate in (0, 15) or sampling == 3:
        return 0
    padding = header >> 9 & 1
    bits_per_second = 1000 * _RATES[version == 3, layer][rate - 1]
    samples_per_second = _SAMPLE_RATES[sampling] // _DIVISORS[version]
    if layer == 1:
        return 4 * (12 * bits_per_second // samples_per_second + padding)
    # 1152 samples, but 576 in layer III of the lower rates; eight bits to a byte.
    slots = 72 if layer == 3 and version != 3 else 144
    return slots * bits_per_second // samples_per_second + padding
