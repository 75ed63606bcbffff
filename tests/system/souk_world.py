"""A catalog of soukd and the same in Python (souk_reference.py), changed together: what test_reference*.py ask."""
import json
import os
import random
import subprocess
import tempfile
import time
import unittest

from souk_draw import KEYS, SCHEMA, Draw, schema_json
from souk_page import RANGES, STATISTICS, VALUES, Facet, error, page, request
from souk_reference import ATTRIBUTES, BOOLEAN, NUMERIC, Catalog, number, tokens, typed
from souk_system import SEED, SOURCE, Server
from souk_wire import Connection, delete, patch, upsert

LONG = bool(os.environ.get('SOUK_LONG'))
ROUNDS = int(os.environ.get('SOUK_ROUNDS', '1500' if LONG else '50'))
EXACT = 'typo_below 0\nrelax_below 0\nparts_below 0\nlearn_below 0\nlearn_order 0\n'


def real_titles(n):
    """Of the sample catalog."""
    lines = subprocess.run(['zstdcat', os.path.join(SOURCE, 'data', 'esci-us.jsonl.zst')], capture_output=True, check=True).stdout
    titles = [json.loads(line)['title'] for line in lines.splitlines()[:n]]
    return [t for t in titles if not any(c.isdigit() for c in t)]  # numbers and units are words of many spellings


class World(unittest.TestCase):
    expires = True

    @classmethod
    def setUpClass(cls):
        cls.draw = random.Random(SEED)
        cls.make = Draw(cls.draw, real_titles(1000))
        cls.server = Server(fronts=1, options=['eviction.keep=1h']).start()
        with tempfile.NamedTemporaryFile('w', suffix='.json') as f:
            json.dump(schema_json(), f)
            f.flush()
            for name in 'shop', 'again':
                cls.server.souk('catalog', 'create', name, '--schema', f.name)
        cls.server.souk('profile', 'set', 'shop', 'exact', EXACT)
        cls.server.souk('profile', 'set', 'shop', 'plain', EXACT + 'window 0\n')
        cls.server.souk('profile', 'set', 'shop', 'loose', 'learn_below 0\nlearn_order 0\nwindow 0\n')
        cls.wire = Connection(('127.0.0.1', cls.server.port))
        cls.catalog = Catalog(SCHEMA)
        cls.change(400)
        for _ in range(6):
            cls.change(40)

    @classmethod
    def tearDownClass(cls):
        cls.wire.close()
        cls.server.stop()
        cls.server.remove()

    @classmethod
    def change(cls, n):
        """Changes of all kinds, in the catalog and in the model, visible when it returns."""
        items, draw, held = [], cls.draw, cls.catalog.products
        for _ in range(n):
            ident = draw.choice(sorted(held)) if held and draw.random() < (.9 if len(held) > 700 else .3) else f'p{draw.randrange(1 << 30)}'
            kind = draw.choices(['upsert', 'expired', 'patch', 'delete', 'same'], [20, int(cls.expires), 4, 60 if len(held) > 700 else 2, 1])[0]
            if kind == 'patch' and ident in held:
                fresh = cls.make.product()
                fresh = {k: fresh[k] for k in draw.sample(sorted(fresh), min(3, len(fresh)))}
                gone = {k: None for k in draw.sample(sorted(set(SCHEMA) - {'title'}), 2) if k not in fresh}
                items.append(patch(ident, {**fresh, **gone}))
                held[ident] = {k: v for k, v in {**held[ident], **fresh}.items() if k not in gone}
            elif kind == 'delete' and ident in held:
                items.append(delete(ident))
                del held[ident]
            else:
                p = dict(held[draw.choice(sorted(held))]) if kind == 'same' and held else cls.make.product()
                items.append(upsert(ident, p))
                held[ident] = p
                if kind == 'expired':
                    items[-1] = items[-1]._replace(windows=b'\2\1\1')
                    del held[ident]
        cls.wire.put('shop', items, ack=2)
        time.sleep(.01)

    def ask(self, words='', catalog='shop', **options):
        return page(self.wire.call('SEARCH', request(catalog, words, **options)).body)

    def all_pages(self, words, k, **options):
        out = [self.ask(words, k=k, **options)]
        while 'cursor' in out[-1]:
            out.append(self.ask(words, k=k, cursor=out[-1]['cursor'], **options))
        return out

    def refusal(self, words='', **options):
        """(code, position) of an error, None for an answer."""
        reply = self.wire.call('SEARCH', request('shop', words, **options), check=False)
        return error(reply) if reply.status else None

    # --- facets

    def a_facet(self):
        draw = self.draw
        field = draw.choice(['brand', 'maker', 'tags', 'category', 'price', 'stock', 'made', 'sold', 'style', 'size', *KEYS])
        numeric = field in ('price', 'stock', 'made', 'size', 'attrs.width', 'attrs.mixed')
        kind = draw.choice([VALUES, RANGES, STATISTICS]) if numeric else VALUES
        ranges = query = ''
        if kind == RANGES:
            edges = sorted(v if number(v) else 6 for v in (self.make.some(self.catalog, field) for _ in range(3)))
            a, b, c = (repr(v) for v in edges)
            ranges = draw.choice([f'..{a},{a}..{b},{b}..', f'{a}..{c}', f'..{b},{a}..{c}', '..', f'{a}..{a}'])
        elif kind == VALUES and draw.random() < .2 and field in ('brand', 'maker', 'tags', 'category'):
            query = draw.choice([w for _, w in tokens(str(self.make.some(self.catalog, field))) if w.isalpha()] or ['acme'])
        return Facet(field, draw.choice([1, 3, 10, 1000]), kind, ranges, query, draw.random() < .4)

    def check_facet(self, facet, got, ids, told):
        self.assertEqual((got['field'], got['kind']), (facet.field, facet.kind), told)
        if facet.kind != VALUES:
            values = self.catalog.numbers(ids, facet.field)
            if facet.kind == RANGES:
                self.assertEqual(got['values'], [(r, sum(inside(v, r) for v in values)) for r in facet.ranges.split(',')], told)
                return
            self.assertEqual(got['count'], len(values), told)
            if values:
                self.assertEqual((got['min'], got['max']), (min(values), max(values)), told)
                self.assertAlmostEqual(got['sum'], sum(values), delta=1e-9 * sum(map(abs, values)), msg=told)
            return
        counts = self.catalog.counts(ids, facet.field)
        if facet.query:
            found = {v: n for v, n in counts.items() if any(w.startswith(facet.query) for _, w in tokens(v[1]))}
            if not found:
                return  # typos are forgiven then
            counts = found
        kind = self.catalog.type_of(facet.field)
        read = (lambda v: v == 'true') if kind == BOOLEAN else float if kind in NUMERIC else lambda v: v
        rows = [(typed(read(v)), n) for v, n in got['values']]
        self.assertEqual([], [(v, n, counts.get(v)) for v, n in rows if counts.get(v) != n], told)
        self.assertEqual((len(dict(rows)), got['distinct']), (len(rows), len(counts)), told)
        if kind in NUMERIC or kind == ATTRIBUTES:  # equal counts by the texts of numbers, which Python writes otherwise
            self.assertEqual([n for _, n in rows], sorted(counts.values(), reverse=True)[:facet.limit], told)
        else:
            self.assertEqual(rows, sorted(counts.items(), key=lambda row: (-row[1], row[0][1].encode()))[:facet.limit], told)


def inside(value, text):
    low, _, high = text.partition('..')
    return (not low or float(low) <= value) and (not high or value < float(high))
