"""When answers leave a front, and what it does while it has nothing to do."""
import os
import socket
import struct
import time
import unittest

from souk_system import Server, products, wait_until
from souk_wire import Connection, Reader, TAGS, fields, frame, tlv


def segments_received(c):
    """TCP segments with data that have come: as many as the other side has written, where it waits for nothing."""
    return struct.unpack_from('<I', c.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192), 152)[0]


def stats(c):
    out = {}
    for tag, value in fields(c.call('STATS').body):
        if tag == TAGS['STATS']['ROW']:
            r = Reader(value)
            name, text = r.bytes().decode(), r.bytes().decode()
            out[name] = text
    return out


def wanting():
    """How many threads run or could."""
    with open('/proc/loadavg') as f:
        return int(f.read().split()[3].split('/')[0])


class Departures(unittest.TestCase):
    def test_answers_leave_while_others_are_still_to_be_run(self):
        with Server(fronts=1) as s:
            s.import_lines('shop', products(200), '--ack', 'visible')
            body = tlv('SEARCH', 'CATALOG', 'shop') + tlv('SEARCH', 'TEXT', 'red') + tlv('SEARCH', 'NO_CACHE', 1)
            with Connection(('127.0.0.1', s.port)) as c:
                c.call('SEARCH', body)
                wait_until(lambda: int(stats(c)['front.busy_percent']) < 50, 10, 'a front at rest')
                before = segments_received(c)
                c.socket.sendall(b''.join(frame('SEARCH', body, i + 2) for i in range(12)))
                self.assertEqual({c.read().request_id for _ in range(12)}, set(range(2, 14)))
                # The first eight leave when four are left, then each alone.
                self.assertGreaterEqual(segments_received(c) - before, 4)


class Awake(unittest.TestCase):
    @staticmethod
    def ping(c, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            c.call('PING')

    def awake_ms(self, c):
        self.ping(c, 0.2)
        return int(stats(c)['front.awake_ms'])

    def test_a_front_stays_awake_between_requests_and_counts_as_idle(self):
        with Server(fronts=1, options=['server.spin=1000']) as s, Connection(('127.0.0.1', s.port)) as c:
            crowded, end = [], time.monotonic() + 20
            while self.awake_ms(c) < 50:
                crowded.append(wanting() > os.cpu_count())
                if time.monotonic() > end and sum(crowded) > len(crowded) / 2:
                    self.skipTest('others want all processors: it does not stay awake then')
                self.assertLess(time.monotonic(), end + 20)
            self.assertLess(int(stats(c)['front.busy_percent']), 90)

    def test_without_the_option_it_sleeps(self):
        with Server(fronts=1, options=['server.spin=0']) as s, Connection(('127.0.0.1', s.port)) as c:
            self.assertEqual(max(self.awake_ms(c) for _ in range(5)), 0)

    def test_an_idle_server_takes_no_time(self):
        with Server(fronts=1, options=['server.spin=1000']) as s, Connection(('127.0.0.1', s.port)) as c:
            self.ping(c, 0.5)
            time.sleep(0.3)
            before = int(stats(c)['front.awake_ms'])
            time.sleep(1)
            self.assertLessEqual(int(stats(c)['front.awake_ms']) - before, 20)


if __name__ == '__main__':
    unittest.main()
