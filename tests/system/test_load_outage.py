#!/usr/bin/env python3
"""The recipe "outage under load" of docs/load-testing.md: an upstream that goes away, a front that is killed."""
import json
import os
import subprocess
import tempfile
import threading
import unittest

from souk_system import BIN, SLACK, Server, wait_until
from souk_upstream import QUICK, BadUpstream, create, define, products

LOAD = os.path.join(BIN, 'souk-load')


class Outage(unittest.TestCase):
    def setUp(self):
        self.queries = tempfile.NamedTemporaryFile('w', suffix='.tsv')
        self.queries.write('red shoe\nblue boot\nshoe\n')
        self.queries.flush()

    def tearDown(self):
        self.queries.close()

    def load(self, server, *arguments):
        done = subprocess.run([LOAD, '--server', server.address, '--catalog', 'products', '--queries', self.queries.name, '--class', 'critical',
                               '--verify', '--json', *arguments], capture_output=True, text=True, timeout=60 * SLACK)
        self.assertIn(done.returncode, (0, 8), done.stderr)
        return json.loads(done.stdout), done.returncode

    def test_without_the_upstream_every_search_is_answered_and_labelled(self):
        with Server(fronts=1) as server:
            create(server, 'products')
            up = BadUpstream(products(200), cache='max-age=2, stale-while-revalidate=1, stale-if-error=600')
            define(server, 'products', 'main', {k: v for k, v in up.definition(**QUICK).items() if v is not None})
            wait_until(lambda: server.search('products')['found'] == 200, 10, 'the catalog is in step')
            timer = threading.Timer(2, up.stop)
            timer.start()
            r, code = self.load(server, '--rate', '200', '--duration', '9', '--deadline', '2000', '--threshold', 'critical.errors<0.1%')
            timer.join()
        self.assertEqual(code, 0, (r['errors'], r['thresholds']))
        self.assertEqual(r['verify']['wrong'], 0, r['verify'])
        shares = [i['stale_if_error'] / i['hits'] for i in r['intervals'] if i['hits']]
        self.assertEqual(shares[0], 0)
        self.assertEqual(shares[-1], 1)

    def test_a_killed_front_costs_what_was_under_way_on_it(self):
        with Server(fronts=2) as server:
            server.import_lines('products', products(200).values())
            timer = threading.Timer(2, server.kill_child, ('front 0',))
            timer.start()
            r, _ = self.load(server, '--rate', '400', '--duration', '4', '--timeout', '3000')
            timer.join()
        self.assertLessEqual(set(r['errors']), {'DISCONNECTED', 'UNCONNECTED'})
        self.assertLess(r['requests']['failed'], 40)
        self.assertGreater(r['tester']['reconnects'], 0)
        self.assertEqual(r['verify']['wrong'], 0, r['verify'])


if __name__ == '__main__':
    unittest.main()
