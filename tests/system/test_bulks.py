"""A bulk is checked by a front in slices, between which others are served: changes reach the writer in the order they came
all the same."""
import json
import os
import threading
import time
import unittest

from souk_system import SANITIZED, SLACK, Server, resident_bytes
from souk_wire import STATUSES, Connection, frame, put_body, tlv, upsert

ITEMS = 10000
FIELDS = [{'name': 'title', 'type': 'text'}, {'name': 'text', 'type': 'text'}, {'name': 'n', 'type': 'integer'}]
MORE = [f'n{i}' for i in range(100)]  # takes longer to check
LOGGED, VISIBLE = 1, 2


def bulk(first, n, ack, **more):
    return put_body('shop', [upsert(f'p{i}', {'title': f'shoe {i}', 'text': 'a shoe for long ways ' * 12, 'n': n, **more})
                             for i in range(first, first + ITEMS)], ack)


class Bulks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(fronts=1).start()
        path = os.path.join(cls.server.data, 's.json')
        with open(path, 'w', encoding='utf-8') as f:
            json.dump({'fields': FIELDS + [{'name': name, 'type': 'integer'} for name in MORE]}, f)
        cls.server.souk('catalog', 'create', 'shop', '--schema', path)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def connect(self):
        c = Connection(('127.0.0.1', self.server.port))
        self.addCleanup(c.close)
        return c

    def test_a_change_behind_a_bulk_stays_behind_it(self):
        body, last = bulk(ITEMS, 1, LOGGED), f'p{2 * ITEMS - 1}'
        one = self.connect()
        one.send('PUT', body, request_id=7)
        one.send('PUT', put_body('shop', [upsert(last, {'title': 'the last word', 'n': 2})], VISIBLE), request_id=8)
        self.assertEqual([(r.request_id, r.status) for r in (one.read(), one.read())], [(7, 0), (8, 0)])
        self.assertEqual(json.loads(self.server.run('get', 'shop', last).stdout)['product']['n'], 2)

    @unittest.skipIf(SANITIZED, 'a sanitizer keeps what is freed')
    def test_a_front_keeps_nothing_of_what_went_through(self):
        path = os.path.join(self.server.data, 'b.json')
        with open(path, 'w', encoding='utf-8') as f:
            json.dump({'fields': [{'name': 'blob', 'type': 'keyword', 'searchable': False, 'filter': False, 'facet': False,
                                   'sort': False}]}, f)
        self.server.souk('catalog', 'create', 'blobs', '--schema', path)
        bulks = [put_body('blobs', [upsert(f'p{n}-{i}', {'blob': chr(97 + n) * 900000})], LOGGED) for n in range(3) for i in range(4)]
        front = self.server.pid('front 0')
        before = resident_bytes(front)
        c, under_way = self.connect(), 0
        for turn in range(150):  # always some under way, so the link to the writer always has more to send
            c.send('PUT', bulks[turn % len(bulks)], deadline_ms=60000)
            under_way += 1
            while under_way > 8:
                self.assertIn(STATUSES[c.read().status], ('OK', 'OVERLOADED'))
                under_way -= 1
        for _ in range(under_way):
            c.read()
        self.assertLess(resident_bytes(front) - before, 25 << 20)

    def test_a_bulk_that_outgrows_a_frame_is_refused_alone(self):
        """Whole numbers of float fields become longer; what no frame holds then would end the link to the writer."""
        floats = [f'f{i}' for i in range(10)]
        path = os.path.join(self.server.data, 'g.json')
        with open(path, 'w', encoding='utf-8') as f:
            json.dump({'fields': [{'name': 'blob', 'type': 'keyword', 'searchable': False, 'filter': False, 'facet': False,
                                   'sort': False}] + [{'name': name, 'type': 'float'} for name in floats]}, f)
        self.server.souk('catalog', 'create', 'grown', '--schema', path)

        def body(letters):
            return put_body('grown', [upsert(f'p{i}', {'blob': 'x' * letters, **dict.fromkeys(floats, 1)}) for i in range(1000)], LOGGED)
        letters = 16700
        while len(body(letters + 10)) <= 16 << 20:
            letters += 10
        self.assertGreater(len(body(letters)) + 60000, 16 << 20)
        c, other = self.connect(), self.connect()
        c.send('PUT', body(letters), request_id=7)
        for i in range(20):
            other.call('PUT', put_body('shop', [upsert(f'beside{i}', {'title': 'beside'})], LOGGED), deadline_ms=5000)
        reply = c.read()
        self.assertEqual((reply.request_id, STATUSES[reply.status]), (7, 'TOO_LARGE'))
        self.assertIn(b'in parts', reply.body)
        c.call('PUT', body(letters - 200))

    def test_a_search_does_not_wait_for_a_bulk(self):
        """Beside the luckiest of nine bulks: strangers on the machine slow down some."""
        words = tlv('SEARCH', 'CATALOG', 'shop') + tlv('SEARCH', 'TEXT', 'long ways') + tlv('SEARCH', 'K', 1) + tlv('SEARCH', 'NO_CACHE', 1)
        body = bulk(0, 3, LOGGED, **{name: 7 for name in MORE})
        writer, reader, slowest, checked = self.connect(), self.connect(), [], []
        reader.call('SEARCH', words)

        def one_bulk():
            writer.socket.sendall(frame('PUT', body, 1))
            checked.append(writer.read().status)

        for i in range(9):
            at_work, most = threading.Thread(target=one_bulk), 0
            at_work.start()
            while at_work.is_alive():
                start = time.monotonic()
                reader.call('SEARCH', words)
                most = max(most, time.monotonic() - start)
            at_work.join()
            slowest.append(most)
        self.assertEqual(checked, [0] * 9)
        self.assertLess(min(slowest), 0.01 * SLACK, slowest)


if __name__ == '__main__':
    unittest.main()
