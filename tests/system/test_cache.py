"""The result cache: when a page is used again, and when not."""
import json
import tempfile
import time
import unittest

from souk_system import Server, wait_until

OPTIONS = ['cache.cost=0']
WORDS = ('shop', 'running shoe', '-k', '5')


def products(n, **more):
    return [{'id': str(i), 'title': f'running shoe {i}', **more} for i in range(n)]


class Cache(unittest.TestCase):
    def serve(self, *options, lines=100):
        server = Server(fronts=1, options=[*OPTIONS, *options]).start()
        self.addCleanup(server.remove)
        self.addCleanup(server.stop)
        server.import_lines('shop', products(lines), '--ack', 'visible')
        server.souk('degrade', 'pin', '0')  # whatever else the machine does
        return server

    def row(self, server, name):
        return server.stats()[f'cache.{name}']

    def test_the_same_search_is_answered_from_the_cache_with_older_ages(self):
        s = self.serve()
        first = s.search(*WORDS)
        time.sleep(0.05)
        second = s.search(*WORDS)
        self.assertNotIn('cache', first)
        self.assertEqual(second['cache'], 'hit')
        self.assertGreaterEqual(second['cache_age_ms'], 50)
        self.assertEqual([h['id'] for h in first['hits']], [h['id'] for h in second['hits']])
        for before, after in zip(first['hits'], second['hits']):
            self.assertGreaterEqual(after['age_ms'], before['age_ms'] + 50)
            self.assertLessEqual(after['age_ms'], before['age_ms'] + 5000)
            self.assertEqual(before['product'], after['product'])
        self.assertGreaterEqual(second['oldest_age_ms'], first['oldest_age_ms'] + 50)
        third = s.search(*WORDS)  # the same bytes again: the short way
        self.assertEqual(third['cache'], 'hit')
        self.assertGreaterEqual(third['hits'][0]['age_ms'], second['hits'][0]['age_ms'])
        self.assertEqual(self.row(s, 'hit'), 2)

    def test_requests_that_mean_the_same_share_a_page(self):
        s = self.serve()
        s.search('shop', 'running shoe')
        self.assertEqual(s.search('shop', '  Running   SHOE').get('cache'), 'hit')
        for other in (['running shoe', '-k', '4'], ['running shoe '], ['shoe running'], ['running shoe', '--typos', 'off']):
            with self.subTest(other=other):
                self.assertNotIn('cache', s.search('shop', *other))

    def test_no_cache_neither_looks_nor_keeps(self):
        s = self.serve()
        s.search(*WORDS, '--no-cache')
        self.assertNotIn('cache', s.search(*WORDS))
        self.assertNotIn('cache', s.search(*WORDS, '--no-cache'))
        self.assertEqual(self.row(s, 'bypass'), 2)

    def test_a_change_of_the_catalog_ends_the_page(self):
        s = self.serve()
        s.search(*WORDS)
        s.souk('put', 'shop', '{"id":"new","title":"running shoe new"}', '--ack', 'visible')
        after = s.search(*WORDS)
        self.assertNotIn('cache', after)
        self.assertEqual(after['found'], 101)
        self.assertEqual(self.row(s, 'miss_changed'), 1)

    def test_the_canary_ends_no_page(self):
        s = self.serve('canary.interval=300ms', 'canary.limit=3s')
        runs = lambda: s.stats()['catalog.shop.generation']
        wait_until(lambda: s.search(*WORDS).get('cache') == 'hit', 10, 'a page is kept')
        before, missed = runs(), self.row(s, 'miss_changed')
        wait_until(lambda: s.search(*WORDS) and runs() >= before + 4, 30, 'the canary is pushed and removed')
        self.assertEqual(self.row(s, 'miss_changed'), missed)
        s.souk('put', 'shop', '{"id":"new","title":"running shoe new"}', '--ack', 'visible')
        self.assertEqual(s.search(*WORDS)['found'], 101)

    def test_a_cursor_does_not_move_with_the_canary(self):
        s = self.serve('canary.interval=300ms', 'canary.limit=3s')
        cursor = s.search(*WORDS)['cursor']
        before = s.stats()['catalog.shop.generation']
        wait_until(lambda: s.stats()['catalog.shop.generation'] >= before + 2, 30, 'the canary came')
        self.assertFalse(s.search(*WORDS, '--cursor', cursor).get('moved'))
        s.souk('put', 'shop', '{"id":"new","title":"running shoe new"}', '--ack', 'visible')
        self.assertTrue(s.search(*WORDS, '--cursor', cursor).get('moved'))

    def test_an_old_page_is_served_once_more_while_a_newer_one_is_made(self):
        s = self.serve('cache.stale=10s')
        s.search(*WORDS)
        s.souk('put', 'shop', '{"id":"new","title":"running shoe new"}', '--ack', 'visible')
        old = s.search(*WORDS)
        self.assertEqual(old['cache'], 'old')
        self.assertEqual(old['found'], 100)
        new = wait_until(lambda: (r := s.search(*WORDS))['cache'] == 'hit' and r, 5, 'a newer page')
        self.assertEqual(new['found'], 101)
        self.assertEqual(self.row(s, 'renewed'), 1)

    def test_min_sequence_is_never_answered_by_an_older_page(self):
        s = self.serve('cache.stale=60s', 'cache.fresh=60s')
        s.search(*WORDS)
        done = json.loads(s.souk('put', 'shop', '{"id":"new","title":"running shoe new"}'))
        reply = s.search(*WORDS, '--min-sequence', done['sequence'])
        self.assertEqual(reply['found'], 101)
        self.assertGreaterEqual(reply['sequence'], done['sequence'])

    def test_within_the_configured_time_a_page_is_fresh_though_the_catalog_changed(self):
        s = self.serve('cache.fresh=60s')
        s.search(*WORDS)
        s.souk('put', 'shop', '{"id":"new","title":"running shoe new"}', '--ack', 'visible')
        self.assertEqual(s.search(*WORDS)['cache'], 'hit')
        self.assertEqual(self.row(s, 'hit_timed'), 1)

    def test_a_page_ends_with_the_freshness_of_its_hits(self):
        s = self.serve('cache.fresh=60s', 'cache.stale=60s')
        s.souk('put', 'shop', '{"id":"brief","title":"unique lamp"}', '--ack', 'visible', '--ttl', '800', '--swr', '60000')
        words = ('shop', 'unique lamp', '-k', '1', '--match', 'all')
        self.assertEqual(s.search(*words)['hits'][0]['freshness'], 'fresh')
        end = time.monotonic() + 5
        while True:
            reply = s.search(*words)
            hit = reply['hits'][0]
            # what the label says and what its age says must agree, from the cache or not
            self.assertEqual(hit['freshness'], 'fresh' if hit['age_ms'] < 720 else 'stale' if hit['age_ms'] >= 800 else hit['freshness'])
            if hit['freshness'] == 'stale':
                break
            self.assertLess(time.monotonic(), end)
        self.assertGreater(self.row(s, 'hit'), 0)
        self.assertGreaterEqual(self.row(s, 'miss_bound'), 1)

    def test_an_expired_product_leaves_the_counts_of_cached_pages(self):
        s = self.serve()
        s.souk('put', 'shop', '{"id":"brief","title":"running shoe brief"}', '--ack', 'visible', '--ttl', '700', '--swr', '0', '--sie', '0')
        self.assertEqual(s.search(*WORDS)['found'], 101)
        end = time.monotonic() + 5
        while s.search(*WORDS)['found'] != 100:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def test_degraded_pages_are_not_served_when_all_is_well_again(self):
        s = self.serve()
        words = ('shop', 'running shoe', '--highlight', 'title')
        s.souk('degrade', 'pin', '1')
        self.assertEqual(s.search(*words)['degraded'], ['highlights'])
        self.assertEqual(s.search(*words)['cache'], 'hit')
        s.souk('degrade', 'pin', '0')
        full = s.search(*words)
        self.assertNotIn('cache', full)
        self.assertEqual(full['degraded'], [])
        s.souk('degrade', 'pin', '1')
        again = s.search(*words)  # the full page is at hand: it costs nothing
        self.assertEqual((again['cache'], again['degraded'], again['level']), ('hit', [], 1))
        s.souk('degrade', 'auto')

    def test_at_high_levels_old_pages_are_served_longer(self):
        s = self.serve()
        s.search(*WORDS)
        s.souk('put', 'shop', '{"id":"new","title":"running shoe new"}', '--ack', 'visible')
        s.souk('degrade', 'pin', '2')
        self.assertEqual(s.search(*WORDS)['cache'], 'old')
        self.assertEqual(self.row(s, 'hit_old'), 1)
        s.souk('degrade', 'auto')

    def test_the_size_is_kept(self):
        s = self.serve('cache.size=256KiB')
        with tempfile.NamedTemporaryFile('w', suffix='.tsv') as f:
            f.writelines(f'{i}\trunning shoe {i}\n' for i in range(1500))
            f.flush()
            s.souk('search', 'shop', '-q', f.name, '--json')
        self.assertLessEqual(self.row(s, 'bytes'), 256 * 1024)
        self.assertGreater(self.row(s, 'evicted'), 0)

    def test_size_0_turns_it_off(self):
        s = self.serve('cache.size=0')
        s.search(*WORDS)
        self.assertNotIn('cache', s.search(*WORDS))
        self.assertNotIn('cache.hit', s.stats())


if __name__ == '__main__':
    unittest.main(verbosity=2)
