"""Filters, facets, statistics and groups of a catalog against a recount in Python: a made-up one, and icecat when it is
there (19,406 products, 5,341 attribute keys). SOUK_FACET_ROUNDS asks for more rounds."""
import json
import os
import random
import subprocess
import tempfile
import unittest
from collections import Counter

from souk_system import SEED, Failed, Server, shared_data, wait_until

ROUNDS = int(os.environ.get('SOUK_FACET_ROUNDS', '60'))


def made_up(count=1500):
    draw = random.Random(3)
    for i in range(count):
        p = {'id': f'm{i}', 'title': f'thing {draw.choice("abcdef")}{i}', 'price': draw.randrange(10000) / 100,
             'brand': draw.choice(['Acme', 'Bolt & Co', 'Citroën', 'déjà vu', 'Ölmühle', 'x"y', "it's"]),
             'year': draw.choice([1999, 2001, 2010, -5]), 'sold': draw.random() < .3,
             'category': draw.choice([['A'], ['A', 'B'], ['A', 'B', 'C'], ['D', 'E']]),
             'tags': draw.sample(['t1', 't2', 't3', 'long tag'], draw.randrange(4)),
             'attrs': {'size': draw.choice([38, 39.5, 42]), 'material': draw.choice(['wool', 'cotton'])}}
        for key in 'brand', 'year', 'sold', 'category':
            if draw.random() < .1:
                del p[key]
        if draw.random() < .3:
            del p['attrs']['size']
        if not p['tags']:
            del p['tags']
        yield p


def quoted(value):
    return '"' + str(value).replace('\\', '\\\\').replace('"', '\\"') + '"'


def attrs_of(product):
    return product.get('attrs', {})


def get(product, field):
    return attrs_of(product).get(field[6:]) if field.startswith('attrs.') else product.get(field)


def number_text(v):
    return ('true' if v else 'false') if isinstance(v, bool) else format(v, '.15g')


def kind_of(v):
    """A value of an attribute as what it is: "5" is not 5."""
    return (type(v).__name__.replace('float', 'int'), number_text(v) if isinstance(v, (int, float)) else v)


