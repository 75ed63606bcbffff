#!/usr/bin/env python3
"""Time: steps of the machine's clock and a stopped machine neither expire nor revive anything."""
import json
import os
import signal
import struct
import tempfile
import time
import unittest

from souk_system import BIN, Server, wait_until
from test_eviction import create, lines

PRELOAD = os.path.join(BIN, '..', 'tests', 'libsouk_wall_clock.so')
HOUR = 3600
# A stop of a minute is what is asked for; a shorter one shows the same and is kept for every day.
PAUSE = 60 if os.environ.get('SOUK_LONG') else 4


@unittest.skipUnless(os.path.exists(PRELOAD), 'the preloaded clock is not built')
class Clock(unittest.TestCase):
    def setUp(self):
        fd, self.file = tempfile.mkstemp()
        os.write(fd, struct.pack('=q', 0))
        os.close(fd)
        env = {'LD_PRELOAD': PRELOAD, 'SOUK_TEST_CLOCK': self.file, 'ASAN_OPTIONS': 'verify_asan_link_order=0:detect_leaks=0'}
        self.server = Server(env=env).start()
        create(self.server, 'shop')

    def tearDown(self):
        self.server.stop()
        self.server.remove()
        os.unlink(self.file)

    def step(self, seconds):
        """The machine's clock is now this far from the true one."""
        with open(self.file, 'r+b') as f:
            f.write(struct.pack('=q', int(seconds * 1e9)))

    def found(self, words='lamp'):
        return self.server.search('shop', words, '--count-to', 0, '--no-cache', '--match', 'all', '--typos', 'off')

    def test_steps_of_an_hour_expire_and_revive_nothing(self):
        s = self.server
        s.import_lines('shop', lines(0, 200), '--ttl', 600000)
        s.souk('safe-mode', 'on', '--catalog', 'shop')  # so that what expired stays and could come back
        s.import_lines('shop', lines(1000, 50), '--ttl', 300)
        wait_until(lambda: self.found()['found'] == 200, 5)
        for at, offset in enumerate((HOUR, -HOUR, 400 * 24 * HOUR, 0), 1):
            self.step(offset)
            wait_until(lambda: s.stats()['server.clock_steps'] == at, 5, 'the step is counted')
            r = self.found()
            self.assertEqual((r['found'], r['freshness']['fresh']), (200, len(r['hits'])))
            self.assertLess(r['oldest_age_ms'], 60000)
            # what comes now lives as long as it should
            before = time.monotonic()
            s.souk('put', 'shop', json.dumps({'id': 'new', 'title': f'stool {at}', 'price': 1}), '--ttl', 2000, '--ack', 'visible')
            hit = self.found(f'stool {at}')['hits'][0]
            self.assertEqual((hit['freshness'], hit['age_ms'] < 2000, hit.get('future')), ('fresh', True, None))
            wait_until(lambda: self.found(f'stool {at}')['found'] == 0, 5)
            self.assertTrue(1.8 < time.monotonic() - before < 8)
        self.assertIn('jumped', s.log_text())
        self.assertEqual(s.children()['writer 0'], s.pid('writer 0'))
        s.souk('safe-mode', 'off', '--catalog', 'shop')
        wait_until(lambda: s.stats()['catalog.shop.products'] == 200, 5, 'what expired is removed, nothing else')

    def test_a_start_with_the_clock_behind_shows_ages_of_zero_and_flags_them(self):
        s = self.server
        s.import_lines('shop', lines(0, 20), '--ttl', 600000)
        s.stop()
        self.step(-HOUR)
        s.start()
        r = self.found()
        self.assertEqual((r['found'], r['oldest_age_ms']), (20, 0))
        self.assertTrue(all(h['future'] and h['age_ms'] == 0 and h['freshness'] == 'fresh' for h in r['hits']))
        # the next push is stamped by the clock as it is, and right again
        s.souk('put', 'shop', json.dumps({'id': 'p1', 'title': 'lamp number 1', 'price': 1}), '--ack', 'visible')
        self.assertNotIn('future', [h for h in self.found('1')['hits'] if h['id'] == 'p1'][0])

    def test_a_machine_that_was_stopped_has_right_ages_and_all_its_processes(self):
        s = self.server
        s.import_lines('shop', lines(0, 100), '--ttl', 600000)
        s.import_lines('shop', lines(1000, 100), '--ttl', 1500, '--sie', PAUSE * 1000 + 600000)
        s.import_lines('shop', lines(2000, 100), '--ttl', 1500, '--sie', 1500)
        before, pids = s.children(), [s.process.pid, *s.children().values()]
        start = time.monotonic()
        self.assertEqual(self.found()['found'], 300)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(PAUSE)
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)
        r = s.search('shop', 'lamp', '--count-to', 0, '--no-cache', '-k', 300)
        passed = (time.monotonic() - start) * 1000
        self.assertEqual(r['found'], 200)
        self.assertEqual((r['freshness']['fresh'], r['freshness']['stale_if_error']), (100, 100))
        self.assertTrue(PAUSE * 1000 <= r['oldest_age_ms'] <= passed + 5000)
        time.sleep(0.5)
        self.assertEqual(s.children(), before, 'nobody was taken for dead')
        s.souk('put', 'shop', json.dumps({'id': 'x', 'title': 'stool', 'price': 1}), '--ack', 'visible')
        self.assertEqual(self.found('stool')['found'], 1)


if __name__ == '__main__':
    unittest.main()
