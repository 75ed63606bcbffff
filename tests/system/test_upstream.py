#!/usr/bin/env python3
"""The fetcher against an upstream that is well: sync, changes, revalidation, read-through, single flight, leases,
failing over, operators, kills."""
import fcntl
import json
import os
import re
import signal
import tempfile
import threading
import time
import unittest

from souk_system import SLACK, SOURCE, Server, wait_until
from souk_upstream import QUICK, BadUpstream, LateHandshake, OneServer, certificates, create, define, products, upstream
from souk_wire import Connection, hits, tlv
from test_upstream_faults import FAULTS


class Upstream(OneServer):
    def up(self, content, name='main', cache='max-age=60', mode=None, synced=True, **more):
        up = BadUpstream(content, cache=cache)
        up.mode = getattr(up, mode or 'good')
        self.ups.append(up)
        options = {**QUICK, 'canary_ms': 60000, **more}
        definition = {k: v for k, v in up.definition(**options).items() if v is not None}
        define(self.server, self.catalog, name, definition)
        if synced:
            wait_until(lambda: self.provider(name)['in_step'], 10, 'in step')
            wait_until(lambda: self.found() == len(content), 5, 'all is visible')
        else:
            wait_until(lambda: self.provider(name), 10, 'known')
        return up

    def provider(self, name='main'):
        for p in upstream(self.server, self.catalog)['providers']:
            if p['name'] == name:
                return p
        return None

    def get(self, *ids, timeout=None):
        words = ['--timeout', timeout] if timeout else []
        out = self.server.run('get', self.catalog, *ids, *words, check=False).stdout
        return [json.loads(line) for line in out.splitlines()]

    def found(self, words=''):
        return self.server.search(self.catalog, words)['found']

    # --- sync and changes -------------------------------------------------------------------------

    def test_a_new_provider_is_followed_from_its_first_cursor(self):
        self.up(products(30))
        wait_until(lambda: self.found('shoe') == 30, 5)

    def test_changes_and_deletes_come_with_the_feed(self):
        up = self.up(products(10))
        up.products['p3'] = {'id': 'p3', 'title': 'blue boot'}
        del up.products['p4']
        up.changes.append(['p3', 'p4'])
        wait_until(lambda: self.found('boot') == 1 and self.found('shoe') == 8, 5)
        self.assertEqual(self.server.stats()[f'catalog.{self.catalog}.evicted_negative'], 1)

    def test_the_cursor_outlives_a_restart(self):
        up = self.up(products(10))
        self.server.stop()
        self.server.start()
        wait_until(lambda: (p := self.provider()) and p['in_step'], 10)
        pages = [path for _, path in up.calls if path.startswith('/changes/0')]
        self.assertEqual(len(pages), 1, 'the first page was asked for again')

    def test_an_operator_starts_the_feed_over(self):
        up = self.up(products(5))
        self.server.souk('upstream', 'refresh', self.catalog)
        wait_until(lambda: sum(path == '/changes/0' for _, path in up.calls) == 2, 5)

    # --- revalidation -----------------------------------------------------------------------------

    def test_a_product_is_fetched_once_in_min_refetch_ms_whatever_asks(self):
        up = self.up(products(2), min_refetch_ms=1000, changes=None, synced=False)
        self.get('p0')
        end = time.monotonic() + 4
        while time.monotonic() < end:
            self.server.souk('upstream', 'refresh', self.catalog, '--ids', 'p0')
            self.get('p0')
            time.sleep(0.05)
        times = [at for at, path in up.calls if 'p0' in up.ids_of(path)]
        gaps = [b - a for a, b in zip(times, times[1:])]
        self.assertGreaterEqual(len(times), 3)
        self.assertGreater(min(gaps), 0.9, gaps)

    def test_a_304_renews_without_a_new_product(self):
        self.up(products(3), cache='max-age=2, stale-while-revalidate=60', mode='etag', batch=1)
        end = time.monotonic() + 20 * SLACK
        while not self.provider()['not_modified'] and time.monotonic() < end:
            self.found('shoe')
            time.sleep(0.1)
        self.assertGreater(self.provider()['not_modified'], 0)
        wait_until(lambda: self.server.search(self.catalog, 'shoe')['freshness']['fresh'] == 3, 5)

    def test_a_page_of_the_cache_asks_for_its_stale_products_too(self):
        self.up(products(3), cache='max-age=1, stale-while-revalidate=600', batch=1)
        self.server.souk('upstream', 'pause', self.catalog, 'main')
        time.sleep(1.3)

        def page():
            return self.server.search(self.catalog, 'shoe')

        def asked():
            return int(upstream(self.server, self.catalog)['asked'])
        cached = wait_until(lambda: next((p for p in [page()] if p.get('cache') == 'hit'), None), 10, 'a page from the cache')
        self.assertEqual(cached['freshness']['fresh'], 0)
        before = asked()
        end = time.monotonic() + 20 * SLACK
        while asked() < before + 3 and time.monotonic() < end:
            if page().get('cache') != 'hit':  # computed anew: it asks too, so begin again behind it
                time.sleep(0.5)
                before = asked()
            time.sleep(0.1)
        self.assertGreaterEqual(asked(), before + 3)

    def test_many_products_share_a_call(self):
        up = self.up(products(40), cache='max-age=1, stale-while-revalidate=60', batch=20, rate=5)
        time.sleep(1.3)
        with Connection(('127.0.0.1', self.server.port)) as c:
            c.search(self.catalog, 'shoe', tlv('SEARCH', 'K', 100))

        def asked():
            many = [path for _, path in up.calls if path.startswith('/many')]
            return set(up.products) <= {i for path in many for i in up.ids_of(path)} and many
        self.assertTrue(any(path.count(',') >= 9 for path in wait_until(asked, 10)), up.calls)

    def test_the_rate_is_kept(self):
        up = self.up(products(60), cache='max-age=1, stale-while-revalidate=600', many=None, rate=10)
        time.sleep(1.2)
        with Connection(('127.0.0.1', self.server.port)) as c:
            c.search(self.catalog, 'shoe', tlv('SEARCH', 'K', 100))
        start = time.monotonic()
        time.sleep(2)
        calls = sum(path.startswith('/p/') and at > start for at, path in up.calls)
        self.assertLess(calls, 10 * (time.monotonic() - start) + 6)  # some may have been on their way
        self.assertGreater(calls, 5)

    def test_a_404_needs_a_second_one_to_remove_a_product(self):
        up = self.up(products(3), cache='max-age=1, stale-while-revalidate=60', many=None, batch=1)
        del up.products['p1']
        seen = []

        def gone():
            seen.append(self.found('shoe'))
            return seen[-1] == 2
        wait_until(gone, 15)
        asked = [at for at, path in up.calls if path == '/p/p1']
        self.assertGreaterEqual(len(asked), 2)
        self.assertGreaterEqual(asked[1] - asked[0], 0.5, 'the second question must not follow at once')

    def test_a_410_removes_at_once(self):
        up = self.up(products(3), cache='max-age=1, stale-while-revalidate=60', many=None, batch=1)
        gone = []

        def answer(conn, path, headers):
            gone.append(path)
            return up.status(410)(conn, path, headers)
        up.mode = answer
        wait_until(lambda: self.found('shoe') == 0, 10)
        time.sleep(0.3)
        self.assertEqual(gone.count('/p/p1'), 1)
        self.assertEqual(self.server.stats()[f'catalog.{self.catalog}.evicted_negative'], 3)

    # --- read-through -----------------------------------------------------------------------------

    def test_a_missing_product_is_read_through(self):
        up = self.up(products(2), changes=None, synced=False)
        got = self.get('p1')[0]
        self.assertEqual((got['freshness'], got['product']['title']), ('fresh', 'red shoe 1'))
        wait_until(lambda: self.found('shoe') == 1, 5, 'it is written through')
        self.assertEqual(sum(path != '/p/canary' for _, path in up.calls), 1)

    def test_not_found_is_remembered(self):
        up = self.up(products(2), changes=None, synced=False)
        for _ in range(5):
            self.assertEqual(self.get('nope')[0]['error'], 'NOT_FOUND')
        self.assertEqual(sum(path != '/p/canary' for _, path in up.calls), 1)

    def test_an_expired_product_is_read_through(self):
        up = self.up(products(2), cache='max-age=4, stale-while-revalidate=0, stale-if-error=0')
        wait_until(lambda: self.found('shoe') == 0, 5, 'they expire')
        up.products['p1']['title'] = 'new shoe'
        self.assertEqual(self.get('p1')[0]['product']['title'], 'new shoe')

    def test_read_through_works_without_the_writer(self):
        self.up(products(2), changes=None, synced=False)
        pid = self.server.pid('writer 0')
        os.kill(pid, signal.SIGSTOP)
        try:
            self.assertEqual(self.get('p1')[0]['product']['title'], 'red shoe 1')
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: self.found('shoe') == 1, 5, 'it is written once the writer is back')

    def test_a_slow_upstream_does_not_hold_a_get_beyond_its_deadline(self):
        up = self.up(products(2), changes=None, synced=False, first_byte_ms=5000, total_ms=5000)
        up.mode = up.silent
        start = time.monotonic()
        self.assertIn(self.get('p1', timeout=400)[0]['error'], ('UPSTREAM', 'DEADLINE'))
        self.assertLess(time.monotonic() - start, 3 * SLACK)

    def test_ten_thousand_gets_of_one_product_are_one_call(self):
        up = self.up(products(2), changes=None, synced=False, first_byte_ms=5000, total_ms=10000)

        def late(conn, path, headers):
            time.sleep(1)
            return up.good(conn, path, headers)
        up.mode = late
        body = tlv('GET', 'CATALOG', self.catalog) + tlv('GET', 'ID', 'p1')
        answers = []

        def some(count):
            with Connection(('127.0.0.1', self.server.port), timeout=30) as c:
                for _ in range(count):
                    c.send('GET', body, deadline_ms=20000)
                for _ in range(count):
                    reply = c.read()
                    answers.append((reply.status, b'red shoe' in reply.body or reply.body[-60:]))
        threads = [threading.Thread(target=some, args=(2500,)) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(answers), 10000)
        self.assertEqual(set(answers), {(0, True)})
        self.assertEqual(sum(path == '/p/p1' for _, path in up.calls), 1)

    def test_ten_thousand_requests_of_one_stale_product_are_one_call(self):
        up = self.up(products(1), cache='max-age=2, stale-while-revalidate=600', first_byte_ms=10000, total_ms=10000)
        asked = lambda: sum('p0' in up.ids_of(path) for _, path in up.calls)  # noqa: E731
        before = asked()

        def late(conn, path, headers):
            time.sleep(1)
            return up.good(conn, path, headers)
        up.mode, up.cache = late, 'max-age=600'
        time.sleep(2.1)  # nobody looked: it is stale, and not asked for
        get = tlv('GET', 'CATALOG', self.catalog) + tlv('GET', 'ID', 'p0')
        search = tlv('SEARCH', 'CATALOG', self.catalog) + tlv('SEARCH', 'TEXT', 'shoe') + tlv('SEARCH', 'NO_CACHE', 1)
        answers = []

        def some(count):
            with Connection(('127.0.0.1', self.server.port), timeout=60) as c:
                for i in range(count):
                    c.send(*(('GET', get) if i % 2 else ('SEARCH', search)), deadline_ms=20000)
                for _ in range(count):
                    reply = c.read()
                    answers.append((reply.status, b'red shoe' in reply.body))
        threads = [threading.Thread(target=some, args=(2500,)) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual((len(answers), set(answers)), (10000, {(0, True)}))
        wait_until(lambda: self.server.search(self.catalog, 'shoe', '--no-cache')['freshness']['fresh'] == 1, 5, 'renewed')
        self.assertEqual(asked() - before, 1)

    def test_gets_of_many_products_wait_for_room_and_are_answered(self):
        up = self.up(products(40), changes=None, synced=False, first_byte_ms=5000, total_ms=10000)

        def late(conn, path, headers):
            time.sleep(0.1)
            return up.good(conn, path, headers)
        up.mode = late
        body = tlv('GET', 'CATALOG', self.catalog)
        with Connection(('127.0.0.1', self.server.port), timeout=30) as c:
            for i in range(40):
                c.send('GET', body + tlv('GET', 'ID', f'p{i}'), deadline_ms=20000)
            answers = [b'red shoe' in c.read().body for _ in range(40)]
        self.assertEqual(answers, [True] * 40)
        self.assertGreater(self.provider()['room'], 4, 'it has shown that it takes more')

    def test_an_upstream_that_is_overrun_is_asked_less_at_once(self):
        up = self.up(products(200), changes=None, synced=False, breaker_row=1000, breaker_failures=100, concurrency_start=16)
        flying, most = [0], []

        def overrun(conn, path, headers):
            flying[0] += 1
            most.append(flying[0])
            time.sleep(0.1)
            flying[0] -= 1
            return up.status(503)(conn, path, headers)
        up.mode = overrun
        body = tlv('GET', 'CATALOG', self.catalog)
        with Connection(('127.0.0.1', self.server.port), timeout=60) as c:
            for i in range(200):
                c.send('GET', body + tlv('GET', 'ID', f'p{i}'), deadline_ms=20000)
            for _ in range(200):
                c.read()
        room = self.provider()['room']
        self.assertLess(room, 15)
        self.assertGreater(max(most[:20]), max(most[-10:]), most)
        up.mode = up.good
        wait_until(lambda: 'product' in self.get(f'p{len(up.calls) % 200}')[0], 10, 'it recovers')

    def at_once(self, count, **options):
        """The same GET from many connections: what each was told, and how long it took."""
        body = tlv('GET', 'CATALOG', self.catalog) + tlv('GET', 'ID', 'p1')
        gate, told = threading.Barrier(count), []

        def one():
            with Connection(('127.0.0.1', self.server.port), timeout=30) as c:
                gate.wait()
                start = time.monotonic()
                c.send('GET', body, **options)
                told.append((b'red shoe' in c.read().body, time.monotonic() - start))
        threads = [threading.Thread(target=one) for _ in range(count)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return told

    def test_who_comes_between_an_answer_and_its_commit_gets_that_answer(self):
        up = self.up(products(2), changes=None, synced=False, min_refetch_ms=10000)
        pid = self.server.pid('writer 0')
        os.kill(pid, signal.SIGSTOP)  # the answer stays invisible
        try:
            told = self.at_once(20, deadline_ms=20000) + self.at_once(20, deadline_ms=20000)
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual({well for well, _ in told}, {True})
        self.assertLess(max(took for _, took in told), 4)
        asked = [at for at, path in up.calls if path == '/p/p1']
        self.assertTrue(len(asked) == 1 or asked[1] - asked[0] >= 9, asked)

    def test_what_may_not_be_kept_is_asked_for_each_time_and_nobody_waits(self):
        for cache in ('no-store', 'max-age=0, stale-while-revalidate=0, stale-if-error=0'):
            with self.subTest(cache):
                up = self.up(products(2), name=f'n{len(cache)}', cache=cache, changes=None, synced=False, min_refetch_ms=10000)
                for _ in range(4):
                    told = self.at_once(5, deadline_ms=20000)
                    self.assertEqual({well for well, _ in told}, {True})
                    self.assertLess(max(took for _, took in told), 4)
                self.assertGreaterEqual(sum(path == '/p/p1' for _, path in up.calls), 4)
                self.server.souk('upstream', 'remove', self.catalog, f'n{len(cache)}')
                wait_until(lambda: upstream(self.server, self.catalog)['providers'] == [], 5)

    def test_a_get_that_names_no_deadline_has_the_one_of_the_front(self):
        up = self.up(products(2), changes=None, synced=False, first_byte_ms=8000, total_ms=8000)
        up.mode = up.silent
        _, took = self.at_once(1)[0]
        self.assertGreater(took, 1.5)
        self.assertLess(took, 6)

    def test_a_short_deadline_does_not_shorten_anothers(self):
        up = self.up(products(2), changes=None, synced=False, first_byte_ms=5000, total_ms=5000)

        def late(conn, path, headers):
            time.sleep(1)
            return up.good(conn, path, headers)
        up.mode = late
        first = threading.Thread(target=self.at_once, args=(1,), kwargs={'deadline_ms': 200})
        first.start()
        wait_until(lambda: any(path == '/p/p1' for _, path in up.calls), 5)
        self.assertEqual([well for well, _ in self.at_once(8, deadline_ms=5000)], [True] * 8)
        first.join()
        self.assertEqual(sum(path == '/p/p1' for _, path in up.calls), 1)

    # --- leases -----------------------------------------------------------------------------------

    def test_a_late_answer_does_not_overwrite_a_newer_push(self):
        up = self.up(products(1), first_byte_ms=5000, total_ms=10000)

        def late(conn, path, headers):
            _, answer = up.find(path)
            old = json.loads(json.dumps(answer))
            time.sleep(1)
            up.send(conn, 200, old)
            return True
        up.mode = late
        self.server.souk('upstream', 'refresh', self.catalog, '--ids', 'p0')
        wait_until(lambda: any(path.startswith(('/p/p0', '/many')) for _, path in up.calls), 5)
        self.server.souk('put', self.catalog, '{"id":"p0","title":"pushed shoe"}', '--ack', 'visible')
        time.sleep(1.5)
        self.assertEqual(self.get('p0')[0]['product']['title'], 'pushed shoe')

    # --- providers --------------------------------------------------------------------------------

    def test_the_next_provider_takes_over_within_a_breaker_window(self):
        first = self.up(products(3), name='first', changes=None, synced=False)
        second = self.up(products(3, 'blue boot'), name='second', changes=None, synced=False)
        self.server.souk('upstream', 'order', self.catalog, 'first', 'second')
        self.assertEqual(self.get('p0')[0]['product']['title'], 'red shoe 0')
        first.stop()
        start = time.monotonic()
        wait_until(lambda: self.get('p1')[0].get('product', {}).get('title') == 'blue boot 1', 5)
        self.assertLess(time.monotonic() - start, QUICK['breaker_window_ms'] / 1000)
        self.assertEqual([p['name'] for p in upstream(self.server, self.catalog)['providers']], ['first', 'second'])

    def test_order_and_switches_hold_at_once_and_after_a_restart(self):
        self.up(products(9), name='first', changes=None, synced=False)
        self.up(products(9, 'blue boot'), name='second', changes=None, synced=False)
        self.server.souk('upstream', 'order', self.catalog, 'second', 'first')
        wait_until(lambda: upstream(self.server, self.catalog)['providers'][0]['name'] == 'second', 5)
        self.assertEqual(self.get('p0')[0]['product']['title'], 'blue boot 0')
        self.server.souk('upstream', 'disable', self.catalog, 'second')
        wait_until(lambda: not self.provider('second')['enabled'], 5)
        self.assertEqual(self.get('p1')[0]['product']['title'], 'red shoe 1')
        self.server.stop()
        self.server.start()
        wait_until(lambda: (p := self.provider('second')) and not p['enabled'], 10)
        stats = self.server.stats()
        self.assertEqual({n: stats[f'catalog.{self.catalog}.provider.{n}.enabled'] for n in ('first', 'second')},
                         {'first': 1, 'second': 0})
        self.server.souk('upstream', 'enable', self.catalog, 'second')
        wait_until(lambda: self.provider('second')['enabled'], 5)
        self.assertEqual(self.get('p2')[0]['product']['title'], 'blue boot 2')

    def test_weights_share_the_calls_and_are_switched_without_a_lost_search(self):
        first = self.up(products(400), name='first', changes=None, many=None, synced=False, weight=25, canary=None)
        second = self.up(products(400, 'blue boot'), name='second', changes=None, many=None, synced=False, canary=None)
        self.server.souk('put', self.catalog, '{"id":"own","title":"grey sock"}', '--ack', 'visible')
        stop, failed, answered = threading.Event(), [], []

        def search():
            with Connection(('127.0.0.1', self.server.port)) as c:
                while not stop.is_set():
                    try:
                        answered.append(len(hits(c.search(self.catalog, 'sock'))))
                    except Exception as e:  # noqa: BLE001  whatever it is, the search failed
                        failed.append(str(e))

        def shares(start):
            before = len(first.calls), len(second.calls)
            for i in range(start, start + 120, 2):  # few at a time: both have room for all
                self.assertEqual(len([g for g in self.get(f'p{i}', f'p{i + 1}') if 'product' in g]), 2)
            return len(first.calls) - before[0], len(second.calls) - before[1]

        def switch(weight):
            definition = first.definition(**{**QUICK, 'canary_ms': 60000, 'weight': weight})
            define(self.server, self.catalog, 'first', {k: v for k, v in definition.items() if k not in ('changes', 'many', 'canary')})
            time.sleep(0.5)  # it is in force within a tenth of a second
        searching = threading.Thread(target=search)
        searching.start()
        try:
            one, two = shares(0)
            self.assertGreaterEqual(one + two, 120)
            self.assertTrue(8 <= one <= 54, (one, two))  # 30 of 120, five deviations to each side
            switch(100)
            one, two = shares(120)
            self.assertTrue(one >= 120 and two == 0, (one, two))
            switch(0)
            one, two = shares(240)
            self.assertTrue(one == 0 and two >= 120, (one, two))
        finally:
            stop.set()
            searching.join()
        self.assertEqual((failed, set(answered)), ([], {1}))

    def test_a_paused_provider_makes_no_background_calls(self):
        up = self.up(products(3), cache='max-age=1, stale-while-revalidate=60')
        self.server.souk('upstream', 'pause', self.catalog, 'main')
        wait_until(lambda: self.provider()['paused'], 5)
        time.sleep(0.5)
        count = len(up.calls)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            self.found('shoe')
            time.sleep(0.05)
        self.assertEqual(len(up.calls), count)
        self.server.souk('upstream', 'resume', self.catalog, 'main')
        wait_until(lambda: len(up.calls) > count, 5)

    def test_what_is_wrong_is_refused_and_the_last_good_definition_stays(self):
        self.up(products(2))
        done = self.server.run('upstream', 'add', self.catalog, 'main', 'one=ftp://x/{id}', check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('one must be an http', done.stderr)
        done = self.server.run('upstream', 'add', self.catalog, 'main', 'one=http://x/{id}', 'fields.nope=/x', check=False)
        self.assertIn('no field nope', done.stderr)
        done = self.server.run('catalog', 'set', self.catalog, 'provider', 'main', '{"one":1}', check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertTrue(self.provider()['url'].startswith('http://127.0.0.1'))

    def test_a_removed_provider_is_gone(self):
        self.up(products(2))
        self.server.souk('upstream', 'remove', self.catalog, 'main')
        wait_until(lambda: upstream(self.server, self.catalog)['providers'] == [], 5)
        self.assertEqual(upstream(self.server, self.catalog)['state'], 'none')
        self.assertEqual(self.found('shoe'), 2)

    def test_headers_come_from_secret_files_and_are_not_shown(self):
        path = os.path.join(self.server.data, 'token')
        with open(path, 'w') as f:
            f.write('Bearer s3cret\n')
        seen = []
        up = BadUpstream(products(1))
        self.ups.append(up)

        def note(conn, path, headers):
            seen.append(headers.get('authorization'))
            return up.good(conn, path, headers)
        up.mode = note
        define(self.server, self.catalog, 'main', up.definition(**QUICK, headers={'Authorization': f'file:{path}'}))
        wait_until(lambda: seen, 5)
        self.assertEqual(seen[0], 'Bearer s3cret')
        self.assertNotIn('s3cret', self.server.souk('upstream', 'list', self.catalog, '--json') + self.server.log_text())

    def test_a_handshake_has_its_own_time_behind_the_connection(self):
        with tempfile.TemporaryDirectory() as folder:
            made = certificates(folder)
            times = {**QUICK, 'connect_ms': 1000, 'tls_ms': 4000, 'first_byte_ms': 4000, 'total_ms': 10000, 'canary_ms': 86400000}
            up = BadUpstream(products(3), tls=LateHandshake(made['good'], 1.5))
            self.ups.append(up)
            define(self.server, self.catalog, 'main', up.definition(**times, ca_file=made['ca']))
            wait_until(lambda: self.server.search(self.catalog, '', '-k', 0)['found'] == 3, 10, 'a slow handshake is waited for')
            self.assertEqual(upstream(self.server, self.catalog)['providers'][0]['failures'], 0)
            silent = BadUpstream(products(3), tls=made['silent'])
            self.ups.append(silent)
            define(self.server, self.catalog, 'main', silent.definition(**{**times, 'tls_ms': 300}, ca_file=made['ca']))
            self.server.souk('upstream', 'refresh', self.catalog)
            wait_until(lambda: upstream(self.server, self.catalog)['providers'][0]['error'].startswith('tls'), 10, 'it is told')

    def test_the_canary_tells_of_a_provider_nobody_asks(self):
        up = self.up({**products(1), 'canary': {'id': 'canary', 'title': 'bird'}}, canary_ms=150)
        wait_until(lambda: self.provider()['canary'] == 'ok', 5)
        up.products['canary'] = {'id': 'canary', 'price': 'cheap'}
        wait_until(lambda: self.provider()['canary'] == 'failed', 5)
        self.assertEqual(self.provider()['failures'], 0, 'it counts in no figures of users')
        stats = self.server.stats()
        self.assertEqual(stats[f'catalog.{self.catalog}.provider.main.canary'], 'failed')
        self.assertEqual(stats[f'catalog.{self.catalog}.provider.main.breaker'], 'closed')


class Processes(unittest.TestCase):
    def test_proxies_of_the_environment_are_not_used(self):
        nobody = 'http://127.0.0.1:1'
        with Server(env={name: nobody for name in ('http_proxy', 'https_proxy', 'all_proxy', 'HTTPS_PROXY', 'ALL_PROXY')}) as s:
            create(s, 'shop')
            up = BadUpstream(products(3))
            define(s, 'shop', 'main', up.definition(**QUICK))
            wait_until(lambda: s.search('shop', '', '-k', 0)['found'] == 3, 10, 'asked without a proxy')
            up.stop()

    def test_a_stopped_fetcher_is_replaced_and_revalidates_again(self):
        with Server() as s:
            create(s, 'shop')
            up = BadUpstream(products(5), cache='max-age=1, stale-while-revalidate=1, stale-if-error=600')
            define(s, 'shop', 'main', up.definition(**QUICK))
            wait_until(lambda: s.search('shop', 'shoe')['found'] == 5, 10)
            s.replaced('fetcher 0', s.kill_child('fetcher 0', signal.SIGSTOP), 10)
            reply = s.search('shop', 'shoe', '--no-cache')
            self.assertEqual((reply['found'], reply['freshness']['fresh']), (5, 0), 'nobody renewed them, and it is told')
            wait_until(lambda: s.search('shop', 'shoe', '--no-cache')['freshness']['fresh'] == 5, 15, 'revalidated again')
            up.stop()

    def test_a_start_with_every_upstream_dead_answers_at_once(self):
        with Server() as s:
            create(s, 'shop')
            up = BadUpstream(products(5))
            define(s, 'shop', 'main', up.definition(**QUICK))
            wait_until(lambda: upstream(s, 'shop')['providers'][0]['in_step'], 10)
            up.stop()
            s.stop()
            s.start()
            self.assertEqual(s.search('shop', 'shoe')['found'], 5)
            wait_until(lambda: upstream(s, 'shop')['state'] in ('failing', 'down'), 10)
            self.assertEqual(s.search('shop', 'shoe')['found'], 5)

    def test_before_the_writer_has_opened_a_catalog_it_is_not_called_unknown(self):
        with Server() as s:
            create(s, 'shop')
            s.stop()
            with open(os.path.join(s.data, 'writer.lock'), 'r+b') as held:
                fcntl.lockf(held, fcntl.LOCK_EX)  # the writer waits for it
                s.start(ready=False)
                wait_until(lambda: s.run('ping', check=False).returncode == 0, 20, 'fronts answer')
                told = wait_until(lambda: (d := s.run('upstream', 'list', 'shop', '--timeout', 300, check=False)).returncode and d, 5)
                self.assertIn('UNAVAILABLE', told.stderr)
                self.assertEqual(s.run('upstream', 'list', 'nope', check=False).returncode, 4)
            self.assertEqual(upstream(s, 'shop')['providers'], [])

    def test_a_fetcher_killed_during_a_sync_loses_and_doubles_nothing(self):
        kills = int(os.environ.get('SOUK_FETCHER_KILLS', '8'))
        count = 2000
        with Server() as s:
            create(s, 'shop')
            up = BadUpstream(products(count), page=20)

            def slowly(conn, path, headers):
                time.sleep(0.02 * kills / 8)
                return up.good(conn, path, headers)
            up.mode = slowly
            define(s, 'shop', 'main', up.definition(**QUICK))
            failed = searches = 0
            for _ in range(kills):
                time.sleep(0.15)
                s.replaced('fetcher 0', s.kill_child('fetcher 0'))
                with Connection(('127.0.0.1', s.port)) as c:
                    for _ in range(20):
                        searches += 1
                        hits(c.search('shop', 'shoe'))
            wait_until(lambda: s.search('shop', '', '--count-to', '0')['found'] == count, 60, 'everything is there')
            self.assertEqual(failed, 0)
            self.assertEqual(searches, kills * 20)
            ids = [json.loads(line)['id'] for line in s.souk('export', '--catalog', 'shop').splitlines()]
            self.assertEqual(sorted(ids), sorted(up.products))


class Recovery(unittest.TestCase):
    def idle(self, content, canary):
        """Fails until safe mode, recovers, and nobody asks any more."""
        with Server(options=['safe_mode.enter=200ms', 'safe_mode.leave=1s']) as s:
            create(s, 'shop')
            up = BadUpstream(content, cache='max-age=60')
            definition = {**up.definition(**QUICK), 'min_refetch_ms': 500, 'canary': canary}
            for name in ('changes', 'first_cursor', 'many', *([] if canary else ['canary'])):
                del definition[name]
            define(s, 'shop', 'main', definition)
            wait_until(lambda: upstream(s, 'shop')['providers'], 5)
            up.mode = up.status(500)
            ids = iter(range(1000))
            end = time.monotonic() + 10 * SLACK
            while upstream(s, 'shop')['safe_mode'] == 'off' and time.monotonic() < end:
                s.run('get', 'shop', f'missing{next(ids)}', check=False)
            self.assertEqual((upstream(s, 'shop')['state'], upstream(s, 'shop')['safe_mode']), ('down', 'upstream'))
            up.mode = up.good
            # open at most breaker_open_max_ms, three probes min_refetch_ms apart, then safe_mode.leave
            wait_until(lambda: upstream(s, 'shop')['providers'][0]['breaker'] == 'closed', 5, 'closed')
            wait_until(lambda: upstream(s, 'shop')['safe_mode'] == 'off', 3, 'safe mode is left')
            self.assertEqual(upstream(s, 'shop')['state'], 'ok')
            up.stop()

    def test_a_catalog_nobody_asks_finds_out_that_its_upstream_is_well_again(self):
        self.idle({'canary': {'id': 'canary', 'title': 'bird'}}, 'canary')

    def test_so_does_an_empty_catalog_without_a_canary(self):
        self.idle({}, None)


class Documentation(unittest.TestCase):
    def test_every_option_of_a_provider_is_told(self):
        with open(os.path.join(SOURCE, 'server', 'provider_options.def')) as f:
            rows = re.findall(r'^PROVIDER_OPTION\((\w+), (-?\d+), -?\d+, \d+, "([^"]*)"\)', f.read(), re.M)
        with open(os.path.join(SOURCE, 'docs', 'upstreams.md')) as f:
            text = f.read()
        self.assertGreater(len(rows), 20)
        for name, default, help_text in rows:
            self.assertIn(f"| `{name}` | {'not set' if default == '-1' else default} | {help_text} |", text)

    def test_every_fault_that_is_tried_is_told_and_the_reverse(self):
        with open(os.path.join(SOURCE, 'docs', 'upstreams.md')) as f:
            table = f.read().split('## What is tried')[1].split('## Operating')[0]
        rows = [row.split('|') for row in table.splitlines() if row.startswith('| ')][1:]
        told = {name: row[3].strip() for row in rows for name in re.findall(r'`(\w+)`', row[2])}
        states = {name: 'any' if len(s) > 2 else 'open' if 'open' in s else next(iter(s)) for name, (_, s) in FAULTS.items()}
        self.assertEqual(told, states)


if __name__ == '__main__':
    unittest.main(verbosity=2 if os.environ.get('SOUK_VERBOSE') else 1)
