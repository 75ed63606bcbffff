#!/usr/bin/env python3
"""What a catalog gives up by itself: products past their limit, and the surplus of a full one."""
import json
import os
import random
import tempfile
import threading
import time
import unittest

from souk_system import SEED, Server, products, wait_until

FIELDS = [{'name': 'title', 'type': 'text', 'searchable': True, 'stored': True},
          {'name': 'price', 'type': 'float', 'filter': True, 'sort': True, 'stored': True}]
LONG = os.environ.get('SOUK_LONG')


def create(server, name, **more):
    with tempfile.NamedTemporaryFile('w', suffix='.json') as f:
        json.dump({'fields': FIELDS, **more}, f)
        f.flush()
        server.souk('catalog', 'create', name, '--schema', f.name)


def lines(start, count, word='lamp'):
    return [{'id': f'p{i}', 'title': f'{word} number {i}', 'price': i} for i in range(start, start + count)]


class Eviction(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(options=['eviction.rate=20000']).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.check_data()  # counters of what is left among them
        cls.server.stop()
        cls.server.remove()

    def figure(self, catalog, name):
        return self.server.stats()[f'catalog.{catalog}.{name}']

    def test_expired_products_are_removed_and_counted(self):
        s = self.server
        create(s, 'ttl')
        s.import_lines('ttl', lines(0, 3000), '--ttl', 300)
        s.import_lines('ttl', lines(3000, 500), '--ttl', 600000)
        s.import_lines('ttl', lines(4000, 500))
        wait_until(lambda: s.search('ttl', 'lamp')['found'] == 1000, 5, 'nothing expired is found')
        wait_until(lambda: self.figure('ttl', 'products') == 1000, 10, 'they are removed')
        self.assertEqual(self.figure('ttl', 'evicted_ttl'), 3000)
        self.assertEqual(s.search('ttl', 'lamp', '--count-to', 0)['found'], 1000)
        # a product that is gone can be pushed anew
        s.import_lines('ttl', lines(0, 10), '--ttl', 600000)
        wait_until(lambda: s.search('ttl', 'lamp', '--count-to', 0)['found'] == 1010, 5)

    def test_changes_and_evictions_in_flight_lose_nothing(self):
        s = self.server
        create(s, 'race')
        # renewed again and again just when it expires: an acknowledged push is always found
        for i in range(40):
            s.souk('put', 'race', json.dumps({'id': 'a', 'title': f'lamp {i}', 'price': i}), '--ack', 'visible', '--ttl', 40 + i % 20, '--sie', 600000)
            s.souk('put', 'race', json.dumps({'id': f'b{i}', 'title': 'lamp', 'price': i}), '--ttl', 1)
            time.sleep(0.02)
            self.assertEqual(s.search('race', 'lamp', '--filter', f'price = {i}')['hits'][0]['id'], 'a')
        wait_until(lambda: self.figure('race', 'products') == 1, 5, 'only the renewed one is left')

    def test_a_full_catalog_never_holds_more_than_its_limit(self):
        s = self.server
        create(s, 'full', max_products=1000)
        worst, stop = [0], threading.Event()

        def watch():
            while not stop.is_set():
                worst[0] = max(worst[0], self.figure('full', 'products'))
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            for part in range(5):  # ten times too many
                s.import_lines('full', lines(part * 2000, 2000))
        finally:
            stop.set()
            watcher.join()
        wait_until(lambda: self.figure('full', 'lag') == 0 and self.figure('full', 'products') <= 1000, 10)
        self.assertLessEqual(worst[0], 1000 + 1000, 'the limit and one bulk')
        self.assertGreaterEqual(self.figure('full', 'evicted_size'), 9000)
        # deletes always succeed, and what is left is what is counted
        left = s.search('full', 'lamp', '--count-to', 0, '-k', 1000)
        self.assertEqual(left['found'], self.figure('full', 'products'))
        s.souk('delete', 'full', *[h['id'] for h in left['hits'][:50]])
        wait_until(lambda: self.figure('full', 'products') == left['found'] - 50, 5)

    def test_what_is_read_stays_through_a_crawl_and_a_reingest(self):
        s = self.server
        create(s, 'hot', max_products=2000)
        s.import_lines('hot', lines(0, 2000))
        wait_until(lambda: self.figure('hot', 'lag') == 0, 10)
        draw = random.Random(SEED)
        hot = [f'p{i}' for i in draw.sample(range(2000), 200)]

        def read():
            for i in range(0, 200, 50):
                s.run('get', 'hot', *hot[i:i + 50], check=False)

        def share():
            got = [json.loads(line) for i in range(0, 200, 50)
                   for line in s.run('get', 'hot', *hot[i:i + 50], check=False).stdout.splitlines()]
            return sum('error' not in item for item in got) / 200
        for _ in range(3):
            read()
        for part in range(5):  # a crawl of 10,000 products nobody reads
            s.import_lines('hot', lines(10000 + part * 2000, 2000, 'crawled'))
            read()
        wait_until(lambda: self.figure('hot', 'lag') == 0, 10)
        self.assertGreaterEqual(share(), 0.95, SEED)
        for _ in range(2):  # all of them again with new texts, the read ones too
            s.import_lines('hot', lines(0, 2000, 'again'))
            read()
        wait_until(lambda: self.figure('hot', 'lag') == 0, 10)
        self.assertGreaterEqual(share(), 0.95, SEED)
        self.assertLessEqual(self.figure('hot', 'products'), 2000)

    def test_what_was_read_is_known_after_a_restart(self):
        hot = [f'p{i}' for i in range(0, 200, 2)]  # among the oldest
        with Server() as s:
            create(s, 'again', max_products=2000)
            s.import_lines('again', lines(0, 2000))
            wait_until(lambda: s.stats()['catalog.again.lag'] == 0, 10)
            for _ in range(2):
                for i in range(0, 100, 50):
                    s.run('get', 'again', *hot[i:i + 50], check=False)
            self.assertEqual(s.stop(), 0)
            s.start()
            s.import_lines('again', lines(10000, 1500, 'new'))
            wait_until(lambda: s.stats()['catalog.again.lag'] == 0, 10)
            got = [json.loads(line) for i in range(0, 100, 50)
                   for line in s.run('get', 'again', *hot[i:i + 50], check=False).stdout.splitlines()]
            self.assertGreaterEqual(sum('error' not in item for item in got), 95)

    def test_a_limit_in_bytes_holds(self):
        s = self.server
        limit = 2 << 20
        create(s, 'bytes', max_bytes=limit)
        share, stop = [], threading.Event()

        def watch():
            while not stop.is_set():
                share.append(self.figure('bytes', 'product_bytes') / limit)

        def bulk(part):
            return [{'id': f'x{part}-{i}', 'title': ' '.join(f'w{(part * 7919 + i * 31 + k * k) % 9973}' for k in range(i % 60 + 10)), 'price': i}
                    for i in range(5000)]
        watcher = threading.Thread(target=watch)
        for part in range(24 if LONG else 12):  # ten times too many
            if part == 2:
                watcher.start()
            s.import_lines('bytes', bulk(part))
        stop.set()
        watcher.join()
        # while a bulk comes its own deletes hold the upper mark, at rest products are given up down to the lower one
        self.assertLess(max(share), 0.855)
        self.assertGreater(min(share), 0.79)
        wait_until(lambda: self.figure('bytes', 'lag') == 0 and self.figure('bytes', 'product_bytes') <= 0.8 * limit, 10, 'it comes to rest at the mark')
        self.assertGreater(self.figure('bytes', 'product_bytes'), 0.79 * limit)
        self.assertGreater(self.figure('bytes', 'evicted_size'), 0)
        left = s.search('bytes', 'w7', '-k', 20)['hits']
        before = self.figure('bytes', 'products')
        s.souk('delete', 'bytes', *[h['id'] for h in left])
        wait_until(lambda: self.figure('bytes', 'products') == before - len(left), 5, 'deletes pass')

    def test_what_would_reach_into_the_reserve_is_refused(self):
        s = self.server
        create(s, 'tight', max_bytes=100000)
        long = ' '.join(f'w{k}' for k in range(25000))[:75000]
        for name in 'ab':  # the second takes the place of the first
            s.souk('put', 'tight', json.dumps({'id': name, 'title': long, 'price': 1}), '--ack', 'visible')
        wait_until(lambda: self.figure('tight', 'products') == 1, 5)
        done = s.run('put', 'tight', json.dumps({'id': 'c', 'title': long + long[:22000], 'price': 1}), check=False)
        self.assertIn('TOO_LARGE', (done.stdout + done.stderr).upper().replace(' ', '_'))
        self.assertEqual(self.figure('tight', 'products'), 1, 'what was given up for it stays')
        s.souk('put', 'tight', json.dumps({'id': 'd', 'title': 'lamp', 'price': 1}), '--ack', 'visible')
        s.souk('delete', 'tight', 'b')
        wait_until(lambda: self.figure('tight', 'products') == 1, 5)


if __name__ == '__main__':
    unittest.main()
