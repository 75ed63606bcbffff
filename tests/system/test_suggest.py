"""Completions and recorded queries over real processes."""
import os
import tempfile
import unittest

from souk_system import Server, shared_data, wait_until

LINES = ['running shoes\t50', 'red shoes\t40', 'shoes\t90', 'shirt\t80', 'unicorn shoes\t99', 'Röcke\t5']


class Suggest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.server.import_lines('shop', [
            {'id': '1', 'title': 'red running shoe', 'category': ['Shoes', 'Running']},
            {'id': '2', 'title': 'blue running shoes', 'category': ['Shoes', 'Running']},
            {'id': '3', 'title': 'red shirt', 'category': ['Shirts']},
            {'id': '4', 'title': 'Röcke und Hosen', 'category': ['Röcke']},
        ], '--ack', 'visible')
        with tempfile.NamedTemporaryFile('w', suffix='.tsv', delete=False) as f:
            f.write('\n'.join(LINES) + '\n')
        try:
            cls.server.souk('suggest', 'load', 'shop', f.name)
        finally:
            os.unlink(f.name)
        wait_until(lambda: cls.texts('sh'), 5, 'the list is visible')

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    @classmethod
    def suggest(cls, typed, *options):
        return cls.server.json('suggest', 'shop', typed, *options)

    @classmethod
    def texts(cls, typed, *options):
        return [s['text'] for s in cls.suggest(typed, *options)['suggestions']]

    def test_popular_queries_complete_what_was_typed(self):
        self.assertEqual(self.texts('sh'), ['shoes', 'shirt', 'running shoes', 'red shoes'])
        self.assertEqual(self.texts('r', '-k', 1), ['running shoes'])
        self.assertEqual(self.texts('runing'), ['running shoes'])
        self.assertEqual(self.texts('rocke'), ['Röcke'])

    def test_a_suggestion_never_leads_to_words_the_catalog_does_not_hold(self):
        self.assertNotIn('unicorn shoes', self.texts('u') + self.texts('sh', '-k', 20))

    def test_the_first_completion_has_category_hints_and_products_come_along(self):
        r = self.suggest('runn')
        self.assertIn('Shoes > Running', r['suggestions'][0]['categories'])
        self.assertEqual({p['id'] for p in r['products']}, {'1', '2'})
        self.assertTrue(all(p['title'] for p in r['products']))
        self.assertEqual(self.suggest('runn', '--products', 0)['products'], [])

    def test_queries_are_learnt_from_traffic_and_survive_a_front(self):
        for _ in range(12):
            self.server.search('shop', 'blue running')
        wait_until(lambda: 'blue running' in self.texts('blu'), 15, 'the query is learnt')
        old = self.server.kill_child('front 0')
        self.server.replaced('front 0', old)
        rows = {r['query']: r for r in self.rows()}
        self.assertAlmostEqual(rows['blue running']['count'], 12, delta=.1)

    def rows(self, *options):
        import json
        return [json.loads(line) for line in self.server.souk('queries', 'shop', '--json', *options).splitlines()]

    def test_popular_slow_and_fruitless_queries_are_listed(self):
        for _ in range(3):
            self.server.search('shop', 'Red  SHIRT')
        self.server.search('shop', 'red shirt', '--offset', 1)
        self.server.search('shop', 'zzzzqqqq')
        popular = {r['query'].lower(): r for r in self.rows('--popular')}
        self.assertAlmostEqual(popular['red  shirt']['count'], 3, delta=.1)
        self.assertEqual([r['query'] for r in self.rows('--no-hits')], ['zzzzqqqq'])
        slow = [r['slowest_us'] for r in self.rows('--slow')]
        self.assertEqual(slow, sorted(slow, reverse=True))
        self.assertEqual(len(self.rows('-k', 1)), 1)

    def test_a_count_that_is_none_is_told_and_files_of_numbered_queries_are_known(self):
        def load(text):
            with tempfile.NamedTemporaryFile('wb', suffix='.tsv') as f:
                f.write(text)
                f.flush()
                return self.server.run('suggest', 'load', 'counts', f.name, '--json', check=False)
        self.server.import_lines('counts', [{'id': '1', 'title': 'macbook pro jackets 12x'}], '--ack', 'visible')
        for bad in (b'macbook\t3\npro\t12x\n', b'pro\t12x\nmacbook\t3\n', b'macbook\t-1\njackets\t3\npro\t1\n'):
            done = load(bad)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertRegex(done.stderr, r'line [12]: a count is missing')
        self.assertEqual(self.server.json('suggest', 'counts', 'm')['suggestions'], [])
        done = load(b'query_id\tquery\n0\tmacbook pro\n1\tpro\n2\t501\n\xff\tjackets\n')
        self.assertEqual(done.stdout, '{"loaded":4,"skipped":1}\n', done.stderr)
        wait_until(lambda: [s['text'] for s in self.server.json('suggest', 'counts', 'm')['suggestions']] == ['macbook pro'],
                   5, 'the list is visible')

    def test_a_list_can_be_replaced_and_cleared(self):
        path = shared_data('bestbuy', 'queries.tsv.zst')
        self.server.import_lines('other', [{'id': '1', 'title': 'macbook pro jackets'}], '--ack', 'visible')
        if path:
            self.server.souk('suggest', 'load', 'other', path)
            wait_until(lambda: self.server.json('suggest', 'other', 'macb')['suggestions'], 5, 'the list is visible')
        with tempfile.NamedTemporaryFile('w', suffix='.tsv') as f:
            f.write('macbook pro\n')
            f.flush()
            self.server.souk('suggest', 'load', 'other', f.name)
        wait_until(lambda: [s['text'] for s in self.server.json('suggest', 'other', 'm')['suggestions']] == ['macbook pro'],
                   5, 'the new list is visible')
        self.server.souk('suggest', 'clear', 'other')
        wait_until(lambda: not self.server.json('suggest', 'other', 'm')['suggestions'], 5, 'the list is gone')


if __name__ == '__main__':
    unittest.main()
