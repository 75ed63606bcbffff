"""Everything a search tells, held against a model in Python (souk_reference.py) over random catalogs, queries and filters.
SOUK_LONG=1 looks for minutes, SOUK_SEED repeats a run; what fails prints it."""
import unittest

from souk_draw import SCHEMA, SEARCHED
from souk_filters import broken
from souk_page import ALL, ANY, page, parts, request
from souk_reference import ATTRIBUTES, number, typed, without
from souk_system import SEED
from souk_world import ROUNDS, World


class Reference(World):
    # --- several searches at once

    def test_parts_of_a_multi_search_are_what_each_says_alone(self):
        for _ in range(ROUNDS // 3):
            words, options, _, _ = self.a_case()
            asked, draw = [], self.draw
            for _ in range(draw.randint(1, 8)):
                if draw.random() < .3:
                    words, options, _, _ = self.a_case()
                more = {**options, 'k': draw.choice([0, 3, 20]), 'no_cache': 1}
                if draw.random() < .5:
                    more['filter'] = self.make.filter(self.catalog)[0]
                if draw.random() < .5:
                    more['facets'] = [self.a_facet() for _ in range(3)]
                if draw.random() < .3:
                    more['group'] = (draw.choice(['style', 'brand', 'size']), 2)
                if draw.random() < .3:
                    more['sort'] = [(draw.choice(['price', 'brand']), draw.random() < .5)]
                if draw.random() < .5:
                    more['marks'] = ('<', '>', ['title', 'notes'])
                if draw.random() < .4:
                    more.update(profile=None, typos=None, match=None, prefix=None)
                if draw.random() < .1:
                    more['filter'] = draw.choice(['nofield = 1', 'price <', 'brand = "x'])
                asked.append((draw.choice([words, words, words[:-1]]), more))
            together = parts(self.wire, [request('shop', w, **o) for w, o in asked])
            self.assertEqual(len(together), len(asked))
            for (w, o), (status, body) in zip(asked, together):
                refused = self.refusal(w, **o)
                if refused:
                    self.assertEqual(status, refused[0], self.told(w, o))
                else:
                    # cursors hold the time, and soukd has changes of its own
                    got, alone = ({**p, 'cursor': 'cursor' in p, 'generation': 0, 'sequence': 0} for p in (page(body), self.ask(w, **o)))
                    self.assertEqual(got, alone, f'{self.told(w, o)} among {asked}')

    # --- pages while the catalog changes

    def test_pages_hold_every_unchanged_product_once_whatever_changes_between_them(self):
        for _ in range(max(5, ROUNDS // 10)):
            words, options, tree, _ = self.a_case()
            more = self.draw.choice([{}, {'sort': [('price', False), ('brand', True)]}, {'sort': [('brand', False)]}])
            before = {i: self.catalog.products[i] for i in self.catalog.filtered(self.catalog.products, tree)}
            first = [h.id for h in self.ask(words, k=1000, **options, **more)['hits']]
            k = max(1, len(first) // self.draw.choice([3, 5, 9]))
            got, cursor = [], {}
            while True:
                p = self.ask(words, k=k, **options, **more, **cursor)
                got += [h.id for h in p['hits']]
                if 'cursor' not in p or len(got) > 2000:
                    break
                cursor = {'cursor': p['cursor']}
                self.change(self.draw.choice([1, 10]))
            unchanged = [i for i in first if self.catalog.products.get(i) is before.get(i)]
            told = self.told(words, {**options, **more})
            self.assertEqual([i for i in got if i in set(unchanged)], unchanged, told)

    # --- broken filters

    def test_a_broken_filter_is_refused_with_what_is_wrong_and_where(self):
        pieces = ['and', 'or', 'not', '(', ')', '[', ']', ',', '..', '=', '!=', '<', '<=', 'in', 'under', 'exists', '"', "'", '`', 'nofield', 'price',
                  'brand', 'id', 'title', 'attrs', 'attrs.width', 'Acme', '5', '-1e3', '5e+2', 'true', 'é', '!', '\\', '"a b"', ' ', '.', '🙂', 'sold', '1..2']
        for _ in range(ROUNDS * 4):
            text, draw = self.make.filter(self.catalog)[0], self.draw
            for _ in range(draw.choice([1, 1, 2, 3])):
                at, end = sorted([draw.randrange(len(text) + 1), draw.randrange(len(text) + 1)])
                kind = draw.choice(['cut', 'insert', 'replace', 'drop', 'salad'])
                piece = draw.choice(pieces)
                text = {'cut': text[:at], 'insert': text[:at] + piece + text[at:], 'replace': text[:at] + piece + text[end:],
                        'drop': text[:at] + text[min(end, at + 3):],
                        'salad': draw.choice(['', ' ']).join(draw.choice(pieces) for _ in range(draw.randrange(1, 8)))}[kind]
            self.assertEqual(self.refusal(filter=text, k=0), broken(self.catalog, text), f'{text!r} SOUK_SEED={SEED}')

    # --- one random search and what is true of it

    def a_case(self):
        draw, make, catalog = self.draw, self.make, self.catalog
        q, options = make.query(catalog), {'profile': 'exact', 'typos': 0, 'match': ALL, 'prefix': 0, 'count_to': 0, 'no_cache': draw.random() < .5}
        every = True
        if draw.random() < .5 and make.unfinished(q):
            options['prefix'] = 1
        elif draw.random() < .3 and all(kind != 'code' for kind, _, _ in q.wanted):
            options['match'], every = ANY, False
        if draw.random() < .2:
            options['fields'] = draw.sample(SEARCHED, 2)
        tree = None
        if draw.random() < .7:
            options['filter'], tree = make.filter(catalog)
        return q.text(), options, tree, catalog.matches(q, options.get('fields'), every)

    def told(self, words, options):
        return f'{words!r} {({k: v for k, v in options.items()})} SOUK_SEED={SEED}'

    def test_searches_are_what_the_model_answers(self):
        for n in range(ROUNDS):
            words, options, tree, matches = self.a_case()
            inside = self.catalog.filtered(matches, tree)
            if n % 30 == 29:
                self.change(self.draw.randrange(1, 60))
                continue
            told = self.told(words, options)
            got = self.ask(words, k=1000, **options)
            ids = [h.id for h in got['hits']]
            self.assertEqual(set(ids), inside, f'{told}: {[self.catalog.products[i] for i in sorted(set(ids) ^ inside)][:2]}')
            self.assertEqual((len(ids), got['found'], got['found_exact']), (len(inside), len(inside), True), told)
            self.check_documents(got['hits'], told)
            self.check_facets(words, options, tree, matches, told)
            self.check_pages(words, options, got['hits'], told)
            self.check_groups(words, options, got['hits'], told)
            self.check_chosen(words, options, ids, told)
            self.check_order(words, options, inside, told)

    def check_documents(self, hits, told):
        for h in hits[:5]:
            self.assertEqual(plain(h.values), plain(self.catalog.products[h.id]), f'{h.id} of {told}')

    def check_chosen(self, words, options, ids, told):
        chosen = self.draw.sample(sorted(SCHEMA), self.draw.randint(1, 4))
        for h in self.ask(words, k=10, chosen=chosen, **options)['hits']:
            wanted = {f: v for f, v in self.catalog.products[h.id].items() if f in chosen}
            self.assertEqual(plain(h.values or {}), plain(wanted), f'{chosen} {h.id} {told}')
        bare = self.ask(words, k=20, ids_only=1, **options)['hits']
        self.assertEqual([(h.id, h.values) for h in bare], [(i, None) for i in ids[:20]], told)

    def check_pages(self, words, options, hits, told):
        k = self.draw.choice([1, 3, 10, 77]) if len(hits) < 40 else self.draw.choice([10, 77])
        pages = self.all_pages(words, k, **options)
        self.assertEqual([h.id for p in pages for h in p['hits']], [h.id for h in hits], told)
        self.assertTrue(all(p['found'] == len(hits) and (not p['moved'] or p['generation'] != pages[0]['generation']) for p in pages), told)
        offset = self.draw.randrange(len(hits) + 3)
        got = self.ask(words, k=k, offset=offset, **options)
        self.assertEqual([h.id for h in got['hits']], [h.id for h in hits[offset:offset + k]], told)

    def check_order(self, words, options, inside, told):
        fields = ['brand', 'maker', 'price', 'stock', 'made', 'sold', 'style', 'category', 'size']
        sort = [(f, self.draw.random() < .5) for f in self.draw.sample(fields, self.draw.choice([1, 1, 2, 3]))]
        got = self.all_pages(words, self.draw.choice([20, 1000]), sort=sort, **options)
        hits = [h for p in got for h in p['hits']]
        self.assertEqual(len(hits), len(inside), told)
        self.assertEqual({h.id for h in hits}, inside, told)
        keys = [self.catalog.sort_key(h.id, sort) for h in hits]
        self.assertEqual(keys, sorted(keys), f'{sort} of {told}')
        scores = [h.score for h in hits]
        self.assertEqual(scores, sorted(scores, reverse=True), f'{sort} of {told}')

    def check_groups(self, words, options, hits, told):
        field, size = self.draw.choice(['style', 'size', 'brand', 'category', 'sold', 'price', 'maker']), self.draw.choice([1, 2, 3, 99])
        if self.draw.random() < .3:
            options = {**options, 'sort': [(self.draw.choice(['price', 'brand', 'made']), self.draw.random() < .5), ('_score', True)]}
            hits = self.ask(words, k=1000, **options)['hits']
        wanted = {}
        for h in hits:
            value = self.catalog.one(h.id, field)
            wanted.setdefault(('', h.id) if value is None else ('v', value), []).append(h)
        rows = [(h.id, len(group)) for group in wanted.values() for h in group[:size]]
        pages = self.all_pages(words, self.draw.choice([2, 7, 100]) if len(wanted) < 60 else 100, group=(field, size), **options)
        got = [h for p in pages for h in p['hits']]
        told = f'{field}:{size} of {told}'
        self.assertEqual([(h.id, h.group_count) for h in got], rows, told)
        for p in pages:
            self.assertEqual((p['groups'], p['found']), (len(wanted), len(hits)), told)
        for h in got:
            value = self.catalog.one(h.id, field)
            self.assertEqual(typed(as_written(h.group, value)), typed('' if value is None else value), told)

    # --- facets

    def check_facets(self, words, options, tree, matches, told):
        facets = [self.a_facet() for _ in range(self.draw.choice([1, 3, 10]))]
        got = self.ask(words, k=self.draw.choice([0, 0, 5]), facets=facets, **options)
        self.assertEqual(len(got['facets']), len(facets), told)
        self.assertEqual(got['found'], len(self.catalog.filtered(matches, tree)), told)
        for facet, row in zip(facets, got['facets']):
            ids = self.catalog.filtered(matches, without(tree, facet.field) if facet.disjunctive else tree)
            self.check_facet(facet, row, ids, f'{facet} of {told}')


def as_written(text, value):
    return text == 'true' if isinstance(value, bool) else float(text) if number(value) and text else text


def plain(values):
    """A document as it went in: attributes as pairs, in one order."""
    out = {}
    for name, value in values.items():
        kind = SCHEMA[name][0]
        if kind == ATTRIBUTES:
            pairs = value.items() if isinstance(value, dict) else value
            flat = [(k, typed(x)) for k, v in pairs for x in (v if isinstance(v, list) else [v])]
            out[name] = sorted(flat, key=repr)
        else:
            out[name] = [typed(v) for v in value] if isinstance(value, list) else typed(value)
    return out


if __name__ == '__main__':
    unittest.main()
