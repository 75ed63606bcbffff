"""Histograms of souk-load's interval log (--interval-log), read by the format's description."""
import base64
import struct
import zlib


def decode_histogram(text):
    """HdrHistogram V2, deflated, in base64 -> {value: count}."""
    raw = base64.b64decode(text)
    cookie, length = struct.unpack('>II', raw[:8])
    assert cookie & ~0xf0 == 0x1c849304, hex(cookie)
    body = zlib.decompress(raw[8:8 + length])
    cookie, size, offset, digits, low, high, ratio = struct.unpack('>IIIIQQd', body[:40])
    assert cookie & ~0xf0 == 0x1c849303 and digits == 3 and low == 1 and ratio == 1 and offset == 0
    counts, index, at, end = {}, 0, 40, 40 + size
    while at < end:
        value = shift = 0
        while True:
            byte = body[at]
            at += 1
            if shift == 56:
                value |= byte << shift
                break
            value |= (byte & 0x7f) << shift
            shift += 7
            if not byte & 0x80:
                break
        value = (value >> 1) ^ -(value & 1)
        if value < 0:
            index += -value
            continue
        bucket = max(index // 1024 - 1, 0)
        counts[(index - bucket * 1024) << bucket] = value
        index += 1
    return counts


def percentile(counts, share):
    """The least value that so large a share of the counts does not exceed."""
    seen, want = 0, share * sum(counts.values())
    for value in sorted(counts):
        seen += counts[value]
        if seen >= want:
            return value
    return 0


def intervals(path):
    """[(start in seconds of the wall clock, length, counts)] of an interval log."""
    with open(path) as f:
        lines = f.read().splitlines()
    base = next((float(line.split(':')[1].split()[0]) for line in lines if line.startswith('#[StartTime:')), 0.0)
    rows = [line.split(',') for line in lines if line and line[0] not in '#"']
    return [(base + float(start), float(length), decode_histogram(packed)) for start, length, _, packed in rows]