class Recount:
    """One catalog: random filters over its fields, with their meaning as a function."""

    def __init__(self, server, name, products, keywords, numbers, keys):
        self.server, self.name, self.products = server, name, list(products)
        self.keywords, self.numbers, self.keys = keywords, numbers, keys
        self.draw = random.Random(SEED)

    def some(self, field):
        while True:
            v = get(self.draw.choice(self.products), field)
            if v is not None:
                return v

    def term(self):
        kind = self.draw.choice(['=', '!=', 'in', 'range', '<', 'exists', 'under', 'key', 'key<'])
        if kind in ('=', '!=', 'in'):
            field = self.draw.choice(self.keywords)
            values = [self.some(field) for _ in range(1 if kind != 'in' else 3)]
            values = [v[0] if isinstance(v, list) else v for v in values]
            has = lambda p: any(x in values for x in (lambda v: v if isinstance(v, list) else [v])(p.get(field)))
            if kind == 'in':
                return f'{field} in [{", ".join(map(quoted, values))}]', has
            return f'{field} {kind} {quoted(values[0])}', has if kind == '=' else lambda p: not has(p)
        if kind in ('range', '<'):
            field = self.draw.choice(self.numbers)
            a, b = sorted([self.some(field), self.some(field)])
            if kind == '<':
                return f'{field} < {b}', lambda p: p.get(field) is not None and p[field] < b
            return f'{field} {a}..{b}', lambda p: p.get(field) is not None and a <= p[field] <= b
        if kind == 'exists':
            field = self.draw.choice(self.keywords + self.numbers + self.keys)
            return f'exists(`{field}`)', lambda p: get(p, field) is not None
        if kind == 'under':
            path = [p for p in (self.draw.choice(self.products).get('category') for _ in range(50)) if p]
            if path:
                top = path[0][:self.draw.randrange(1, len(path[0]) + 1)]
                return f'category under {quoted(" > ".join(top))}', lambda p: (p.get('category') or [])[:len(top)] == top
        field = self.draw.choice(self.keys)
        v = self.some(field)
        if isinstance(v, (int, float)) and not isinstance(v, bool) and kind == 'key<':
            return f'`{field}` <= {v!r}', lambda p: isinstance(get(p, field), (int, float)) and get(p, field) <= v
        same = lambda p: get(p, field) is not None and kind_of(get(p, field)) == kind_of(v)
        return f'`{field}` = {number_text(v) if isinstance(v, (int, float)) else quoted(v)}', same

    def filter(self):
        a, b, c = self.term(), self.term(), self.term()
        return self.draw.choice([
            lambda: a,
            lambda: (f'{a[0]} and {b[0]}', lambda p: a[1](p) and b[1](p)),
            lambda: (f'{a[0]} or not ({b[0]})', lambda p: a[1](p) or not b[1](p)),
            lambda: (f'({a[0]} or {b[0]}) and not {c[0]}', lambda p: (a[1](p) or b[1](p)) and not c[1](p)),
        ])()

    def check(self):
        text, passes = self.filter()
        inside = [p for p in self.products if passes(p)]
        fields = self.keywords + self.draw.sample(self.keys, 2)
        number = self.draw.choice(self.numbers)
        low, high = sorted([self.some(number), self.some(number)])
        options = sum([['--facet', f'{f}:1000'] for f in fields], [])
        r = self.server.search(self.name, '', '-k', 0, '--filter', text, *options, '--facet', f'{number}:stats')
        told = f'{self.name} --filter {text!r} seed {SEED}'
        assert r['found'] == len(inside), f'{told}: {r["found"]} found, {len(inside)} counted'
        for field in fields:
            counts = Counter()
            for p in inside:
                v = get(p, field)
                for x in {json.dumps(x) for x in (v if isinstance(v, list) else [] if v is None else [v])}:
                    counts[kind_of(json.loads(x))] += 1
            got = {kind_of(v['value']): v['count'] for v in r['facets'][field]['values']}
            assert r['facets'][field]['distinct'] == len(counts), f'{told}: {field} {len(counts)} values'
            if len(counts) <= 1000:
                assert got == counts, f'{told}: {field}'
            else:
                assert sorted(got.values(), reverse=True) == [n for _, n in counts.most_common(1000)], f'{told}: {field}'
        stats, values = r['facets'][number], [p[number] for p in inside if p.get(number) is not None]
        assert stats['count'] == len(values), told
        if values:
            assert (stats['min'], stats['max']) == (min(values), max(values)), told
            assert abs(stats['sum'] - sum(values)) < 1e-6 * max(1, abs(sum(values))), told
        ranges = self.server.search(self.name, '', '-k', 0, '--filter', text,
                                    '--facet', f'{number}:ranges=..{low},{low}..{high},{high}..')['facets'][number]['values']
        assert [v['count'] for v in ranges] == [sum(v < low for v in values), sum(low <= v < high for v in values),
                                                sum(v >= high for v in values)], told


