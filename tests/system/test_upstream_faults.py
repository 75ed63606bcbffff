#!/usr/bin/env python3
"""The failure matrix of upstreams: each fault is one catalog with an upstream of its own; all of them fail at the
same time under steady searches, then all come back. Each test looks at what its catalog went through.

In each: no search failed; no stale hit said fresh; no expired hit; one question about a product at a time; tries
within the budget; nothing of a bad answer is believed; the breaker as specified; everything fresh again after.
"""
import collections
import os
import shutil
import tempfile
import threading
import time
import unittest

from souk_system import BIN, PATIENCE, SLACK, Server, wait_until
from souk_upstream import POISON, QUICK, BadUpstream, certificates, create, define, products, upstream
from souk_wire import Connection, field, hits, tlv

TTL, FAULT_S, LAG = 2.0, 5.0, 1.0 * SLACK
SHORT_SIE = 3  # of the catalog whose products run out while its upstream is away
FRESH, STALE, STALE_IF_ERROR, EXPIRED = range(4)
COUNT = 12
OPEN = {'open', 'half_open'}
HUGE = b'{"id": "p0", "title": "' + b'x' * 200000 + b'"}'
DEEP = b'[' * 5000 + b']' * 5000

# name -> (what the upstream does, states its breaker must come to)
FAULTS = {
    'refused': (lambda u: u.stop(), OPEN),
    'black_hole': (lambda u: u.black_hole(), OPEN),
    'no_first_byte': (lambda u: u.silent, OPEN),
    'silent_mid_body': (lambda u: u.mid_body, OPEN),
    'slow_drip': (lambda u: u.drip, OPEN),
    'status_500': (lambda u: u.status(500), OPEN),
    'status_502': (lambda u: u.status(502), OPEN),
    'status_503': (lambda u: u.status(503), OPEN),
    'status_504': (lambda u: u.status(504), OPEN),
    'status_429': (lambda u: u.status(429), OPEN),
    'status_429_retry_after': (lambda u: u.status(429, 'Retry-After: 8'), {'paused'}),
    'status_503_retry_after': (lambda u: u.status(503, 'Retry-After: 8'), {'paused'}),
    'status_401': (lambda u: u.status(401), {'closed'}),
    'redirect_loop': (lambda u: u.redirect, {'closed'}),
    'reset': (lambda u: u.reset, OPEN),
    'cut_body': (lambda u: u.cut, OPEN),
    'wrong_length': (lambda u: u.short_length, OPEN),
    'gzip_bomb': (lambda u: u.bomb, OPEN),
    'broken_gzip': (lambda u: u.broken_gzip, OPEN),
    'html_with_200': (lambda u: u.body(b'<html><body>maintenance</body></html>'), OPEN),
    'empty_with_200': (lambda u: u.body(b''), OPEN),
    'truncated_json': (lambda u: u.text(lambda t: t[:-8]), OPEN),
    'duplicate_key': (lambda u: u.text(lambda t: t[:-1] + b', "title": "twice"}'), OPEN),
    'invalid_utf8': (lambda u: u.text(lambda t: t[:-1] + b', "brand": "\xff\xfe"}'), OPEN),
    'huge_json': (lambda u: u.body(HUGE), OPEN),
    'deep_json': (lambda u: u.body(DEEP), OPEN),
    'wrong_type': (lambda u: u.text(lambda t: t[:-1].replace(b'"price"', b'"x"') + b', "price": "cheap"}'), OPEN),
    'other_product': (lambda u: u.other_product, OPEN),
    'bogus_304': (lambda u: u.bogus_304, OPEN),
    'expired_certificate': ('expired', OPEN),
    'wrong_host_certificate': ('other', OPEN),
    'self_signed_certificate': ('self_signed', OPEN),
    'old_tls': ('old', OPEN),
    'silent_handshake': ('silent', OPEN),
    'cut_handshake': ('cut', OPEN),
    'flapping': (lambda u: u.flapping, OPEN | {'closed'}),
    'one_in_ten': (lambda u: u.one_in_ten, {'closed'}),
    'past_its_limit': (lambda u: u.stop(), OPEN),
}


class Watch:
    """What the searches of one catalog saw."""

    def __init__(self):
        self.searches = self.failed = self.unlabelled = self.expired = self.poisoned = 0
        self.states = collections.Counter()
        self.errors = collections.Counter()
        self.least = COUNT


