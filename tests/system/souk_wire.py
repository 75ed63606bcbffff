"""The protocol in Python, written from docs/protocol.md and protocol/protocol.json alone: a second opinion on the
format, and a client that can misbehave where libsouk would not.

    with Connection(('127.0.0.1', port)) as c:
        c.call('PING', b'hi').body
        c.put('shop', [upsert('p1', {'title': 'red shoe', 'price': 9.5})])
"""
import json
import os
import socket
import struct
from collections import namedtuple

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
with open(os.path.join(SOURCE, 'protocol', 'protocol.json')) as _f:
    PROTOCOL = json.load(_f)
OPCODES = {name: row[0] for name, row in PROTOCOL['opcodes'].items()}
FLAGS = {name: row[0] for name, row in PROTOCOL['flags'].items()}
TAGS = {body: {name: row[0] for name, row in rows.items()} for body, rows in PROTOCOL['messages'].items()}
with open(os.path.join(SOURCE, 'protocol', 'status.def')) as _f:
    STATUSES = {}
    for _line in _f:
        if _line.startswith('STATUS('):
            _parts = [p.strip() for p in _line[7:].split(',')]
            STATUSES[int(_parts[1]) if _parts[1].isdigit() else len(STATUSES)] = _parts[0]

Frame = namedtuple('Frame', 'opcode flags status request_id time body')
_MASK = (1 << 64) - 1
_P1, _P2, _P3, _P4, _P5 = (11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579,
                           2870177450012600261)


def _rotl(x, r):
    return (x << r | x >> (64 - r)) & _MASK


def _round(acc, lane):
    return _rotl((acc + lane * _P2) & _MASK, 31) * _P1 & _MASK


def xxh64(data, seed=0):
    n, at = len(data), 0
    if n >= 32:
        acc = [(seed + _P1 + _P2) & _MASK, (seed + _P2) & _MASK, seed, (seed - _P1) & _MASK]
        while at + 32 <= n:
            for i, lane in enumerate(struct.unpack_from('<4Q', data, at)):
                acc[i] = _round(acc[i], lane)
            at += 32
        h = (_rotl(acc[0], 1) + _rotl(acc[1], 7) + _rotl(acc[2], 12) + _rotl(acc[3], 18)) & _MASK
        for a in acc:
            h = ((h ^ _round(0, a)) * _P1 + _P4) & _MASK
    else:
        h = (seed + _P5) & _MASK
    h = (h + n) & _MASK
    while at + 8 <= n:
        h = (_rotl(h ^ _round(0, struct.unpack_from('<Q', data, at)[0]), 27) * _P1 + _P4) & _MASK
        at += 8
    if at + 4 <= n:
        h = (_rotl(h ^ struct.unpack_from('<I', data, at)[0] * _P1 & _MASK, 23) * _P2 + _P3) & _MASK
        at += 4
    for byte in data[at:]:
        h = _rotl(h ^ byte * _P5 & _MASK, 11) * _P1 & _MASK
    h = (h ^ h >> 33) * _P2 & _MASK
    h = (h ^ h >> 29) * _P3 & _MASK
    return h ^ h >> 32


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def text(value):
    data = value if isinstance(value, bytes) else str(value).encode()
    return varint(len(data)) + data


def tlv(body, name, value):
    """One field of a body; `value` is a number, text or bytes."""
    if isinstance(value, int):
        value = varint(value)
    elif isinstance(value, str):
        value = value.encode()
    return varint(TAGS[body][name]) + varint(len(value)) + value


