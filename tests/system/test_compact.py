"""A catalog whose products change their text again and again gets a smaller edition while it is searched and changed;
nobody notices but the disk."""
import os
import threading
import time
import unittest

from souk_ledger import Ledger
from souk_system import SEED, Server, wait_until

PRODUCTS, ROUNDS = 2500, 32


class Compact(unittest.TestCase):
    def file_bytes(self, server):
        total = 0
        for folder, _, names in os.walk(os.path.join(server.data, 'catalogs', 'shop')):
            total += sum(os.stat(os.path.join(folder, n)).st_blocks * 512 for n in names if n == 'data.mdb')
        return total

    def test_searches_and_changes_go_on_while_an_edition_is_made_smaller(self):
        with Server() as server:
            wrong, counts, stop = [], [], threading.Event()

            def search():
                while not stop.is_set():
                    done = server.run('search', 'shop', 'lamp', '-k', '1', '--json', check=False)
                    if done.returncode != 0 or '"hits":[{' not in done.stdout:
                        wrong.append(done.stdout + done.stderr)
                    counts.append(1)

            for number in range(ROUNDS):
                server.import_lines('shop', [{'id': f's{i}', 'title': f'Table lamp {i} version {number}', 'price': 1.5}
                                             for i in range(PRODUCTS)])
                if number == 0:
                    searching = threading.Thread(target=search)
                    searching.start()
            ledger = Ledger(server, 'shop', seed=SEED).start()
            try:
                wait_until(lambda: server.search('shop', 'lamp')['generation'] and
                           server.json('catalog', 'describe', 'shop')['edition'] > 1, 60, 'another edition')
                time.sleep(0.5)
            finally:
                stop.set()
                searching.join()
                ledger.finish()
            self.assertEqual(wrong[:1], [])
            self.assertGreater(len(counts), 10)
            wait_until(lambda: server.stats().get('catalog.shop.lag') == 0, 20, 'all is visible')
            self.assertEqual([c for c in ledger.contradictions() if not c.startswith('s')], [])  # s... are not its own
            self.assertEqual(server.search('shop', 'lamp version', '--match', 'all')['found'], PRODUCTS)
            self.assertEqual(server.json('get', 'shop', 's7')['product']['title'], f'Table lamp 7 version {ROUNDS - 1}')
            server.check_data()

    def test_a_catalog_left_alone_becomes_one_segment_that_finds_the_same(self):
        words = 'lamp', 'lamp 77', 'blue lamp', 'blu lmap', 'tab', 'red table lamp of glass'
        options = '-k', 20, '--no-cache'

        def answers(server):
            found = [server.search('shop', w, *options) for w in words]
            return [(r['found'], [(h['id'], h['score']) for h in r['hits']]) for r in found]

        with Server(options=('canary.interval=0s',)) as server:
            colours = 'blue', 'red', 'green'
            for first, count in (0, 5000), (5000, 6000), (11000, 12000):  # too large to be folded into another
                server.import_lines('shop', [{'id': f's{i}', 'title': f'{colours[i % 3]} table lamp {i}', 'price': i % 90}
                                             for i in range(first, first + count)])
            before, segments = answers(server), server.stats()['catalog.shop.segments']
            self.assertGreater(segments, 1)
            # how batches cut the last import decides whether a small rest stays beside it
            wait_until(lambda: server.stats()['catalog.shop.segments'] <= 2, 30, 'one segment, or a small one beside it')
            self.assertEqual(answers(server), before)
            generation = server.search('shop', 'lamp')['generation']
            time.sleep(3)  # longer than it takes to settle: there is nothing left to do
            self.assertEqual(server.search('shop', 'lamp')['generation'], generation)
            server.check_data()

    def test_a_catalog_goes_while_a_smaller_edition_is_made(self):
        with Server() as server:
            for number in range(8):
                server.import_lines('shop', [{'id': f's{i}', 'title': f'Table lamp {i} version {number} ' + 'x' * 40}
                                             for i in range(12000)])
            home = os.path.join(server.data, 'catalogs', 'shop')
            wait_until(lambda: 'e-000002' in os.listdir(home), 60, 'a smaller edition is begun')
            server.souk('catalog', 'drop', 'shop', timeout=20)
            self.assertFalse(os.path.exists(home))
            server.import_lines('shop', [{'id': '1', 'title': 'lamp'}])
            self.assertEqual(server.search('shop', 'lamp')['found'], 1)

    def test_an_alteration_that_fails_puts_off_no_compaction(self):
        with Server() as server:
            for number in range(8):
                if number == 1:
                    done = server.run('catalog', 'alter', 'shop', '--schema', '-', check=False,
                                      input='{"fields":[{"name":"price","type":"keyword"}]}')
                    self.assertIn('SCHEMA_MISMATCH', done.stderr)
                server.import_lines('shop', [{'id': f's{i}', 'title': f'Table lamp {i} version {number} ' + 'x' * 40,
                                              'price': 1.5} for i in range(12000)])
            wait_until(lambda: server.json('catalog', 'describe', 'shop')['edition'] > 1, 60, 'a smaller edition')


if __name__ == '__main__':
    unittest.main()
