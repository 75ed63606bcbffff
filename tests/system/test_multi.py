"""MULTI_SEARCH over the wire: the parts are answered as if each came alone, from one snapshot, errors in their place."""
import random
import threading
import unittest

from souk_system import SEED, Server
from souk_wire import OPCODES, STATUSES, TAGS, Connection, Reader, field, fields, hits, text, tlv, varint

SAME = [TAGS['HITS'][n] for n in ('FOUND', 'FOUND_EXACT', 'FACET', 'HIGHLIGHT', 'GROUPS', 'DROPPED', 'DEGRADED')]
COLOURS, THINGS = ['red', 'blue', 'green'], ['shoe', 'boot', 'shirt', 'lamp']


def facet(name, limit=10, disjunctive=0):
    return tlv('SEARCH', 'FACET', text(name) + varint(limit) + b'\0' + text('') + text('') + bytes([disjunctive]))


def part(words, filter='', k=10, facets=(), group=None, marks=None, extra=b''):
    body = tlv('SEARCH', 'CATALOG', 'shop') + tlv('SEARCH', 'TEXT', words) + tlv('SEARCH', 'K', k) + tlv('SEARCH', 'NO_CACHE', 1)
    if filter:
        body += tlv('SEARCH', 'FILTER', filter)
    body += b''.join(facet(f) for f in facets)
    if group:
        body += tlv('SEARCH', 'GROUP', varint(2) + text(group))
    if marks:
        body += tlv('SEARCH', 'HIGHLIGHT', text('<') + text('>') + varint(1) + text(marks))
    return body + extra


def answers(connection, parts):
    """[(status, body)] of the parts."""
    body = b''.join(tlv('HITS', 'PART', p) for p in parts)
    out = []
    for tag, value in fields(connection.call('MULTI_SEARCH', body).body):
        if tag == TAGS['HITS']['PART']:
            r = Reader(value)
            status = r.varint()
            out.append((STATUSES[status] if status else 'OK', value[r.at:]))
    return out


class Multi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(fronts=1).start()
        draw = random.Random(7)
        cls.products = [{'id': f'p{i}', 'title': f'{draw.choice(COLOURS)} {draw.choice(THINGS)} {draw.choice(THINGS)}',
                         'brand': f'B{draw.randrange(9)}', 'size': draw.randrange(36, 46), 'style': f's{draw.randrange(80)}',
                         'category': draw.choice([['A'], ['A', 'B'], ['C']])} for i in range(1500)]
        cls.server.import_lines('shop', cls.products, '--ack', 'visible')

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def connect(self):
        return Connection(('127.0.0.1', self.server.port))

    def test_parts_are_answered_as_if_alone(self):
        draw = random.Random(SEED)
        terms = ['brand in [B1, B2, B3]', 'size 38..42', 'category under "A"', 'not brand = B7', 'style != s3', 'size < 44 or brand = B1']
        with self.connect() as c:
            for _ in range(40):
                words = draw.choice(['red', 'red shoe', 'sho', 'shooe', 'red green lamp', '"red shoe"', ''])
                chosen = draw.sample(terms, 4)
                parts = [part(words, ' and '.join(chosen), facets=['brand', 'size', 'category'], marks='title')]
                parts += [part(words, ' and '.join(t for t in chosen if t != left), k=draw.choice([0, 0, 5]),
                               facets=[draw.choice(['brand', 'size', 'category'])],
                               group=draw.choice([None, None, 'style'])) for left in chosen]
                parts.append(part(draw.choice(['boot', words]), k=3))
                together = answers(c, parts)
                self.assertEqual(len(together), len(parts))
                for body, (status, got) in zip(parts, together):
                    alone = c.call('SEARCH', body).body
                    self.assertEqual(status, 'OK')
                    self.assertEqual([f for f in fields(got) if f[0] in SAME], [f for f in fields(alone) if f[0] in SAME],
                                     f'{words!r} {chosen} seed {SEED}')
                    self.assertEqual([(h.id, h.score) for h in hits(got)], [(h.id, h.score) for h in hits(alone)])

    def test_an_error_of_one_part_leaves_the_others_alone(self):
        with self.connect() as c:
            got = answers(c, [part('red'), part('red', 'nofield = 1'), part('red', k=1), b'\xff\xff',
                              tlv('SEARCH', 'CATALOG', 'nowhere') + tlv('SEARCH', 'TEXT', 'red'), part('shoe')])
        self.assertEqual([s for s, _ in got], ['OK', 'UNKNOWN_FIELD', 'OK', 'INVALID', 'UNKNOWN_CATALOG', 'OK'])
        self.assertEqual(field(got[0][1], 'HITS', 'FOUND'), field(got[2][1], 'HITS', 'FOUND'))

    def test_all_parts_see_one_snapshot_while_products_change(self):
        stop = threading.Event()

        def change():
            i = 0
            while not stop.is_set():
                self.server.import_lines('shop', [{'id': f'new{i}', 'title': 'red shoe', 'brand': 'B1'}])
                i += 1
        writer = threading.Thread(target=change)
        writer.start()
        try:
            with self.connect() as c:
                for _ in range(60):
                    got = answers(c, [part('red', k=0, facets=['brand']) for _ in range(6)])
                    self.assertEqual(len({field(b, 'HITS', 'GENERATION') for _, b in got}), 1)
                    self.assertEqual(len({field(b, 'HITS', 'FOUND') for _, b in got}), 1)
        finally:
            stop.set()
            writer.join()

    def test_more_than_32_parts_are_refused(self):
        with self.connect() as c:
            self.assertEqual(len(answers(c, [part('red', k=0)] * 32)), 32)
            with self.assertRaises(Exception):
                answers(c, [part('red', k=0)] * 33)
        self.assertIn('MULTI_SEARCH', OPCODES)


if __name__ == '__main__':
    unittest.main()