def frame(opcode, body=b'', request_id=1, deadline_ms=0, flags=0, status=0, check=None):
    code = OPCODES[opcode] if isinstance(opcode, str) else opcode
    head = struct.pack('<HBBHHIII', 0x6b53, 1, code, flags, status, request_id, len(body), deadline_ms)
    return head + struct.pack('<I', xxh64(head) & 0xffffffff if check is None else check) + body


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def varint(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def bytes(self):
        n = self.varint()
        self.at += n
        return self.data[self.at - n:self.at]

    def more(self):
        return self.at < len(self.data)


def fields(body):
    """[(tag, value)] of a body."""
    r, out = Reader(body), []
    while r.more():
        tag = r.varint()
        out.append((tag, r.bytes()))
    return out


def field(body, message, name, default=None):
    """The first value of a named field as a number, or as bytes where it is no varint."""
    for tag, value in fields(body):
        if tag == TAGS[message][name]:
            kind = PROTOCOL['messages'][message][name][1]
            return Reader(value).varint() if kind.startswith('varint') else value
    return default


def encode_value(value):
    if value is None:
        return b'\0'
    if isinstance(value, bool):
        return b'\2' if value else b'\1'
    if isinstance(value, int):
        return b'\3' + varint((value << 1) ^ (value >> 63) if value >= 0 else (-value << 1) - 1)
    if isinstance(value, float):
        return b'\4' + struct.pack('<d', value)
    if isinstance(value, str):
        return b'\5' + text(value)
    if isinstance(value, dict):
        return encode_pairs(value)
    return b'\6' + varint(len(value)) + b''.join(text(v) for v in value)


def encode_pairs(attributes):
    """Attributes; an array that holds more than texts is pairs of one path."""
    pairs = [(key, v) for key, value in attributes.items()
             for v in (value if isinstance(value, list) and not all(isinstance(v, str) for v in value) else [value])]
    return b'\7' + varint(len(pairs)) + b''.join(text(key) + encode_value(v) for key, v in pairs)


def document(key, values, names):
    body = text(key) + varint(len(values))
    for name, value in values.items():
        if name not in names:
            names.append(name)
        body += varint(names.index(name)) + encode_value(value)
    return body


Item = namedtuple('Item', 'op id values version key windows', defaults=(b'\0\0\0',))  # windows: ttl, swr, sie, each + 1


def upsert(key, values, version=0, idempotency=b''):
    return Item(0, key, values, version, idempotency)


def patch(key, values, version=0, idempotency=b''):
    return Item(1, key, values, version, idempotency)


def delete(key, version=0, idempotency=b''):
    return Item(2, key, {}, version, idempotency)


def put_body(catalog, items, ack=1, key=b''):
    names, out = [], []
    for item in items:
        doc = document(item.id, item.values, names)
        out.append(tlv('PUT', 'ITEM', bytes([item.op]) + varint(item.version) + item.windows + text(item.key) + doc))
    table = varint(len(names)) + b''.join(text(n) for n in names)
    head = tlv('PUT', 'CATALOG', catalog) + tlv('PUT', 'ACK', ack)
    if key:
        head += tlv('PUT', 'KEY', key)
    return head + tlv('PUT', 'FIELDS', table) + b''.join(out)


class Refused(Exception):
    """A reply with an error status."""

    def __init__(self, reply):
        self.reply = reply
        self.name = STATUSES.get(reply.status, str(reply.status))
        self.sentence = (field(reply.body, 'ERROR', 'TEXT', b'') or b'').decode()
        super().__init__(f'{self.name}: {self.sentence}')


class Connection:
    """One connection; `address` is (host, port) or the path of a unix socket."""

    def __init__(self, address, timeout=10):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending, self.next_id = b'', 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, opcode, body=b'', **options):
        """Sends a request, returns its id."""
        request_id = options.pop('request_id', self.next_id)
        self.next_id += 1
        self.socket.sendall(frame(opcode, body, request_id, **options))
        return request_id

    def read(self):
        """The next frame; EOFError when the server has closed."""
        head = self._take(24)
        magic, version, opcode, flags, status, request_id, length, time, check = struct.unpack('<HBBHHIIII', head)
        assert magic == 0x6b53 and version == 1 and check == xxh64(head[:20]) & 0xffffffff, head.hex()
        return Frame(opcode, flags, status, request_id, time, self._take(length))

    def _take(self, n):
        while len(self.pending) < n:
            part = self.socket.recv(max(65536, n - len(self.pending)))
            if not part:
                raise EOFError('the server has closed the connection')
            self.pending += part
        out, self.pending = self.pending[:n], self.pending[n:]
        return out

    def call(self, opcode, body=b'', check=True, **options):
        """Sends and waits for the whole reply of this request (others are passed over)."""
        request_id = self.send(opcode, body, **options)
        joined = b''
        while True:
            reply = self.read()
            if reply.request_id != request_id or not reply.flags & FLAGS['REPLY']:
                continue
            joined += reply.body
            if not reply.flags & FLAGS['MORE']:
                reply = reply._replace(body=joined)
                if check and reply.status:
                    raise Refused(reply)
                return reply

    def put(self, catalog, items, ack=1, key=b'', **options):
        return self.call('PUT', put_body(catalog, items, ack, key), **options)

    def search(self, catalog, words='', extra=b'', **options):
        """The body of a SEARCH reply."""
        return self.call('SEARCH', tlv('SEARCH', 'CATALOG', catalog) + tlv('SEARCH', 'TEXT', words) + extra, **options).body


Hit = namedtuple('Hit', 'id score freshness age_ms')


def hits(body):
    """The hits of a SEARCH reply; freshness is the number of its state."""
    out = []
    for tag, value in fields(body):
        if tag != TAGS['HITS']['HITS']:
            continue
        r = Reader(value)
        for _ in range(r.varint()):
            name, score = r.bytes().decode(), r.varint()
            state = value[r.at] & 3
            r.at += 1
            age = r.varint()
            r.bytes(), r.varint(), r.bytes(), r.bytes()  # document, group
            out.append(Hit(name, score, state, age))
    return out
