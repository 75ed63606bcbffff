#!/usr/bin/env python3
"""The canary of pushes: it runs, it is told, nobody else sees it, and it notices."""
import json
import os
import signal
import time
import unittest

from souk_system import Server, wait_until
from test_eviction import create, lines

OWN = '\x01souk:canary'


class Canary(unittest.TestCase):
    def setUp(self):
        self.server = Server(options=['canary.interval=300ms', 'canary.limit=3s']).start()
        create(self.server, 'shop')
        create(self.server, 'tight', max_products=10)

    def tearDown(self):
        self.server.stop()
        self.server.remove()

    def figure(self, name, catalog='shop'):
        return self.server.stats(server=self.server.admin).get(f'catalog.{catalog}.{name}')

    def test_it_runs_in_every_catalog_and_nobody_sees_it(self):
        s = self.server
        s.import_lines('shop', lines(0, 50))
        s.import_lines('tight', lines(0, 10))
        wait_until(lambda: self.figure('canary.push') == 'ok', 10, 'it was pushed, found and gone')
        runs = self.figure('canary.push_runs')
        self.assertGreater(self.figure('canary.push_us'), 0)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            r = s.search('shop', '', '--count-to', 0, '-k', 100)
            self.assertEqual((r['found'], len(r['hits'])), (50, 50))
            self.assertNotIn(OWN, [h['id'] for h in r['hits']])
            self.assertEqual(self.figure('products'), 50)
            self.assertEqual(s.souk('export', '--catalog', 'shop').count('\n'), 50)
            self.assertEqual(s.run('get', 'shop', OWN, check=False).returncode, 4)
        self.assertGreater(self.figure('canary.push_runs'), runs)
        self.assertEqual(self.figure('canary.push_failures'), 0)
        # what it leaves behind is removed and counted for nobody; a full catalog loses nothing to it
        self.assertEqual((self.figure('evicted_ttl'), self.figure('evicted_size', 'tight')), (0, 0))
        self.assertEqual((self.figure('products', 'tight'), s.search('tight', 'lamp')['found']), (10, 10))
        refused = s.run('put', 'shop', json.dumps({'id': OWN, 'title': 'mine'}), check=False)
        self.assertIn('own', refused.stdout + refused.stderr)

    def test_a_stopped_writer_is_noticed_and_so_is_its_return(self):
        s = self.server
        wait_until(lambda: self.figure('canary.push') == 'ok', 10)
        # read-only by a damaged log would do as well; a full disk too: here nothing is acknowledged
        s.souk('catalog', 'drop', 'tight')
        for _ in range(150):
            try:
                os.kill(s.pid('writer 0'), signal.SIGSTOP)
            except (KeyError, ProcessLookupError):
                pass
            time.sleep(0.2)
            if self.figure('canary.push') == 'failed':
                break
        self.assertEqual(self.figure('canary.push'), 'failed')
        wait_until(lambda: self.figure('canary.push') == 'ok', 20, 'well again')
        self.assertGreater(self.figure('canary.push_failures'), 0)


if __name__ == '__main__':
    unittest.main()
