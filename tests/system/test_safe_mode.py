#!/usr/bin/env python3
"""Safe mode: by hand, kept over restarts, told in every reply, and what it holds back."""
import json
import time
import unittest

from souk_system import Server, wait_until
from souk_upstream import QUICK, BadUpstream, define, products, upstream
from test_eviction import create, lines


class SafeMode(unittest.TestCase):
    def setUp(self):
        self.server = Server().start()
        create(self.server, 'shop')

    def tearDown(self):
        self.server.stop()
        self.server.remove()

    def status(self):
        return json.loads(self.server.souk('safe-mode', 'status', '--catalog', 'shop', '--json'))

    def figure(self, name):
        return self.server.stats()[f'catalog.shop.{name}']

    def test_by_hand_it_is_told_kept_and_holds_eviction_back(self):
        s = self.server
        s.import_lines('shop', lines(0, 100))
        self.assertEqual(self.status()['safe_mode'], 'off')
        self.assertEqual(self.figure('safe_mode'), 'off')
        s.souk('safe-mode', 'on', '--catalog', 'shop', '--reason', 'the upstream moves house')
        s.import_lines('shop', lines(1000, 50), '--ttl', 200, '--swr', 200)
        told = self.status()
        self.assertEqual((told['safe_mode'], told['by_hand'], told['reason']), ('by_hand', True, 'the upstream moves house'))
        for server in (None, s.admin):
            self.assertEqual(s.search('shop', 'lamp', server=server)['safe_mode'], 'by_hand')
        self.assertEqual(json.loads(s.souk('get', 'shop', 'p1'))['safe_mode'], 'by_hand')
        self.assertEqual(self.figure('safe_mode'), 'by_hand')
        # expired is still never shown, but kept for the upstream's return
        wait_until(lambda: s.search('shop', 'lamp')['found'] == 100, 5, 'the expired are gone from view')
        time.sleep(0.5)
        self.assertEqual((self.figure('products'), self.figure('evicted_ttl')), (150, 0))
        wait_until(lambda: self.figure('expired') == 50, 8, 'they are counted as held')
        self.assertEqual((self.figure('fresh'), self.figure('stale')), (100, 0))
        # it outlives a restart and a kill of everything
        s.stop()
        s.start()
        self.assertEqual(self.status()['reason'], 'the upstream moves house')
        self.assertEqual(s.search('shop', 'lamp')['safe_mode'], 'by_hand')
        s.kill()
        s.start()
        self.assertEqual(s.search('shop', 'lamp')['safe_mode'], 'by_hand')
        self.assertGreater(self.status()['for_ms'], 0)
        # a push revives what was kept; off, and the rest goes
        s.souk('put', 'shop', json.dumps(lines(1000, 1)[0]), '--ttl', 600000, '--ack', 'visible')
        s.souk('safe-mode', 'off', '--catalog', 'shop')
        self.assertEqual(self.status()['safe_mode'], 'off')
        self.assertEqual(s.search('shop', 'lamp')['safe_mode'], 'off')
        wait_until(lambda: self.figure('products') == 101, 5, 'what expired is removed')
        self.assertEqual(self.figure('evicted_ttl'), 49)

    def test_stale_products_are_labelled_as_held_while_it_is_on(self):
        s = self.server
        s.souk('put', 'shop', json.dumps(lines(0, 1)[0]), '--ttl', 100, '--swr', 600000, '--ack', 'visible')
        wait_until(lambda: s.search('shop', 'lamp')['hits'][0]['freshness'] == 'stale', 5)
        s.souk('safe-mode', 'on', '--catalog', 'shop')
        self.assertEqual(s.search('shop', 'lamp')['hits'][0]['freshness'], 'stale_if_error')
        s.souk('safe-mode', 'off', '--catalog', 'shop')
        self.assertEqual(s.search('shop', 'lamp')['hits'][0]['freshness'], 'stale')

    def test_a_damaged_log_is_told_as_storage_and_reads_go_on(self):
        s = self.server
        s.import_lines('shop', lines(0, 100))
        s.stop()
        import glob
        log = sorted(glob.glob(f'{s.data}/catalogs/shop/log/*.log'))[0]
        with open(log, 'r+b') as f:  # in the middle, with whole records behind
            f.seek(200)
            f.write(b'\xff' * 64)
        s.start()
        wait_until(lambda: s.search('shop', 'lamp')['safe_mode'] == 'storage', 10, 'it is told')
        self.assertEqual(s.search('shop', 'lamp')['found'], 100)
        refused = s.run('put', 'shop', json.dumps(lines(0, 1)[0]), check=False)
        self.assertIn('READ_ONLY', refused.stderr)
        self.assertEqual((self.figure('safe_mode'), self.status()['by_storage']), ('storage', True))

    def test_it_follows_the_upstream_and_outlives_a_restart(self):
        s = self.server
        s.stop()
        s.arguments += ['--set', 'safe_mode.enter=300ms', '--set', 'safe_mode.leave=1500ms', '--set', 'canary.interval=500ms']
        s.start()
        up = BadUpstream(products(20), cache='max-age=1, stale-while-revalidate=1, stale-if-error=600')
        try:
            define(s, 'shop', 'main', up.definition(**QUICK))
            wait_until(lambda: s.search('shop', 'shoe')['found'] == 20, 15, 'synced')
            self.assertEqual(s.search('shop', 'shoe')['upstream'], 'ok')
            up.silence()
            wait_until(lambda: s.search('shop', 'shoe', '--no-cache')['safe_mode'] == 'upstream', 15, 'every provider is open')
            r = s.search('shop', 'shoe', '--no-cache', '-k', 20)
            self.assertEqual((r['found'], r['upstream'] in ('down', 'failing')), (20, True))
            wait_until(lambda: s.search('shop', 'shoe', '--no-cache', '-k', 20)['freshness'] == {'fresh': 0, 'stale': 0, 'stale_if_error': 20}, 5)
            self.assertEqual(self.status()['by_upstream'], True)
            s.stop()
            s.start()  # with every upstream dead: ready, answering, and it is still on
            r = s.search('shop', 'shoe', '--no-cache', '-k', 20)
            self.assertEqual((r['found'], r['safe_mode'], r['freshness']['stale_if_error']), (20, 'upstream', 20))
            up.listen()
            wait_until(lambda: s.search('shop', 'shoe', '--no-cache')['safe_mode'] == 'off', 25, 'well for long enough')
            wait_until(lambda: s.search('shop', 'shoe', '--no-cache')['freshness']['fresh'] > 0, 10, 'renewed')
            wait_until(lambda: upstream(s, 'shop').get('push_canary') == 'ok', 10, 'the canary is told there too')
            self.assertEqual(upstream(s, 'shop')['safe_mode'], 'off')
        finally:
            up.stop()

    def test_wrong_calls_are_refused(self):
        s = self.server
        self.assertEqual(s.run('safe-mode', 'on', check=False).returncode, 2)
        self.assertEqual(s.run('safe-mode', 'maybe', '--catalog', 'shop', check=False).returncode, 2)
        self.assertIn('UNKNOWN_CATALOG', s.run('safe-mode', 'on', '--catalog', 'none', check=False).stderr)


if __name__ == '__main__':
    unittest.main()
