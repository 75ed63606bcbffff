#!/usr/bin/env python3
"""Makes vectors/messages.json from protocol/protocol.json and status.def: a request of every operation with every
plain field set, and an error frame of every status. --check compares instead of writing.

The bytes come from the Python implementation of the protocol, so they are a second opinion on the C one."""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'system'))
from souk_wire import FLAGS, OPCODES, PROTOCOL, STATUSES, frame, tlv  # noqa: E402

PATH = os.path.join(HERE, 'vectors', 'messages.json')
# Operations whose body is that of another message; the others share their name with it.
BODIES = {'DELETE': 'SCAN', 'MULTI_SEARCH': None, 'CANCEL': None, 'GOAWAY': None, 'PING': None, 'STATS': None}
# Fields with a meaning beyond their kind.
VALUES = {'CATALOG': 'shop', 'NAME': 'shop', 'FILTER': 'price < 10', 'K': 10, 'SORT': None, 'MIN_VERSION': 1, 'MAX_VERSION': 1,
          'FEATURES': 7, 'CURSOR': None, 'SEQUENCE': 0, 'MIN_SEQUENCE': 0, 'PROFILE': 'default'}


def value_of(name, kind):
    if name in VALUES:
        return VALUES[name]
    if kind.startswith('varint') and not re.search(r'^varints|, then|three', kind):
        return 1
    if kind.startswith('text'):
        return 'title'
    return None  # groups and nested bodies have vectors of their own in frames.json


def body_of(message):
    body = b''
    for name, (_, kind) in PROTOCOL['messages'].get(message or '', {}).items():
        value = value_of(name, kind)
        if value is not None:
            body += tlv(message, name, value)
    return body


def vectors():
    for opcode, code in OPCODES.items():
        body = body_of(BODIES.get(opcode, opcode))
        data = frame(opcode, body, request_id=7, deadline_ms=250)
        yield {'name': f'request {opcode}', 'opcode': code, 'body_len': len(body), 'hex': data.hex()}
    for code, name in sorted(STATUSES.items()):
        if code >= 10:
            body = tlv('ERROR', 'CODE', code) + tlv('ERROR', 'TEXT', name.lower())
            data = frame('SEARCH', body, request_id=7, flags=FLAGS['REPLY'], status=code)
            yield {'name': f'error {name}', 'opcode': OPCODES['SEARCH'], 'status': code, 'body_len': len(body), 'hex': data.hex()}


def main():
    made = '[\n' + ',\n'.join('  ' + json.dumps(v) for v in vectors()) + '\n]\n'
    if sys.argv[1:] == ['--check']:
        with open(PATH, encoding='utf-8') as f:
            same = f.read() == made
        print('vectors agree with protocol.json' if same else 'vectors are old: run tests/contract/messages.py')
        return 0 if same else 1
    with open(PATH, 'w', encoding='utf-8') as f:
        f.write(made)
    return 0


if __name__ == '__main__':
    sys.exit(main())
