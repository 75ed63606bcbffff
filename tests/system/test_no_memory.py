#!/usr/bin/env python3
"""Allocations fail by chance while products are written and searched: nothing acknowledged is lost, no process falls."""
import json
import os
import random
import struct
import tempfile
import threading
import time
import unittest

from souk_system import BIN, SEED, Server, wait_until
from test_eviction import create, lines

PRELOAD = os.path.join(BIN, '..', 'tests', 'libsouk_no_memory.so')
CLEAN = {'LD_PRELOAD': ''}  # for the souk command: its memory is its own matter
SECONDS = 30 if os.environ.get('SOUK_LONG') else 5
QUERIES = [('lamp',), ('lmap number',), ('', '--filter', 'price < 100', '--facet', 'price'), ('lamp nubmer 7', '--explain'),
           ('"lamp number"', '--sort', 'price:desc'), ('lam', '-k', 100), ('lamp', '--highlight', 'title')]


@unittest.skipUnless(os.path.exists(PRELOAD), 'the preloaded allocator is not built')
class NoMemory(unittest.TestCase):
    def setUp(self):
        fd, self.file = tempfile.mkstemp()
        os.close(fd)
        self.fails_one_in(0)
        self.server = Server(env={'LD_PRELOAD': PRELOAD, 'SOUK_TEST_NO_MEMORY': self.file}).start()
        self.acked, self.wrong, self.counts = set(), [], {}
        create(self.server, 'shop')
        self.server.import_lines('shop', lines(0, 3000))

    def tearDown(self):
        self.server.stop()
        self.server.remove()
        os.unlink(self.file)

    def fails_one_in(self, n):
        with open(self.file, 'r+b') as f:
            f.write(struct.pack('=q', n))

    def ask(self, what, *words):
        """Done, or refused with an error that says so."""
        done = self.server.run(what, 'shop', *words, '--json', check=False, env=CLEAN)
        told = done.stdout + done.stderr
        if done.returncode and not any(code in told for code in ('NO_MEMORY', 'UNAVAILABLE', 'OVERLOADED')):
            self.wrong.append((what, words, done.returncode, told[:300]))
        kind = (what, done.returncode == 0)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return done

    def search(self, seed, until):
        dice = random.Random(seed)
        while time.monotonic() < until:
            self.ask('search', *dice.choice(QUERIES), '--no-cache')

    def write(self, number, until):
        while time.monotonic() < until:
            number += 1
            product = lines(number, 1)[0]
            if self.ask('put', json.dumps(product)).returncode == 0:
                self.acked.add(product['id'])

    def test_nothing_acknowledged_is_lost_and_nobody_falls(self):
        s = self.server
        for one_in in (300, 50):
            self.fails_one_in(one_in)
            until = time.monotonic() + SECONDS
            work = [threading.Thread(target=self.search, args=(SEED + i, until)) for i in range(3)]
            work += [threading.Thread(target=self.write, args=(one_in * 1000000 + i * 100000, until)) for i in range(2)]
            for t in work:
                t.start()
            for t in work:
                t.join()
            self.fails_one_in(0)
            # all is as ever again, by itself
            last = lines(one_in, 1)[0]
            wait_until(lambda: s.run('put', 'shop', json.dumps(last), '--ack', 'visible', check=False, env=CLEAN).returncode == 0, 10)
            self.assertEqual(s.stats()['catalog.shop.write_state'], 0)
        self.assertEqual(self.wrong, [])
        for what in ('search', 'put'):
            self.assertGreater(self.counts[what, True], 20)
        self.assertGreater(sum(n for (_, good), n in self.counts.items() if not good), 0, 'nothing failed: no test')
        lost = [i for i in self.acked if s.run('get', 'shop', i, check=False, env=CLEAN).returncode]
        self.assertEqual(lost, [])
        self.assertNotIn('was killed', s.log_text())
        s.stop()
        self.assertIn('sound', s.check_data())
        s.start()


if __name__ == '__main__':
    unittest.main()