class Facets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(fronts=1).start()
        cls.products = list(made_up())
        cls.server.import_lines('made', cls.products, '--ack', 'visible')
        cls.recount = Recount(cls.server, 'made', cls.products, ['brand', 'tags', 'sold'], ['price', 'year'],
                              ['attrs.size', 'attrs.material'])
        cls.recount.keywords = ['brand', 'tags']

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def values(self, field, *options):
        r = self.server.search('made', '', '-k', 0, '--facet', field, *options)
        return {v['value']: v['count'] for v in r['facets'][field.split(':')[0]]['values']}

    def test_filters_facets_and_statistics_are_a_recount(self):
        for _ in range(ROUNDS):
            self.recount.check()

    def test_numbers_and_booleans_are_values_too(self):
        for field in 'year', 'sold', 'price':
            counts = Counter(number_text(p[field]) for p in self.products if field in p)
            got = self.values(f'{field}:1000')
            self.assertEqual(sorted(got.values(), reverse=True), [n for _, n in counts.most_common(1000)])
            self.assertTrue(all(counts[v] == n for v, n in got.items()), field)

    def test_statistics_and_ranges_of_an_attribute(self):
        sizes = [p['attrs']['size'] for p in self.products if 'size' in p['attrs']]
        r = self.server.search('made', '', '-k', 0, '--facet', 'attrs.size:stats')['facets']['attrs.size']
        self.assertEqual((r['count'], r['min'], r['max']), (len(sizes), 38, 42))
        self.assertAlmostEqual(r['avg'], sum(sizes) / len(sizes))
        r = self.server.search('made', '', '-k', 0, '--facet', 'attrs.size:ranges=38..39.5,39.5..')['facets']['attrs.size']
        self.assertEqual([v['count'] for v in r['values']], [sizes.count(38), len(sizes) - sizes.count(38)])

    def test_attributes_that_look_the_same_but_are_not(self):
        values = [5, '5', 5.0, True, 'true', [5, '5'], 'x', 1e16, '1e+16', -0.5, ['a', 'b'], [True, 'b', 7.5]]
        products = [{'id': f'v{i}', 'attrs': {'v': v, 'w': 1}} for i, v in enumerate(values)]
        self.server.import_lines('mixed', products, '--ack', 'visible')
        for text, want in (('= 5', [0, 2, 5]), ('= 5.0', [0, 2, 5]), ('= "5"', [1, 5]), ('= true', [3, 11]), ("= 'true'", [4]),
                           ('= x', [6]), ('= 1e16', [7]), ('= 10000000000000000', [7]), ('= "1e+16"', [8]), ('= -0.5', [9]),
                           ('in [5, "true", "b"]', [0, 2, 4, 5, 10, 11]), ('>= 5', [0, 2, 5, 7, 11]), ('!= "5"', [0, *range(2, 5), *range(6, 12)])):
            r = self.server.search('mixed', '', '-k', 50, '--filter', f'attrs.v {text}')
            self.assertEqual(sorted(int(h['id'][1:]) for h in r['hits']), want, text)
        told = self.server.search('mixed', '', '-k', 0, '--facet', 'attrs.v:100')['facets']['attrs.v']['values']
        self.assertEqual({kind_of(v['value']): v['count'] for v in told},
                         {('int', '5'): 3, ('str', '5'): 2, ('bool', 'true'): 2, ('str', 'true'): 1, ('str', 'x'): 1, ('int', '1e+16'): 1,
                          ('str', '1e+16'): 1, ('int', '-0.5'): 1, ('str', 'a'): 1, ('str', 'b'): 2, ('int', '7.5'): 1})
        lines = self.server.souk('export', '--catalog', 'mixed')
        back = {p['id']: p for p in map(json.loads, (lines if isinstance(lines, str) else lines.stdout).splitlines())}
        self.assertEqual(json.dumps([back[p['id']]['attrs']['v'] for p in products]),
                         json.dumps([v if v != 1e16 else 1e16 for v in values]).replace('5.0,', '5,'))

    def test_ids_are_looked_up_by_filters(self):
        for text, want in (('id = m5', ['m5']), ('id in [m7, "m6", nothing, m6]', ['m6', 'm7']), ('id = "nothing"', []),
                           ('id in [m1, m2] and not id = m1', ['m2']), ('exists(id) and id = m3', ['m3'])):
            r = self.server.search('made', '', '--filter', text)
            self.assertEqual(sorted(h['id'] for h in r['hits']), want, text)
            self.assertEqual(r['found'], len(want), text)
        self.assertEqual(self.server.search('made', '', '-k', 0, '--filter', 'id != m5')['found'], len(self.products) - 1)
        self.assertEqual(self.server.search('made', 'thing', '-k', 5, '--filter', 'id in [m7, m9]')['found'], 2)
        for text in 'id < 5', 'id in m5', 'id', f'id in [{", ".join(map(str, range(4097)))}]':
            with self.assertRaises(Failed, msg=text) as told:
                self.server.search('made', '', '--filter', text)
            self.assertIn('byte', told.exception.stderr)

    def test_a_field_asked_for_twice_has_one_key(self):
        p = self.server.souk('search', 'made', '', '-k', 0, '--json', '--facet', 'price:stats',
                             '--facet', 'price:ranges=..50,50..', '--facet', 'price:3')
        keys = []
        json.loads(p if isinstance(p, str) else p.stdout, object_pairs_hook=lambda pairs: keys.append([k for k, _ in pairs]) or dict(pairs))
        self.assertTrue(all(len(set(k)) == len(k) for k in keys), keys)
        told = self.server.search('made', '', '-k', 0, '--facet', 'price:stats', '--facet', 'price:ranges=..50,50..')['facets']
        self.assertEqual([v['value'] for v in told['price']['values']], ['..50', '50..'])
        self.assertEqual(told['price']['count'], sum(v['count'] for v in told['price']['values']))

    def test_facets_that_mean_nothing_are_refused(self):
        for facet in 'attrs', 'price:ranges=5..1', 'brand:0':
            with self.assertRaises(Failed, msg=facet):
                self.server.search('made', '', '--facet', facet)

    def test_a_path_counts_for_all_its_parents(self):
        got = self.values('category')
        for path, count in got.items():
            nodes = path.split(' > ')
            self.assertEqual(count, sum((p.get('category') or [])[:len(nodes)] == nodes for p in self.products))
        self.assertIn('A > B > C', got)

    def test_search_inside_a_facet_by_any_word_and_with_typos(self):
        for typed, want in ('vu', {'déjà vu'}), ('deja', {'déjà vu'}), ('olmuhl', {'Ölmühle'}), ('citroem', {'Citroën'}), \
                ('co bo', {'Bolt & Co'}), ('zzz', set()), ('long', None):
            if want is not None:
                self.assertEqual(set(self.values(f'brand:query={typed}')), want, typed)
        self.assertEqual(set(self.values('tags:query=tag')), {'long tag'})

    def test_facets_stay_exact_under_typos(self):
        r = self.server.search('made', 'thinng', '-k', 5, '--facet', 'brand:100')
        self.assertEqual(r['found'], len(self.products))
        self.assertEqual({v['value']: v['count'] for v in r['facets']['brand']['values']},
                         Counter(p['brand'] for p in self.products if 'brand' in p))

    def test_a_disjunctive_facet_ignores_its_own_filter_only(self):
        r = self.server.search('made', '', '-k', 0, '--filter', 'brand in ["Acme", "Citroën"] and price < 50',
                               '--facet', 'brand:100:or', '--facet', 'tags:100:or')
        self.assertEqual({v['value']: v['count'] for v in r['facets']['brand']['values']},
                         Counter(p['brand'] for p in self.products if 'brand' in p and p['price'] < 50))
        tags = Counter(t for p in self.products if p.get('brand') in ('Acme', 'Citroën') and p['price'] < 50
                       for t in p.get('tags', []))
        self.assertEqual({v['value']: v['count'] for v in r['facets']['tags']['values']}, tags)

    def test_limits_of_the_filter_language_are_told_with_a_position(self):
        for text, position in (('price <', 8), ('nofield = 1', 1), ('brand = "x', 11), ('price < 1 brand = "x"', 11),
                               ('(price < 1', 11), ('price < abc', None), ('not ' * 201 + 'price < 1', None),
                               (' and '.join(['price < 1'] * 102), None),
                               (f'brand in [{", ".join(map(str, range(4097)))}]', None)):
            with self.assertRaises(Failed) as told:
                self.server.search('made', '', '--filter', text)
            self.assertIn('byte', told.exception.stderr)
            if position:
                self.assertIn(f'byte {position}', told.exception.stderr, text)
        self.server.search('made', '', '--filter', f'brand in [{", ".join(map(str, range(4096)))}]')
        self.server.search('made', '', '--filter', ' and '.join(['price < 1'] * 50))

    @unittest.skipUnless(shared_data('icecat', 'products.jsonl.zst'), 'needs the shared data')
    def test_a_real_catalog_of_thousands_of_attributes_is_a_recount(self):
        path = shared_data('icecat', 'products.jsonl.zst')
        self.server.souk('import', '--catalog', 'icecat', path, '--quiet', '--ack', 'visible')
        lines = subprocess.run(['zstd', '-dc', path], capture_output=True, check=True).stdout.decode().split('\n')
        products = [json.loads(line) for line in lines if line]
        keys = Counter(k for p in products for k, v in attrs_of(p).items() if isinstance(v, (int, float, str)))
        keys = [f'attrs.{k}' for k, n in keys.items() if 20 < n and '`' not in k]
        recount = Recount(self.server, 'icecat', products, ['brand'], ['price'], keys)
        for _ in range(max(10, ROUNDS // 3)):
            recount.check()


if __name__ == '__main__':
    unittest.main()