class UpstreamFaults(unittest.TestCase):
    faults, soukd, lag, recovery_s = FAULTS, None, LAG, 60

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='souk-faults-')
        cls.certificates = certificates(cls.folder)
        cls.server = Server(soukd=cls.soukd).start()
        cls.upstreams, cls.watches, cls.reports, cls.seconds = {}, {name: Watch() for name in cls.faults}, {}, {}
        try:
            cls.prepare()
            cls.suffer()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()
        for up in cls.upstreams.values():
            up.stop()
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def prepare(cls):
        for name, (fault, _) in cls.faults.items():
            tls = cls.certificates['good'] if isinstance(fault, str) else None
            sie = SHORT_SIE if name == 'past_its_limit' else 600
            up = BadUpstream({**products(COUNT), 'canary': {'id': 'canary', 'title': 'bird'}}, tls=tls,
                             cache=f'max-age={TTL:g}, stale-while-revalidate=1, stale-if-error={sie}')
            cls.upstreams[name] = up
            create(cls.server, name)
            define(cls.server, name, 'main', up.definition(**QUICK, ca_file=cls.certificates['ca'], batch=1))
        for name in cls.faults:
            wait_until(lambda: upstream(cls.server, name)['providers'][0]['in_step'], 20, f'{name} is in step')
            wait_until(lambda: cls.looked_at(name) == COUNT, 20, f'{name} is visible')

    @classmethod
    def suffer(cls):
        cls.stopping = False
        # one whose products run out is looked at all the time, however long a round over the others takes
        brief = [name for name in cls.faults if name == 'past_its_limit']
        searching = [threading.Thread(target=cls.search, args=(names,)) for names in (sorted(set(cls.faults) - set(brief)), brief) if names]
        for t in searching:
            t.start()
        threading.Thread(target=cls.measure_stalls, daemon=True).start()
        time.sleep(TTL + 0.5)  # everything was revalidated once
        cls.before = {name: upstream(cls.server, name) for name in cls.faults}
        cls.start = time.monotonic()
        for name, (fault, _) in cls.faults.items():
            up = cls.upstreams[name]
            up.since = time.monotonic()
            if isinstance(fault, str):
                up.tls = cls.certificates[fault]
                up.hang_up()
            else:
                up.mode = fault(up) or up.mode
        cls.watch_breakers()
        for name, up in cls.upstreams.items():
            up.tls = cls.certificates['good'] if up.tls else None
            up.mode = up.good
            up.listen()
        back = time.monotonic()
        cls.recovered, renewed = set(), {name: set() for name in cls.faults}
        end = time.monotonic() + cls.recovery_s * SLACK
        while time.monotonic() < end and len(cls.recovered) < len(cls.faults):
            for name in set(cls.faults) - cls.recovered:
                # confirmed since: a look may come late for the moment in which it was fresh
                renewed[name] |= cls.confirmed_ids(name, time.monotonic() - back)
                if len(renewed[name]) == COUNT:
                    cls.recovered.add(name)
            time.sleep(0.05)
        cls.stopping = True
        for t in searching:
            t.join(10 * SLACK)

    @classmethod
    def measure_stalls(cls):
        """How much later than it wanted to a thread runs here: an answer is taken in that much later, in three steps."""
        while not cls.stopping:
            start = time.monotonic()
            time.sleep(0.01)
            cls.lag = max(cls.lag, LAG + 3 * (time.monotonic() - start - 0.01))

    @classmethod
    def watch_breakers(cls):
        """Looks at all until each breaker has come to the state it must be in and FAULT_S are over; on a machine that has
        no time for us the calls that open one come late. What is reported is the first right look behind FAULT_S."""
        waiting, end = set(cls.faults), cls.start + FAULT_S * PATIENCE * SLACK
        time.sleep(FAULT_S)
        while waiting:
            for name in sorted(waiting, key=lambda n: 'retry_after' not in n):  # those pauses end soon
                cls.reports[name] = upstream(cls.server, name)
                cls.seconds[name] = time.monotonic() - cls.start
                right = cls.reports[name]['providers'][0]['breaker'] in FAULTS[name][1] and (
                    FAULTS[name][1] != OPEN or cls.reports[name]['state'] == 'down')
                ran_out = name != 'past_its_limit' or cls.watches[name].least == 0
                if (right and ran_out) or time.monotonic() > end:
                    waiting.discard(name)
            time.sleep(0.05)

    @classmethod
    def looked_at(cls, name):
        """How many products are there; what ran out while the others were made ready comes back by a GET."""
        with Connection(('127.0.0.1', cls.server.port)) as c:
            found = len(hits(c.search(name, 'shoe', tlv('SEARCH', 'K', 100))))
            if found < COUNT:
                c.call('GET', tlv('GET', 'CATALOG', name) + b''.join(tlv('GET', 'ID', f'p{i}') for i in range(COUNT)))
        return found

    @classmethod
    def confirmed_ids(cls, name, seconds):
        with Connection(('127.0.0.1', cls.server.port)) as c:
            found = hits(c.search(name, 'shoe', tlv('SEARCH', 'K', 100)))
        return {h.id for h in found if h.age_ms < 1000 * seconds}

    @classmethod
    def search(cls, names):
        extra = tlv('SEARCH', 'K', 100) + tlv('SEARCH', 'IDS_ONLY', 1)
        with Connection(('127.0.0.1', cls.server.port)) as c:
            while not cls.stopping:
                for name in names:
                    cls.one_search(c, name, extra)
                time.sleep(0.02)

    @classmethod
    def one_search(cls, c, name, extra):
        w, up = cls.watches[name], cls.upstreams[name]
        w.searches += 1
        now = time.time()  # what is told is at least as late as this
        try:
            body = c.search(name, 'shoe', extra)
            w.poisoned += field(c.search(name, POISON, tlv('SEARCH', 'MATCH', 0)), 'HITS', 'FOUND', 0) > 0
        except Exception as e:  # noqa: BLE001  whatever it is, the search failed
            w.failed += 1
            w.errors[str(e)[:80]] += 1
            return
        found = hits(body)
        w.least = min(w.least, len(found))
        for h in found:
            age = now - up.good_at.get(h.id, now)
            w.states[h.freshness] += 1
            w.unlabelled += h.freshness == FRESH and age > TTL + cls.lag
            w.expired += h.freshness == EXPIRED or age > TTL + (SHORT_SIE if name == 'past_its_limit' else 600) + cls.lag

    # --- what holds in each -----------------------------------------------------------------------

    def check(self, name):
        w, up, report = self.watches[name], self.upstreams[name], self.reports[name]
        provider, before = report['providers'][0], self.before[name]
        self.assertGreater(w.searches, 50)
        self.assertEqual(w.failed, 0, w.errors)
        self.assertEqual(w.unlabelled, 0, 'stale hits said fresh')
        self.assertEqual(w.expired, 0, 'expired hits')
        self.assertEqual(w.poisoned, 0, 'something of a bad answer was believed')
        if name != 'past_its_limit':
            self.assertEqual(w.least, COUNT, 'products went missing')
        self.assertLessEqual(max(up.most_flying.values(), default=0), 1, 'two questions about one product')
        calls, retries = report['calls'] - before['calls'], report['retries'] - before['retries']
        self.assertLessEqual(retries, 0.1 * (calls - retries) + self.seconds[name] + 1.5)
        self.assertIn(provider['breaker'], FAULTS[name][1], provider['error'])
        if FAULTS[name][1] == OPEN:
            self.assertEqual(report['state'], 'down')
            self.assertLess(calls, 12 * max(self.seconds[name], FAULT_S), 'an open breaker calls all the same')
        self.assertLessEqual(provider['opens'], 1 + self.seconds[name] / (QUICK['breaker_open_ms'] / 1000 / 4))
        if name not in ('flapping', 'one_in_ten'):
            self.assertGreater(w.states[STALE_IF_ERROR], 0)
        self.assertIn(name, self.recovered, f'not fresh again: {upstream(self.server, name)}')


