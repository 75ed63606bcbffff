"""A catalog of soukd and the same in Python (souk_reference.py), changed together: what test_reference*.py ask."""
import json
import os
import random
import subprocess
import tempfile
import time
import unittest

from souk_draw import SCHEMA, Draw, schema_json
from souk_page import error, page, request
from souk_reference import Catalog
from souk_system import SEED, SOURCE, Server
from souk_wire import Connection, delete, patch, upsert

LONG = bool(os.environ.get('SOUK_LONG'))
ROUNDS = int(os.environ.get('SOUK_ROUNDS', '1500' if LONG else '60'))
EXACT = 'typo_below 0\nrelax_below 0\nparts_below 0\nlearn_below 0\nlearn_order 0\n'


def real_titles(n):
    """Of the sample catalog."""
    lines = subprocess.run(['zstdcat', os.path.join(SOURCE, 'data', 'esci-us.jsonl.zst')], capture_output=True, check=True).stdout
    titles = [json.loads(line)['title'] for line in lines.splitlines()[:n]]
    return [t for t in titles if not any(c.isdigit() for c in t)]  # numbers and units are words of many spellings


class World(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.draw = random.Random(SEED)
        cls.make = Draw(cls.draw, real_titles(1000))
        cls.server = Server(fronts=1, options=['eviction.keep=1h']).start()
        with tempfile.NamedTemporaryFile('w', suffix='.json') as f:
            json.dump(schema_json(), f)
            f.flush()
            cls.server.souk('catalog', 'create', 'shop', '--schema', f.name)
        cls.server.souk('profile', 'set', 'shop', 'exact', EXACT)
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
            ident = draw.choice(sorted(held)) if held and draw.random() < .3 else f'p{draw.randrange(1 << 30)}'
            kind = draw.choices(['upsert', 'expired', 'patch', 'delete', 'same'], [20, 1, 4, 2, 1])[0]
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

    def ask(self, words='', **options):
        return page(self.wire.call('SEARCH', request('shop', words, **options)).body)

    def all_pages(self, words, k, **options):
        out = [self.ask(words, k=k, **options)]
        while 'cursor' in out[-1]:
            out.append(self.ask(words, k=k, cursor=out[-1]['cursor'], **options))
        return out

    def refusal(self, words='', **options):
        """(code, position) of an error, None for an answer."""
        reply = self.wire.call('SEARCH', request('shop', words, **options), check=False)
        return error(reply) if reply.status else None
