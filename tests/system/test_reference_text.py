"""What docs/relevance.md and docs/pages.md promise of searches that find more than what is written, of marked texts, rules and
suggestions, over the catalogs of test_reference.py: here the model says what belongs together, not what is found."""
import re
import tempfile
import unittest

from souk_draw import SEARCHED
from souk_page import ALL
from souk_reference import fold, tokens, without
from souk_system import SEED, wait_until
from souk_wire import TAGS, Connection, Reader, fields, tlv, upsert
from souk_world import ROUNDS, World

ON, OFF = '\x0e', '\x0f'


class Text(World):
    def told(self, words, *more):
        return f'{words!r} {more} SOUK_SEED={SEED}'

    # --- what belongs together however it was found

    def test_filters_facets_groups_orders_and_pages_agree_with_what_is_found(self):
        for n in range(ROUNDS):
            if n % 20 == 19:
                self.change(20)
            words = ' '.join(self.make.loose(self.catalog))
            base = {'count_to': 0, 'prefix': self.draw.randrange(2), 'no_cache': self.draw.randrange(2)}
            every = self.ask(words, k=1000, **base)
            order = [h.id for h in every['hits']]
            told = self.told(words, base)
            self.assertEqual((every['found'], len(set(order))), (len(order), len(order)), told)
            self.assertLessEqual({h.id for h in self.ask(words, k=1000, match=ALL, **base)['hits']}, set(order), told)
            lacking = [every['lacks'][i] for i in sorted(every['lacks'])]
            self.assertEqual(bool(lacking), bool(every['dropped']), told)
            if lacking:
                self.assertEqual(every['dropped'], lacking[0], told)
            text, tree = self.make.filter(self.catalog)
            left = self.catalog.filtered(order, tree)
            facets = [self.a_facet() for _ in range(3)]
            got = self.ask(words, k=1000, filter=text, facets=facets, **base)
            told = self.told(words, base, text)
            filtered = [h.id for h in got['hits']]
            self.assertEqual((set(filtered), got['found']), (left, len(left)), told)
            for facet, row in zip(facets, got['facets']):
                self.check_facet(facet, row, self.catalog.filtered(order, without(tree, facet.field) if facet.disjunctive else tree), f'{facet} of {told}')
            pages = self.all_pages(words, self.draw.choice([7, 50]), filter=text, **base)
            self.assertEqual([h.id for p in pages for h in p['hits']], filtered, told)
            grouped = self.all_pages(words, 100, filter=text, group=('style', 2), **base)
            wanted = {}
            for i in filtered:
                wanted.setdefault(self.catalog.one(i, 'style') or i, []).append(i)
            self.assertEqual([h.id for p in grouped for h in p['hits']], [i for group in wanted.values() for i in group[:2]], told)
            sort = [(self.draw.choice(['price', 'brand', 'made']), self.draw.random() < .5)]
            ordered = [h.id for p in self.all_pages(words, 50, filter=text, sort=sort, **base) for h in p['hits']]
            self.assertEqual((set(ordered), len(ordered)), (left, len(left)), f'{sort} of {told}')
            keys = [self.catalog.sort_key(i, sort) for i in ordered]
            self.assertEqual(keys, sorted(keys), f'{sort} of {told}')

    def test_products_with_all_words_as_written_come_first(self):
        for _ in range(ROUNDS):
            q = self.make.query(self.catalog, plain=True)
            if not q.wanted:
                continue
            exact = self.catalog.matches(q)
            got = self.ask(q.text(), k=1000, count_to=0, prefix=0)
            order = [h.id for h in got['hits']]
            told = self.told(q.text())
            self.assertEqual(set(order[:len(exact)]), exact, told)
            if len(exact) >= 50:
                self.assertEqual(len(order), len(exact), told)
            for n, h in enumerate(order):
                for word in got['lacks'].get(n, []):
                    self.assertIn(word, q.written, told)
                    self.assertFalse(self.catalog.holds(h, ('word', [word], None), None), f'{word} of {h} of {told}')
                if h in exact:
                    self.assertNotIn(n, got['lacks'], told)

    # --- marked texts

    def test_marks_lie_round_words_of_the_query_and_nothing_else(self):
        for _ in range(ROUNDS):
            q = self.make.query(self.catalog)
            begun = self.draw.random() < .5 and self.make.unfinished(q)
            chosen = self.draw.sample(['title', 'notes', 'tags', 'brand'], self.draw.randint(1, 4))
            got = self.ask(q.text(), k=10, marks=(ON, OFF, chosen), profile='exact', typos=0, match=ALL, prefix=int(bool(begun)))
            for n, h in enumerate(got['hits']):
                for name in chosen:
                    value = self.catalog.products[h.id].get(name)
                    told = self.told(q.text(), h.id, name, value)
                    rows = got['marks'].get((n, name), [])
                    if value is None:
                        self.assertEqual(rows, [], told)
                        continue
                    items = value if isinstance(value, list) else [value]
                    self.assertEqual(len(rows), len(items), told)
                    for item, (marked, made) in zip(items, rows):
                        self.check_marks(q, name, item, marked, made, told)

    def check_marks(self, q, name, item, marked, made, told):
        bare = marked.replace(ON, '').replace(OFF, '')
        long = len({at for at, _ in tokens(item)}) > 30
        self.assertIn(bare, item, told) if long else self.assertEqual(bare, item, told)
        spans = re.findall(f'{ON}([^{ON}{OFF}]*){OFF}', marked)
        self.assertEqual((marked.count(ON), marked.count(OFF)), (len(spans), len(spans)), told)
        self.assertEqual(made, len(spans), told)
        if long and made:  # the words up to four before and after the best match
            self.assertLessEqual(len({at for at, _ in tokens(bare)}), 9, f'{marked!r} of {told}')
        terms = [t for t in q.wanted if t[2] in (None, name)]
        single = [t for t in terms if t[0] in ('word', 'beginning')]
        for span in spans:
            self.assertEqual(span, span.strip(), told)
            # a code is found joined, too, and marked in its parts: "ab36" of ab/36
            codes = [c for c in re.findall(r'\w+(?:[-/._+]\w+)+', item) if span in c]
            inside = [w for _, w in tokens(span)] + [fold(re.sub('[-/._+]', '', c)) for c in codes]
            self.assertTrue(any(fits(w, t) for w in inside for t in terms), f'{span!r} of {told}')
        for _, w in tokens(re.sub(f'{ON}[^{OFF}]*{OFF}', ' ', marked)):
            self.assertFalse(any(fits(w, t) for t in single), f'{w!r} of {marked!r} of {told}')

    # --- rules

    def test_pins_and_hidden_products_are_where_rules_put_them(self):
        for n in range(max(4, ROUNDS // 15)):
            words = ' '.join(self.make.known(self.catalog) for _ in range(self.draw.choice([1, 2, 3])))
            base = {'count_to': 0, 'profile': self.draw.choice(['plain', 'loose'])}
            before = [h.id for h in self.ask(words, k=1000, **base)['hits']]
            everybody = sorted(self.catalog.products)
            pins = self.draw.sample(everybody, 2) + self.draw.sample(before, min(2, len(before))) + ['nobody']
            self.draw.shuffle(pins)
            pins = list(dict.fromkeys(pins))
            places = sorted(self.draw.choices(range(1, 12), k=len(pins)))
            hidden = self.draw.sample(everybody, 1) + self.draw.sample(before, min(3, len(before)))
            hidden = [i for i in hidden if i not in pins]
            rule = f'query {words}\n' + ''.join(f'pin {i} {at}\n' for i, at in zip(pins, places)) + ''.join(f'hide {i}\n' for i in hidden)
            self.server.souk('rules', 'set', 'shop', 'rule', rule)
            real = {i: at for i, at in zip(pins, places) if i in self.catalog.products}
            wanted = [i for i in before if i not in real and i not in hidden]
            last = 0
            for i, at in real.items():
                last = max(at, last + 1)  # of two at one place the second is behind
                wanted.insert(last - 1, i)
            told = self.told(words, rule, before[:15])
            wait_until(lambda: [h.id for h in self.ask(words, k=1000, **base)['hits']][:12] != before[:12] or not real, 5, told)
            got = self.ask(words, k=1000, **base, facets=[self.a_facet()])
            ids = [h.id for h in got['hits']]
            self.assertEqual(ids, wanted, f'{told} more {set(ids) - set(wanted)} less {set(wanted) - set(ids)} {ids[:15]} {wanted[:15]} {got["degraded"]}')
            self.assertEqual(got['found'], len(wanted), told)
            pages = self.all_pages(words, self.draw.choice([1, 3, 5]) if len(wanted) < 50 else 20, **base)
            self.assertEqual([h.id for p in pages for h in p['hits']], ids, told)
            text, tree = self.make.filter(self.catalog)
            got = self.ask(words, k=1000, filter=text, **base)
            ids = [h.id for h in got['hits']]
            everything = self.catalog.filtered(set(wanted), tree)
            self.assertEqual((set(ids), got['found']), (everything, len(everything)), f'{text} {told}')
            for more in {'sort': [('price', False)]}, {'group': ('style', 99)}:
                found = self.ask(words, k=100, filter=text, **base, **more)
                unpinned = self.catalog.filtered(set(before) - set(hidden), tree)
                self.assertEqual(found['found'], len(unpinned), f'{more} {text} {told}')
                self.assertLessEqual({h.id for h in found['hits']}, unpinned, f'{more} {text} {told}')
            self.server.souk('rules', 'remove', 'shop', 'rule')
            wait_until(lambda: [h.id for h in self.ask(words, k=1000, **base)['hits']] == before, 5, told)


class History(World):
    expires = False  # what is kept beyond its time counts for how rare words are, and so does what was replaced until it is merged away

    def test_the_history_of_a_catalog_decides_nothing(self):
        """The same products put once, in another order, into a new catalog; and after a start of soukd."""
        held = list(self.catalog.products.items())
        self.draw.shuffle(held)
        for at in range(0, len(held), 100):
            self.wire.put('again', [upsert(i, p) for i, p in held[at:at + 100]], ack=2)
        self.server.souk('catalog', 'rebuild', 'shop')
        asked = [(' '.join(self.make.loose(self.catalog)), {'prefix': self.draw.randrange(2), 'facets': [self.a_facet() for _ in range(2)],
                                                            'filter': self.make.filter(self.catalog)[0] if self.draw.random() < .3 else None})
                 for _ in range(ROUNDS)]
        before = self.answers('shop', asked)
        for (w, o), one, other in zip(asked, before, self.answers('again', asked)):
            self.assertEqual(one, other, f'{w!r} {o} SOUK_SEED={SEED}')
        self.server.stop()
        self.server.start()
        type(self).wire.close()
        type(self).wire = Connection(('127.0.0.1', self.server.port))
        for (w, o), one, other in zip(asked, before, self.answers('shop', asked)):
            self.assertEqual(one, other, f'{w!r} {o} SOUK_SEED={SEED}')

    def answers(self, catalog, asked):
        """Sums of fractions depend on their order, and are left out."""
        got = [self.ask(w, catalog=catalog, k=1000, count_to=0, **o) for w, o in asked]
        return [([(h.id, h.score) for h in p['hits']], p['found'], [{**f, 'sum': 0} for f in p['facets']], p['degraded'], p['dropped']) for p in got]


class Suggestions(World):
    """By themselves: what others search twice is suggested too."""

    def test_suggestions_complete_what_was_typed_heaviest_first(self):
        queries = {' '.join(self.make.known(self.catalog) for _ in range(self.draw.choice([1, 2, 3]))): n + 1 for n in range(80)}
        queries.update({'unknownword ' + self.make.word(): 500, self.make.word() + ' unknownword': 501})
        with tempfile.NamedTemporaryFile('w', suffix='.tsv') as f:
            f.write(''.join(f'{q}\t{n}\n' for q, n in queries.items()))
            f.flush()
            self.server.souk('suggest', 'load', 'shop', f.name)
        held = {w for i in self.catalog.products for name in SEARCHED for item in self.catalog.texts(i, name) for _, w in item}
        known = {q: n for q, n in queries.items() if all(w in held for w in q.split())}
        first = max(known, key=known.get)
        wait_until(lambda: first in self.suggested(first, 5), 5, 'the list is visible')
        for _ in range(ROUNDS):
            q = self.draw.choice(sorted(queries))
            word = self.draw.choice([q, q, q.split()[-1]])
            typed = word[:self.draw.randint(1, len(word))]
            limit = self.draw.choice([1, 5, 20])
            begin = [q for q in known if q.startswith(typed)]
            later = [q for q in known if q not in begin and any(w.startswith(typed) for w in q.split()[1:])] if ' ' not in typed else []
            wanted = sorted(begin, key=lambda q: -known[q]) + sorted(later, key=lambda q: -known[q])
            got = self.suggested(typed, limit)
            self.assertLessEqual(len(got), limit)
            self.assertLessEqual(set(got), set(known), f'{typed!r} SOUK_SEED={SEED}')
            self.assertEqual(got[:len(wanted)], wanted[:limit], f'{typed!r} {limit} SOUK_SEED={SEED}')
            self.assertLessEqual(set(got), set(known), f'{typed!r} {limit} SOUK_SEED={SEED}')

    def suggested(self, typed, limit):
        body = self.wire.call('SUGGEST', tlv('SUGGEST', 'CATALOG', 'shop') + tlv('SUGGEST', 'TEXT', typed) + tlv('SUGGEST', 'LIMIT', limit)).body
        return [Reader(value).bytes().decode() for tag, value in fields(body) if tag == TAGS['SUGGEST']['QUERY']]


def fits(word, term):
    kind, words, _ = term
    if kind == 'beginning':
        return word.startswith(words[0])
    return word in words or kind == 'code' and word == ''.join(words)


if __name__ == '__main__':
    unittest.main()