def add(name):
    def test(self):
        self.check(name)
    setattr(UpstreamFaults, f'test_{name}', test)


for _name in FAULTS:
    add(_name)


def test_past_its_limit(self):
    self.check('past_its_limit')
    self.assertEqual(self.watches['past_its_limit'].least, 0, 'products were shown past their limit')


def test_one_in_ten_keeps_products_fresh(self):
    w = self.watches['one_in_ten']
    self.assertGreater(5 * w.states[FRESH], w.states[STALE] + w.states[STALE_IF_ERROR])


UpstreamFaults.test_past_its_limit = test_past_its_limit
UpstreamFaults.test_one_in_ten_keeps_products_fresh = test_one_in_ten_keeps_products_fresh

class Injected(unittest.TestCase):
    """soukd with one fault built in: the same checks must find it."""

    def found(self, fault, what):
        run = type(fault, (UpstreamFaults,), {'faults': {what: FAULTS[what]}, 'recovery_s': 1, 'soukd': os.path.join(
            os.path.dirname(BIN), 'tests', f'soukd_{fault}')})
        run.setUpClass()
        try:
            run('check').check(what)
        except AssertionError as e:
            return str(e)
        finally:
            run.tearDownClass()
        return 'nothing'

    def test_each_is_found(self):
        wanted = {'unlabelled_stale': ('status_500', 'stale hits said fresh'),
                  'second_fetch': ('no_first_byte', 'two questions about one product'),
                  'early_expiry': ('status_500', 'products went missing')}
        told = {}
        threads = [threading.Thread(target=lambda f=f, w=w: told.update({f: self.found(f, w[0])}))
                   for f, w in wanted.items()]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for fault, (_, sentence) in wanted.items():
            self.assertIn(sentence, told.get(fault, ''), fault)


if __name__ == '__main__':
    unittest.main(verbosity=2 if os.environ.get('SOUK_VERBOSE') else 1)
