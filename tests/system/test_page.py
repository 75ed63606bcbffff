"""What the page of a shop needs, end to end: groups, cursors, highlights, facets. Named after complaints."""
import random
import unittest

from souk_system import Failed, Server, shared_data, wait_until

WORDS = ['red', 'blue', 'shoe', 'boot', 'leather', 'running', 'trail', 'light']


def catalog(count=400, seed=5):
    draw = random.Random(seed)
    for i in range(count):
        p = {'id': f'v{i}', 'title': ' '.join(draw.sample(WORDS, 3)), 'style': f's{draw.randrange(60)}',
             'brand': f'Brand {draw.randrange(8)}', 'price': draw.randrange(1000) / 10,
             'category': draw.choice([['Shoes', 'Running'], ['Shoes', 'Boots'], ['Sale']])}
        if draw.random() < .1:
            del p['style']
        yield p


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.products = {p['id']: p for p in catalog()}
        cls.server.import_lines('shop', cls.products.values(), '--ack', 'visible')
        cls.server.import_lines('texts', [
            {'id': 'nfd', 'title': 'Cafe\u0301 Cre\u0301me tasse', 'description': 'x ' * 40 + 'deux tasses vertes ici ' + 'y ' * 40},
            {'id': 'cjk', 'title': '红色的运动鞋 男款'},
            {'id': 'thai', 'title': 'รองเท้าวิ่งสีแดง'},
            {'id': 'tags', 'title': 'a <b>bold</b> & "quoted" lamp'},
            {'id': 'de', 'title': 'Große grüne Tassen', 'tags': ['Küche', 'Tasse', 'grün']},
        ], '--ack', 'visible')

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def pages(self, *options, words='red', k=17):
        cursor = []
        while True:
            page = self.server.search('shop', words, '-k', k, *options, *cursor)
            yield page
            if 'cursor' not in page:
                return
            cursor = ['--cursor', page['cursor']]

    def matching(self, word='red'):
        return {i for i, p in self.products.items() if word in p['title'].split()}

    # --- paging

    def test_pages_by_cursor_hold_every_hit_once(self):
        for options in [], ['--sort', 'price:desc'], ['--sort', 'brand'], ['--sort', 'brand:desc', '--sort', 'price']:
            ids = [h['id'] for page in self.pages(*options) for h in page['hits']]
            self.assertEqual(len(ids), len(set(ids)), options)
            self.assertEqual(set(ids), self.matching(), options)

    def test_the_reply_says_when_the_index_moved_between_pages(self):
        pages = self.pages(k=50)
        self.assertNotIn('moved', next(pages))
        self.server.souk('put', 'shop', '{"id":"other","title":"nothing alike"}', '--ack', 'visible')
        try:
            self.assertTrue(next(pages)['moved'])
        finally:
            self.server.souk('delete', 'shop', 'other', '--ack', 'visible')

    def test_an_offset_beyond_the_window_is_told_not_cut(self):
        with self.assertRaises(Failed) as told:
            self.server.search('shop', 'red', '--offset', 995, '-k', 10)
        self.assertIn('cursor', told.exception.stderr)

    def test_a_cursor_of_another_query_is_refused(self):
        cursor = next(self.pages())['cursor']
        with self.assertRaises(Failed):
            self.server.search('shop', 'blue', '--cursor', cursor)

    def test_the_size_of_the_page_does_not_change_the_count(self):
        for words in 're', 'red shoe', 'r':
            every = self.server.search('shop', words, '-k', 0, '--count-to', 0, '--no-cache')
            self.assertTrue(every['found_exact'])
            for least in 50, 60, 100, 10000:
                told = {(r['found'], r['found_exact']) for k in (0, 1, 10, 100)
                        for r in [self.server.search('shop', words, '-k', k, '--count-to', least, '--no-cache')]}
                exact = every['found'] < least
                self.assertEqual(told, {(every['found'] if exact else least, exact)}, f'{words} {least}')

    def test_words_that_were_cut_are_told_in_plain_text_too(self):
        told = self.server.souk('search', 'shop', 'red blue shoe boot leather running trail light one two three')
        self.assertIn('cut "three"', told if isinstance(told, str) else told.stdout)

    def test_a_signal_of_a_field_without_numbers_is_refused(self):
        for field in 'nope', 'title':
            with self.assertRaises(Failed) as told:
                self.server.souk('profile', 'set', 'shop', 'odd', f'signal {field} log 0.3 1000')
            self.assertIn(f'signal {field}', told.exception.stderr)
        self.server.souk('profile', 'set', 'shop', 'even', 'signal price log 0.3 1000')

    def test_keywords_sort_by_the_alphabet(self):
        brands = [h['product']['brand'] for h in self.server.search('shop', '', '--sort', 'brand', '-k', 300)['hits']]
        self.assertEqual(brands, sorted(brands))

    # --- groups

    def test_grouped_pages_hold_every_group_once_with_its_exact_count(self):
        wanted = {}
        for i in self.matching():
            wanted.setdefault(self.products[i].get('style', i), []).append(i)
        seen = {}
        for page in self.pages('--group', 'style:2', '--facet', 'brand', k=7):
            self.assertEqual(page['groups'], len(wanted))
            self.assertEqual(page['found'], len(self.matching()))
            for h in page['hits']:
                seen.setdefault(self.products[h['id']].get('style', h['id']), []).append(h)
        self.assertEqual(set(seen), set(wanted))
        for style, hits in seen.items():
            self.assertEqual(len(hits), min(2, len(wanted[style])))
            self.assertEqual({h['group_count'] for h in hits}, {len(wanted[style])})

    def test_of_nothing_there_are_no_groups(self):
        found = self.server.search('shop', 'zzzzunknown', '--group', 'style')
        self.assertEqual((found['found'], found['groups'], found['hits']), (0, 0, []))

    def test_groups_agree_with_filters_and_facets(self):
        r = self.server.search('shop', 'red', '--group', 'style', '--filter', 'price < 40', '--facet', 'brand:100', '-k', 100)
        plain = self.server.search('shop', 'red', '--filter', 'price < 40', '--facet', 'brand:100', '-k', 1)
        inside = {i for i in self.matching() if self.products[i]['price'] < 40}
        self.assertEqual(r['found'], len(inside))
        self.assertEqual(r['facets'], plain['facets'])
        self.assertEqual(r['groups'], len({self.products[i].get('style', i) for i in inside}))

    @unittest.skipUnless(shared_data('hm', 'products.jsonl.zst'), 'needs the shared data')
    def test_variants_of_a_real_catalog_page_through_completely(self):
        self.server.souk('import', '--catalog', 'hm', shared_data('hm', 'products.jsonl.zst'), '--quiet')
        def all_pages(*options):
            cursor = []
            while True:
                page = self.server.search('hm', 'striped dress', '--ids-only', *options, *cursor)
                yield page
                if 'cursor' not in page:
                    return
                cursor = ['--cursor', page['cursor']]
        single = [h['id'] for page in all_pages('-k', 1000) for h in page['hits']]
        self.assertEqual(len(single), len(set(single)))
        counts, seen, found = {}, set(), 0
        for page in all_pages('-k', 300, '--group', 'product:2'):
            found = page['found']
            for h in page['hits']:
                self.assertNotIn(h['id'], seen)
                seen.add(h['id'])
                counts[h['group']] = h['group_count']
        self.assertEqual(sum(counts.values()), found)
        self.assertEqual(found, len(single))
        self.assertEqual(len(counts), page['groups'])
        self.assertEqual(len(seen), sum(min(2, n) for n in counts.values()))
        self.assertLessEqual(seen, set(single))

    # --- facets

    def test_facet_counts_do_not_change_with_limit(self):
        for field in 'brand', 'category':
            all_values = self.server.search('shop', 'red', '--facet', f'{field}:1000', '-k', 0)['facets'][field]['values']
            for limit in 1, 3, 10:
                for k in 0, 1, 50:
                    few = self.server.search('shop', 'red', '--facet', f'{field}:{limit}', '-k', k)['facets'][field]['values']
                    self.assertEqual(few, all_values[:limit])

    def test_facet_counts_never_rise_when_a_filter_is_added(self):
        def counts(*options):
            values = self.server.search('shop', 'red', '--facet', 'brand:1000', '-k', 0, *options)['facets']['brand']['values']
            return {v['value']: v['count'] for v in values}
        before = counts()
        for text in 'price < 50', 'category under "Shoes"', 'price < 50 and category under "Shoes > Boots"':
            for brand, count in counts('--filter', text).items():
                self.assertLessEqual(count, before[brand], text)

    def test_facets_and_hits_and_found_agree(self):
        r = self.server.search('shop', 'red', '--facet', 'brand:1000', '-k', 400)
        self.assertEqual(r['found'], len(r['hits']))
        self.assertEqual(sum(v['count'] for v in r['facets']['brand']['values']), r['found'])

    # --- explain

    def test_explain_tells_words_scores_times_and_what_was_read(self):
        r = self.server.search('shop', 'red shoes', '-k', 2, '--explain', '--facet', 'brand', '--no-cache')
        for hit in r['hits']:
            self.assertIn('red: exact, title', hit['explain'])
            self.assertIn('shoes: ', hit['explain'])
            self.assertIn('score', hit['explain'])
        stages = {s['stage']: s for s in r['stages']}
        self.assertLessEqual({'analyse', 'retrieve', 'rank', 'count', 'hits', 'facets', 'highlights'}, set(stages))
        self.assertLessEqual(sum(s['us'] for s in r['stages']), r['took_us'] + 10)
        self.assertGreater(stages['hits']['bytes'], 0)
        for key in 'blocks_read', 'blocks_skipped', 'postings', 'expansions':
            self.assertIn(key, r)
        text = self.server.souk('search', 'shop', 'red shoes', '-k', 1, '--explain')
        self.assertIn('why: red: exact', text)
        self.assertIn('blocks read', text)

    # --- highlights

    def highlight(self, words, field='title', ident=None, *options):
        r = self.server.search('texts', words, '--highlight', field, *options)
        hit = next(h for h in r['hits'] if ident is None or h['id'] == ident)
        return hit['highlights'][field]

    def test_decomposed_letters_are_marked_whole(self):
        self.assertEqual(self.highlight('café', ident='nfd'), '<mark>Cafe\u0301</mark> Cre\u0301me tasse')
        self.assertEqual(self.highlight('creme', ident='nfd'), 'Cafe\u0301 <mark>Cre\u0301me</mark> tasse')

    def test_words_without_blanks_between_them_are_marked(self):
        marked = self.highlight('运动鞋', ident='cjk')
        self.assertEqual(marked.replace('<mark>', '').replace('</mark>', ''), '红色的运动鞋 男款')
        self.assertIn('运动鞋</mark>', marked)
        marked = self.highlight('สีแดง', ident='thai')
        self.assertEqual(marked.replace('<mark>', '').replace('</mark>', ''), 'รองเท้าวิ่งสีแดง')
        self.assertTrue(marked.endswith('</mark>'), marked)

    def test_phrases_prefixes_and_typos_are_marked(self):
        self.assertEqual(self.highlight('"grüne tassen"', ident='de'), 'Große <mark>grüne</mark> <mark>Tassen</mark>')
        self.assertEqual(self.highlight('gru', ident='de'), 'Große <mark>grüne</mark> Tassen')
        self.assertEqual(self.highlight('tassn', ident='de'), 'Große grüne <mark>Tassen</mark>')

    def test_words_found_otherwise_are_marked(self):
        self.server.import_lines('other', [{'id': '1', 'title': 'oak book case'}, {'id': '2', 'title': 'red T-shirt'},
                                           {'id': '3', 'title': 'grey couch'}], '--ack', 'visible')
        self.server.souk('synonyms', 'set', 'other', 'seats', 'sofa, couch')
        wait_until(lambda: self.server.search('other', 'sofa')['found'], 5, 'the synonym is visible')
        for words, want in (('bookcase', 'oak <mark>book</mark> <mark>case</mark>'), ('tshirt', 'red <mark>T-shirt</mark>'),
                            ('sofa', 'grey <mark>couch</mark>')):
            hit = self.server.search('other', words, '--highlight', 'title')['hits'][0]
            self.assertEqual(hit['highlights']['title'], want)

    def test_words_asked_of_a_field_are_marked_there_alone(self):
        self.server.import_lines('asked', [{'id': '1', 'title': 'acme lamp', 'brand': 'Acme', 'notes': 'a lamp by acme'}], '--ack', 'visible')
        def marks(words, *options):
            return self.server.search('asked', words, '--highlight', 'title,brand,notes', *options)['hits'][0]['highlights']
        for words in 'brand:acme lamp', 'lamp brand:acm':
            self.assertEqual(marks(words), {'title': 'acme <mark>lamp</mark>', 'brand': '<mark>Acme</mark>', 'notes': 'a <mark>lamp</mark> by acme'})
        self.assertEqual(marks('acme lamp', '--fields', 'title'), {'title': '<mark>acme</mark> <mark>lamp</mark>', 'brand': 'Acme', 'notes': 'a lamp by acme'})

    def test_a_long_field_becomes_a_snippet_of_the_original(self):
        snippet = self.highlight('vertes', 'description', 'nfd')
        self.assertEqual(snippet, 'x x deux tasses <mark>vertes</mark> ici y y y')

    def test_tags_are_copied_verbatim_and_nothing_is_escaped(self):
        marked = self.highlight('bold', 'title', 'tags', '--highlight-tags', '__ais-highlight__,__/ais-highlight__')
        self.assertEqual(marked, 'a <b>__ais-highlight__bold__/ais-highlight__</b> & "quoted" lamp')

    def test_only_chosen_fields_are_marked_and_lists_item_by_item(self):
        hit = self.server.search('texts', 'tasse', '--highlight', 'tags')['hits']
        hit = next(h for h in hit if h['id'] == 'de')
        self.assertEqual(hit['highlights'], {'tags': ['Küche', '<mark>Tasse</mark>', 'grün']})


if __name__ == '__main__':
    unittest.main()
