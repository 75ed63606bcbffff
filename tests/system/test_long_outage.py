#!/usr/bin/env python3
"""Ten minutes without an upstream, under a load of searches, over the real processes.

Products age SPEED times as fast (SOUK_FAST_TIME in server/shared.c), so that all states of ten minutes pass in half of one; what
does not age goes by the real clock, for half a millisecond of waiting must stay half a millisecond to admission, to
timeouts and to what is measured. Breakers are given a twentieth of their times instead, so that they too live through ten
minutes: 0.25 s open at first, 15 at most.

No search fails, what is stale says so, what is past its limit is gone, the dead upstream is asked seldom, safe mode is
entered and left, and all is fresh again after. The same checks find the faults of two test builds.
"""
import json
import os
import subprocess
import tempfile
import threading
import time
import unittest

from souk_system import BIN, SLACK, Server, wait_until
from souk_upstream import BadUpstream, create, define, products, upstream
from souk_wire import Connection, hits, tlv

BUILDS = os.path.join(os.path.dirname(BIN), 'tests')
SPEED, OUTAGE_S = 20, 600  # seconds of a product's time
TTL, SWR, LONG_SIE, SHORT_SIE = 60, 30, 86400, 240
COUNT, RATE = 300, 400  # searches a second for each of two catalogs
LAG = SPEED * SLACK  # a second of ours
FRESH, STALE, STALE_IF_ERROR, EXPIRED = range(4)
BREAKER = {'breaker_open_ms': 250, 'breaker_open_max_ms': 15000}


@unittest.skipUnless(os.path.exists(f'{BUILDS}/soukd_fast_none'), 'the test builds are not built')
class LongOutage(unittest.TestCase):
    outage_s, fault = OUTAGE_S, 'none'

    def setUp(self):
        self.server = Server(soukd=f'{BUILDS}/soukd_fast_{self.fault}').start()
        self.ups, self.reports = {}, {}
        self.queries = tempfile.NamedTemporaryFile('w', suffix='.tsv')
        self.queries.writelines(f'{i}\tshoe {i % COUNT}\n' for i in range(1000))
        self.queries.flush()

    def tearDown(self):
        for up in self.ups.values():
            up.stop()
        self.server.stop()
        self.server.remove()
        self.queries.close()

    def catalog(self, name, sie):
        up = BadUpstream({**products(COUNT), 'canary': {'id': 'canary', 'title': 'bird'}},
                         cache=f'max-age={TTL}, stale-while-revalidate={SWR}, stale-if-error={sie}')
        self.ups[name] = up
        create(self.server, name)
        define(self.server, name, 'main', up.definition(**BREAKER, canary='canary', poll_ms=500))
        wait_until(lambda: upstream(self.server, name)['providers'][0]['in_step'], 20, 'in step')
        wait_until(lambda: self.look(name)[FRESH] == COUNT, 20, 'visible')

    def look(self, name):
        """Hits by state."""
        states = [0] * 4
        with Connection(('127.0.0.1', self.server.port)) as c:
            for h in hits(c.search(name, 'shoe', tlv('SEARCH', 'K', COUNT) + tlv('SEARCH', 'IDS_ONLY', 1))):
                states[h.freshness] += 1
        return states

    def load(self, name, seconds):
        done = subprocess.run([os.path.join(BIN, 'souk-load'), '-s', self.server.address, '-c', name, '-q', self.queries.name, '-r', str(RATE),
                               '-d', str(seconds), '-C', '8', '--deadline', '5000', '--timeout', '20000', '--no-cache', '--json', '--quiet'],
                              capture_output=True, text=True, timeout=300 * SLACK)
        self.reports[name] = json.loads(done.stdout) if done.stdout.startswith('{') else done.stderr

    def age(self):
        """How long the upstreams are dead, in a product's time."""
        return (time.monotonic() - self.dead) * SPEED

    def judge(self, name, age, late, states):
        """What was seen `age` after the last confirmation could come, by a look that took `late`."""
        self.assertEqual(states[EXPIRED], 0, 'an expired hit was shown')
        if age > TTL + LAG:
            self.assertEqual(states[FRESH], 0, 'stale hits said fresh')
        if name == 'kept':
            self.assertEqual(sum(states), COUNT, 'products went missing')
        elif age > TTL + SHORT_SIE + LAG:
            self.assertEqual(sum(states), 0, 'shown past the limit')
        elif age + late < 0.9 * TTL + SHORT_SIE - LAG - TTL:
            self.assertEqual(sum(states), COUNT, 'products went missing')

    def watch(self):
        safe = set()
        while (age := self.age()) < self.outage_s:
            for name in self.ups:
                began = self.age()
                states = self.look(name)
                self.judge(name, began, self.age() - began, states)
            safe.add(upstream(self.server, 'kept')['safe_mode'])
            time.sleep(0.1)
        return safe, age / SPEED

    def asked_seldom(self, before, lasted):
        for name in self.ups:
            told = upstream(self.server, name)
            retries, calls = (told[what] - before[name][what] for what in ('retries', 'calls'))
            self.assertLessEqual(retries, 0.1 * (calls - retries) + lasted + 10)
            self.assertLess(calls, 2 * lasted + 20, 'a dead upstream is asked seldom')
            self.assertEqual(told['state'], 'down')
            self.assertIn(told['providers'][0]['breaker'], ('open', 'half_open'))

    def outage(self):
        self.catalog('kept', LONG_SIE)
        self.catalog('short', SHORT_SIE)
        before = {name: upstream(self.server, name) for name in self.ups}
        loads = [threading.Thread(target=self.load, args=(name, self.outage_s // SPEED)) for name in self.ups]
        for up in self.ups.values():
            up.stop()
        self.dead = time.monotonic()
        for t in loads:
            t.start()
        try:
            safe, lasted = self.watch()
        finally:
            for t in loads:
                t.join()
        self.assertIn('upstream', safe, 'safe mode was entered')
        self.asked_seldom(before, lasted)
        for report in self.reports.values():
            self.assertIsInstance(report, dict, report)
            sent = report['requests']
            self.assertGreater(sent['ok'], 0.9 * RATE * self.outage_s / SPEED)
            self.assertEqual(sent['ok'], sent['sent'], report['errors'])

    def test_ten_minutes_without_an_upstream(self):
        self.outage()
        for up in self.ups.values():
            up.listen()
        wait_until(lambda: self.look('kept')[FRESH] == COUNT, 60, 'all is fresh again')
        wait_until(lambda: self.look('short')[FRESH] == COUNT, 60, 'what was gone is back')
        wait_until(lambda: upstream(self.server, 'kept')['safe_mode'] == 'off', 60, 'safe mode is left')


class Injected(unittest.TestCase):
    """soukd with one fault built in, for a part of the time."""

    def found(self, fault):
        run = type(fault, (LongOutage,), {'outage_s': 120, 'fault': fault})('outage')
        run.setUp()
        try:
            run.outage()
        except AssertionError as e:
            return str(e)
        finally:
            run.tearDown()
        return 'nothing'

    def test_unlabelled_stale_hits_are_found(self):
        self.assertIn('stale hits said fresh', self.found('unlabelled_stale'))

    def test_an_early_expiry_is_found(self):
        self.assertIn('products went missing', self.found('early_expiry'))


if __name__ == '__main__':
    unittest.main()
