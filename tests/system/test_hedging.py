#!/usr/bin/env python3
"""Hedging: a GET that waits for a provider for too long asks a second time beside it; off by default, within the budget of
retries, the first valid answer wins and the other request is given up."""
import collections
import json
import threading
import time
import unittest

from souk_system import SLACK, wait_until
from souk_upstream import QUICK, BadUpstream, OneServer, define, products, upstream

SLOW_S = 2.0  # how long an answer takes that should be beaten
COUNT = 400


class Halting(BadUpstream):
    """Answers the first question about each product only after SLOW_S; tells which were given up meanwhile."""

    def __init__(self, *arguments, **options):
        self.asked, self.given_up = collections.Counter(), []
        super().__init__(*arguments, **options)

    def halting(self, conn, path, headers):
        with self.lock:
            self.asked[path] += 1
            first = self.asked[path] == 1
        if first and path.startswith('/p/p'):
            self.stall(conn, SLOW_S * SLACK)
            if time.monotonic() - self.calls[-1][0] < SLOW_S * SLACK:
                self.given_up.append(path)
        return self.good(conn, path, headers)


class Hedging(OneServer):
    def up(self, name='main', mode='halting', title='red shoe', **more):
        up = Halting({**products(COUNT, title), 'canary': {'id': 'canary', 'title': 'bird'}}, cache='max-age=600')
        up.mode = getattr(up, mode)
        self.ups.append(up)
        define(self.server, self.catalog, name, {**up.definition(**{
            **QUICK, 'canary_ms': 60000, 'first_byte_ms': 8000, 'total_ms': 9000, 'breaker_slow_ms': 60000,
            'concurrency_start': 64, 'concurrency': 64, **more}), 'changes': ''})
        wait_until(lambda: any(p['name'] == name for p in self.told()['providers']), 10, 'the provider is known')
        return up

    def told(self):
        return upstream(self.server, self.catalog)

    def get(self, product, timeout=6000):
        """(the answer, seconds it took)"""
        start = time.monotonic()
        out = self.server.run('get', self.catalog, product, '--timeout', int(timeout * SLACK), check=False).stdout
        return json.loads(out.splitlines()[0]), time.monotonic() - start

    def test_off_by_default_one_question_is_asked(self):
        up = self.up()
        got, took = self.get('p0')
        self.assertEqual(got['product']['title'], 'red shoe 0')
        self.assertGreater(took, SLOW_S * SLACK - 0.2)
        self.assertEqual((up.asked['/p/p0'], self.told()['hedges']), (1, 0))

    def test_the_second_answer_wins_and_the_first_question_is_given_up(self):
        up = self.up(hedge_ms=200)
        got, took = self.get('p0')
        self.assertEqual(got['product']['title'], 'red shoe 0')
        self.assertLess(took, SLOW_S * SLACK - 0.5)
        self.assertGreater(took, 0.2)
        wait_until(lambda: up.given_up == ['/p/p0'], 5, 'the slow one was given up')
        told = self.told()
        self.assertEqual((up.asked['/p/p0'], told['hedges'], told['hedges_won'], told['retries']), (2, 1, 1, 1))
        provider = told['providers'][0]
        self.assertEqual((provider['breaker'], provider['failures'], provider['in_flight']), ('closed', 0, 0))

    def test_the_next_provider_is_asked_when_there_is_one(self):
        first = self.up('first', hedge_ms=200)
        second = self.up('second', mode='good', title='blue boot')
        self.server.souk('upstream', 'order', self.catalog, 'first', 'second')
        got, took = self.get('p0')
        self.assertEqual(got['product']['title'], 'blue boot 0')
        self.assertLess(took, SLOW_S * SLACK - 0.5)
        self.assertEqual((first.asked['/p/p0'], sum(path == '/p/p0' for _, path in second.calls)), (1, 1))

    def test_an_answer_in_time_is_not_hedged(self):
        up = self.up(mode='good', hedge_ms=2000)
        for i in range(20):
            self.get(f'p{i}')
        self.assertEqual((sum(path.startswith('/p/p') for _, path in up.calls), self.told()['hedges']), (20, 0))

    def test_what_is_no_valid_answer_does_not_win(self):
        """The second question fails at once: the first one's answer is waited for."""
        first = self.up('first', hedge_ms=200)
        second = self.up('second', mode='good')
        second.mode = second.status(500)
        self.server.souk('upstream', 'order', self.catalog, 'first', 'second')
        got, took = self.get('p0')
        self.assertEqual(got['product']['title'], 'red shoe 0')
        self.assertGreater(took, SLOW_S * SLACK - 0.2)
        told = self.told()
        self.assertEqual((told['hedges'], told['hedges_won']), (1, 0))
        self.assertEqual((first.asked['/p/p0'], sum(path == '/p/p0' for _, path in second.calls)), (1, 1))

    def test_hedges_stay_within_the_budget_of_retries(self):
        self.up(hedge_ms=50)
        before, start = self.told(), time.monotonic()
        threads = [threading.Thread(target=self.server.run, args=('get', self.catalog, f'p{i}', '--timeout', 1000), kwargs={'check': False})
                   for i in range(60)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        told, seconds = self.told(), time.monotonic() - start
        tries = told['calls'] - before['calls'] - told['retries']
        self.assertGreaterEqual(told['hedges'], 1)
        self.assertEqual(told['hedges'], told['retries'])
        # what was not used in the ten seconds before may be
        self.assertLessEqual(told['retries'], 0.1 * tries + seconds + 11)
        self.assertLess(told['retries'], tries / 2)

    def test_without_a_time_of_its_own_it_waits_as_long_as_most_answers_take(self):
        up = self.up(mode='good', hedge_ms=0)
        for i in range(19):
            self.get(f'p{i}')
        up.mode = up.halting
        self.assertGreater(self.get('p100')[1], SLOW_S * SLACK - 0.2)  # nothing is known yet
        up.mode = up.good
        for i in range(20, 60):
            self.get(f'p{i}')
        up.mode = up.halting
        self.assertLess(self.get('p101')[1], SLOW_S * SLACK - 0.5)
        self.assertGreaterEqual(self.told()['hedges'], 1)


if __name__ == '__main__':
    unittest.main()
