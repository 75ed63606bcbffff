"""The contract vectors against a second implementation and against the server."""
import json
import os
import struct
import unittest

from souk_system import SOURCE, Server, products
from souk_wire import STATUSES, Connection, xxh64


def vectors(name):
    with open(os.path.join(SOURCE, 'tests', 'contract', 'vectors', name), encoding='utf-8') as f:
        return json.load(f)


def read(data, limit=65536):
    """What a reader makes of the start of `data`, by docs/protocol.md."""
    if len(data) < 24:
        return 'AGAIN'
    magic, version, _, flags, _, _, length, _, check = struct.unpack_from('<HBBHHIIII', data)
    if magic != 0x6b53 or check != xxh64(data[:20]) & 0xffffffff:
        return 'BAD_FRAME'
    if version != 1:
        return 'BAD_VERSION'
    if length > limit:
        return 'TOO_LARGE'
    if len(data) < 24 + length:
        return 'AGAIN'
    body = data[24:24 + length]
    if flags & 4:
        if length < 8:
            return 'BAD_FRAME'
        if xxh64(body[:-8]) != struct.unpack('<Q', body[-8:])[0]:
            return 'BAD_CHECKSUM'
    return 'OK'


class Vectors(unittest.TestCase):
    def test_a_second_implementation_reads_every_frame_alike(self):
        for v in vectors('frames.json'):
            self.assertEqual(read(bytes.fromhex(v['hex'])), v['result'], v['name'])

    def test_the_server_understands_every_request(self):
        with Server(fronts=1) as server:
            server.import_lines('shop', products(20))
            for v in vectors('messages.json'):
                if not v['name'].startswith('request') or v['name'].endswith(('CANCEL', 'GOAWAY', 'REFRESH', 'FOLLOW')):
                    continue  # without a reply, or between processes
                with Connection(('127.0.0.1', server.port), 20) as c:
                    c.socket.sendall(bytes.fromhex(v['hex']))
                    reply = c.read()
                    self.assertEqual((reply.opcode, reply.request_id), (v['opcode'], 7), v['name'])
                    self.assertNotIn(STATUSES.get(reply.status), ('BAD_FRAME', 'INTERNAL', 'UNSUPPORTED'), v['name'])


if __name__ == '__main__':
    unittest.main(verbosity=2)
