#!/usr/bin/env python3
"""Freshness as a client sees it: labels, counts that agree, bounds, nothing expired is ever shown."""
import json
import tempfile
import time
import unittest

from souk_system import Server, wait_until

SCHEMA = {'ttl_ms': 0, 'swr_ms': 0, 'sie_ms': 0, 'fields': [
    {'name': 'title', 'type': 'text', 'searchable': True, 'stored': True},
    {'name': 'brand', 'type': 'keyword', 'filter': True, 'facet': True, 'stored': True},
    {'name': 'price', 'type': 'float', 'filter': True, 'sort': True, 'stored': True, 'max_age_ms': 2000}]}


def create(server, name, **more):
    with tempfile.NamedTemporaryFile('w', suffix='.json') as f:
        json.dump({**SCHEMA, **more}, f)
        f.flush()
        server.souk('catalog', 'create', name, '--schema', f.name)


def product(i, brand='Acme'):
    return json.dumps({'id': f'p{i}', 'title': f'red shoe {i}', 'brand': brand, 'price': 10 + i})


class Freshness(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def put(self, catalog, i, *options, brand='Acme'):
        """Returns two times the acceptance lies between."""
        before = time.monotonic()
        self.server.souk('put', catalog, product(i, brand), '--ack', 'visible', *options)
        return before, time.monotonic()

    def test_a_product_goes_through_its_states_and_is_gone_at_its_limit(self):
        s = self.server
        create(s, 'states')
        asked, put = self.put('states', 1, '--ttl', 1000, '--swr', 600, '--sie', 1200)
        self.put('states', 2)
        seen = []
        while time.monotonic() < put + 3:
            before = time.monotonic()
            r = s.search('states', 'shoe', '--facet', 'brand')
            after = time.monotonic()
            hits = {h['id']: h for h in r['hits']}
            # hits, count, facet and counts by state tell the same
            self.assertEqual(r['found'], len(hits))
            self.assertEqual(r['facets']['brand']['values'], [{'value': 'Acme', 'count': len(hits)}])
            states = [h['freshness'] for h in hits.values()]
            self.assertEqual(r['freshness'], {k: states.count(k) for k in ('fresh', 'stale', 'stale_if_error')})
            self.assertEqual(r['oldest_age_ms'], max(h['age_ms'] for h in hits.values()))
            self.assertEqual((r['upstream'], r['safe_mode']), ('none', 'off'))
            self.assertEqual(hits['p2']['freshness'], 'fresh')
            state = hits['p1']['freshness'] if 'p1' in hits else 'expired'
            if not seen or seen[-1] != state:
                seen.append(state)
            # the ttl is shortened by a tenth at most
            if state == 'fresh':
                self.assertLess(before - put, 1.0)
            if state == 'stale':
                self.assertTrue(after - asked >= 0.9 and before - put < 1.6, (before - put, after - asked))
            if state == 'stale_if_error':
                self.assertTrue(after - asked >= 1.5 and before - put < 2.2, (before - put, after - asked))
            if state == 'expired':
                self.assertGreaterEqual(after - asked, 2.1)
            time.sleep(0.02)
        self.assertEqual(seen, ['fresh', 'stale', 'stale_if_error', 'expired'])
        got = s.run('get', 'states', 'p1', check=False)
        self.assertEqual(json.loads(got.stdout)['error'], 'NOT_FOUND')
        self.assertEqual(s.souk('export', '--catalog', 'states').count('\n'), 1)

    def test_a_push_revives_an_expired_product(self):
        s = self.server
        create(s, 'revive')
        self.put('revive', 1, '--ttl', 50)
        wait_until(lambda: s.search('revive', 'shoe')['found'] == 0, 5, 'it expires')
        self.put('revive', 1, '--ttl', 60000)
        self.assertEqual(s.search('revive', 'shoe')['hits'][0]['freshness'], 'fresh')
        self.assertEqual(s.search('revive', 'shoe')['found'], 1)

    def test_windows_of_the_catalog_hold_for_products_without_their_own(self):
        s = self.server
        create(s, 'defaults', ttl_ms=300, swr_ms=60000, sie_ms=0)
        self.put('defaults', 1)
        self.put('defaults', 2, '--ttl', 60000)
        wait_until(lambda: s.search('defaults', 'shoe')['freshness'] == {'fresh': 1, 'stale': 1, 'stale_if_error': 0}, 5)

    def test_max_stale_leaves_out_whole_products(self):
        s = self.server
        create(s, 'bounded')
        self.put('bounded', 1, '--ttl', 100, '--swr', 60000)
        self.put('bounded', 2)
        wait_until(lambda: s.search('bounded', 'shoe')['freshness']['stale'] == 1, 5)
        r = s.search('bounded', 'shoe', '--max-stale', 0, '--facet', 'brand')
        self.assertEqual([h['id'] for h in r['hits']], ['p2'])
        self.assertEqual((r['found'], r['facets']['brand']['values'][0]['count']), (1, 1))
        self.assertEqual(s.search('bounded', 'shoe', '--max-stale', 60000)['found'], 2)
        self.assertEqual(s.search('bounded', '', '--max-stale', 0)['found'], 1)
        got = s.run('get', 'bounded', 'p1', '--max-stale', 0, check=False)
        self.assertEqual(json.loads(got.stdout)['error'], 'NOT_FOUND')
        self.assertEqual(json.loads(s.souk('get', 'bounded', 'p1'))['freshness'], 'stale')

    def test_volatile_fields_are_withheld_and_the_product_is_found(self):
        s = self.server
        create(s, 'volatile')
        self.put('volatile', 1)
        hit = s.search('volatile', 'shoe')['hits'][0]
        self.assertEqual((hit['product']['price'], 'withheld' in hit), (11, False))
        time.sleep(2.1)
        hit = s.search('volatile', 'shoe', '--filter', 'price > 5', '--sort', 'price')['hits'][0]
        self.assertEqual(hit['withheld'], ['price'])
        self.assertNotIn('price', hit['product'])
        self.assertEqual(hit['product']['brand'], 'Acme')
        item = json.loads(s.souk('get', 'volatile', 'p1'))
        self.assertEqual((item['withheld'], 'price' in item['product']), (['price'], False))
        hit = s.search('volatile', 'shoe', '--max-age', 'price:0')['hits'][0]
        self.assertEqual((hit['product']['price'], 'withheld' in hit), (11, False))
        hit = s.search('volatile', 'shoe', '--max-age', 'price:0', '--max-age', 'brand:1')['hits'][0]
        self.assertEqual(hit['withheld'], ['brand'])
        self.assertNotIn('withheld', s.search('volatile', 'shoe', '--return', 'title')['hits'][0])
        wrong = s.run('search', 'volatile', 'shoe', '--max-age', 'colour:1', check=False)
        self.assertIn('UNKNOWN_FIELD', wrong.stderr)


if __name__ == '__main__':
    unittest.main()
