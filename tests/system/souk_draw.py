"""Random catalogs, queries and filters for test_reference.py: each with its meaning, as souk_reference.py takes it."""
from souk_filters import broken
from souk_reference import ATTRIBUTES, BOOLEAN, FLOAT, INTEGER, KEYWORD, LIST, PATH, TEXT, TIMESTAMP, Query, fold, tokens

SCHEMA = {'title': (TEXT, True), 'notes': (TEXT, True), 'brand': (KEYWORD, True), 'maker': (KEYWORD, False), 'tags': (LIST, True),
          'category': (PATH, True), 'price': (FLOAT, False), 'stock': (INTEGER, False), 'made': (TIMESTAMP, False),
          'sold': (BOOLEAN, False), 'style': (KEYWORD, False), 'size': (INTEGER, False), 'attrs': (ATTRIBUTES, False)}
SEARCHED = [f for f, (_, searchable) in SCHEMA.items() if searchable]
KEYS = ['attrs.colour', 'attrs.width', 'attrs.flag', 'attrs.odd.key', 'attrs.mixed']
SYLLABLES = ['ba', 'ke', 'mo', 'zu', 'ri', 'ta', 'lo', 'vi', 'du', 'pa', 'no', 'gi']
FOREIGN = ['café', 'ñandú', 'кружка', 'λόγος', 'ısık', 'Ärmel', 'straße', 'ＦＵＬＬ', 'déjà', 'فنجان', 'ﬁlet']
KEYWORDS = ['Acme', 'acme', 'Bolt & Co', 'Citroën', 'déjà vu', 'x"y', "it's", 'back\\slash', 'Ömega', '  blank ', 'and', '50', '5.0', 'true',
            'a > b', 'Zubat', '青い', 'e\u0301cole', '`tick`', 'new\nline', '🙂', 'nul\0a', 'nul\0b', '> x', 'a >', '\u200b', 'Acme ']
NODES = ['Shoes', 'Shoes & More', 'Running', 'Été', 'shoes', 'Boots', 'x']


def schema_json():
    fields = []
    for name, (kind, searchable) in SCHEMA.items():
        column = kind != TEXT
        fields.append({'name': name, 'type': kind, 'searchable': searchable, 'filter': column, 'facet': column, 'sort': column,
                       'stored': True, 'language': ''})
        if name in ('title', 'brand', 'notes'):
            fields[-1]['weight_class'] = ['title', 'brand', 'notes'].index(name)
    return {'fields': fields}


class Draw:
    """`draw` is a random.Random; `real` are titles of real products."""

    def __init__(self, draw, real=()):
        self.draw, self.real = draw, list(real)
        self.words = sorted({''.join(draw.choices(SYLLABLES, k=draw.choice([1, 2, 2, 3, 3, 4]))) for _ in range(70)})
        self.codes = [f'{draw.choice(["zk", "xps", "ab"])}{draw.choice("-/._")}{draw.randrange(10, 40)}' for _ in range(8)]
        self.styles = [f's{n}' for n in range(40)]
        plurals = {w for title in self.real for _, w in tokens(title) if w.endswith('s')}
        self.singulars = {w[:-n] + more for w in plurals for n, more in ((1, ''), (2, ''), (3, 'y'), (3, 'f'), (3, 'fe'))}

    def word(self):
        """Frequent ones more often."""
        n = len(self.words)
        return self.words[min(int(self.draw.expovariate(6 / n)), n - 1)]

    def sentence(self, least, most):
        out = []
        for _ in range(self.draw.randint(least, most)):
            out.append(self.draw.choices([self.word(), self.draw.choice(FOREIGN), self.draw.choice(self.codes),
                                          str(self.draw.randrange(100, 130))], [20, 2, 2, 1])[0])
        out = [w.upper() if self.draw.random() < .05 else w.capitalize() if self.draw.random() < .2 else w for w in out]
        return ''.join(w + self.draw.choices([' ', ', ', ' & ', '; ', ' ( ', '\t', ' 🙂 '], [30, 3, 1, 1, 1, 1, 1])[0] for w in out).strip(' \t')

    def product(self):
        draw = self.draw
        p = {'title': self.sentence(1, 7)}
        if self.real and draw.random() < .3:
            p['notes'] = draw.choice(self.real)
        elif draw.random() < .6:
            p['notes'] = self.sentence(1, 50)
        maybe = {'brand': lambda: draw.choice(KEYWORDS), 'maker': lambda: draw.choice(KEYWORDS[:6]) + draw.choice(['', ' ' + self.word()]),
                 'tags': lambda: [self.sentence(1, 2) if draw.random() < .3 else draw.choice(KEYWORDS) for _ in range(draw.randint(1, 4))],
                 'category': lambda: [draw.choice(NODES) for _ in range(draw.randint(1, 4))],
                 'price': lambda: draw.choice([round(draw.uniform(0, 100), 2), float(draw.randrange(10)), -1.5, 1e15, 0.1]),
                 'stock': lambda: draw.choice([draw.randrange(5), draw.randrange(1000), -3, 1 << 40]),
                 'made': lambda: draw.choice([0, 1700000000000, draw.randrange(1 << 41)]), 'sold': lambda: draw.random() < .5,
                 'style': lambda: draw.choice(self.styles), 'size': lambda: draw.randrange(36, 44), 'attrs': self.attributes}
        for name, make in maybe.items():
            if draw.random() < .8:
                p[name] = make()
        return p

    def attributes(self):
        draw = self.draw
        values = {'colour': lambda: draw.choice(['red', 'Red', 'dark blue', 'été', 'nul\0a', 'nul\0b', '']), 'width': lambda: draw.choice([5, 5.5, 7, 120]),
                  'flag': lambda: draw.random() < .5, 'odd.key': lambda: [draw.choice('abc') for _ in range(draw.randint(1, 3))],
                  'mixed': lambda: draw.choice([5, '5', 5.5, True, 'true', [5, '5', 7.25], ['x', True]])}
        chosen = [k for k in values if draw.random() < .6] or ['colour']
        return {k: values[k]() for k in chosen}

    # --- queries

    def known(self, catalog):
        """A plain word of some product, as the catalog has it."""
        for _ in range(20):
            if not catalog.products or self.draw.random() < .5:
                return self.word()
            held = catalog.texts(self.draw.choice(sorted(catalog.products)), self.draw.choice(['title', 'notes', 'tags']))
            plain = [w for item in held for _, w in item if w.isascii() and w.isalpha() and len(w) > 1 and not self.inflected(w)]
            if plain:
                return self.draw.choice(plain)
        return self.word()

    def inflected(self, word):
        """Whether plurals and joining words might make more of it than it says."""
        return word.endswith('s') or word in self.singulars or word in ('and', 'or', 'und', 'en', 'of', 'och', 'og', 'ja', 'tai', 'for', 'with', 'x', 'by')

    def query(self, catalog, plain=False):
        draw, q = self.draw, Query()
        n = draw.choices([0, 1, 2, 3, 4], [1, 6, 6, 2, 1])[0]
        for _ in range(n):
            kind = 'word' if plain else draw.choices(['word', 'phrase', 'field', 'code', 'foreign', 'number'], [12, 3, 3, 1, 1, 1])[0]
            if kind == 'phrase':
                item = self.some_item(catalog)
                if len(item) > 2:
                    at = draw.randrange(len(item) - 1)
                    q.written.append(f'"{item[at]} {item[at + 1]}"' if draw.random() < .8 else f'"{item[at + 1]} {item[at]}"')
                    q.wanted.append(('phrase', [item[at], item[at + 1]] if q.written[-1] == f'"{item[at]} {item[at + 1]}"'
                                     else [item[at + 1], item[at]], None))
                    continue
            if kind == 'code':
                code = draw.choice(self.codes)
                q.written.append(code)
                q.wanted.append(('code', [w for _, w in tokens(code)][1:], None))
                continue
            field = draw.choice(SEARCHED) if kind == 'field' else None
            word = draw.choice(FOREIGN) if kind == 'foreign' else str(draw.randrange(100, 130)) if kind == 'number' else self.known(catalog)
            q.written.append((f'{field}:' if field else '') + word)
            q.wanted.append(('word', [fold(word)], field))
        if not plain and draw.random() < .25:
            word, field = self.known(catalog), draw.choice(SEARCHED) if draw.random() < .3 else None
            q.written.insert(0, '-' + (f'{field}:' if field else '') + (f'"{word}"' if not field and draw.random() < .5 else word))
            q.excluded.append(('word', [word], field))
        return q

    def misspelt(self, word):
        draw, at = self.draw, self.draw.randrange(1, len(word)) if len(word) > 1 else 0
        return draw.choice([word[:at] + word[at + 1:], word[:at] + draw.choice('xqwe') + word[at:], word[:at] + draw.choice('xqwe') + word[at + 1:]])

    def loose(self, catalog):
        """Words some of which the catalog has otherwise, or not at all."""
        draw, out = self.draw, []
        for _ in range(draw.choice([1, 1, 2, 2, 3, 4, 6, 12])):
            w = self.known(catalog)
            out.append(draw.choices([w, self.misspelt(w), w + self.word(), 'unknownword', draw.choice(self.codes)], [9, 3, 1, 1, 1])[0])
        return out

    def some_item(self, catalog):
        """The plain words of one text, those beside each other that are so in it."""
        held = catalog.texts(self.draw.choice(sorted(catalog.products)), self.draw.choice(['title', 'notes', 'tags']))
        if not held:
            return []
        item = self.draw.choice(held)
        by_place = {}
        for at, w in item:
            by_place.setdefault(at, []).append(w)
        for at in by_place:
            if len(by_place[at]) > 1 or not by_place[at][0].isalpha() or not by_place[at][0].isascii() or self.inflected(by_place[at][0]):
                return []
        return [by_place[at][0] for at in sorted(by_place)]

    def unfinished(self, q):
        """The last word as a beginning; None where it is none."""
        if not q.wanted or q.wanted[-1][0] != 'word' or not q.wanted[-1][1][0].isalpha():
            return None
        kind, words, field = q.wanted[-1]
        word = words[0][:self.draw.randint(1, len(words[0]))]
        q.written[-1] = (f'{field}:' if field else '') + word
        kind = 'word' if ('word', [word], field) in q.wanted[:-1] else 'beginning'  # what stood before begins nothing
        q.wanted[-1] = (kind, [word], field)
        return q

    # --- filters

    def some(self, catalog, field):
        for _ in range(30):
            values = catalog.values(self.draw.choice(sorted(catalog.products)), field)
            if values:
                return self.draw.choice(values)
        return 5 if catalog.type_of(field) in (INTEGER, FLOAT, TIMESTAMP) else True if catalog.type_of(field) == BOOLEAN else 'nothing'

    def blank(self):
        return self.draw.choices(['', ' ', '  ', '\n', '\t'], [10, 5, 1, 1, 1])[0]

    def gap(self):
        return self.draw.choices([' ', '  ', '\n', '\t '], [10, 1, 1, 1])[0]

    def case(self, word):
        return self.draw.choices([word, word.upper(), word.capitalize()], [8, 1, 1])[0]

    def name(self, field):
        return f'`{field}`' if self.draw.random() < .2 else field

    def written(self, value, attribute=False):
        """A value as a filter has it."""
        if isinstance(value, bool):
            return 'true' if value else 'false'
        if isinstance(value, (int, float)):
            return repr(value) if self.draw.random() < .8 or value != int(value) else f'{int(value)}.0'
        bare = value.isascii() and value.replace('_', 'a').isalpha() and value.lower() not in ('true', 'false', 'nan', 'inf', 'infinity')
        if bare and self.draw.random() < .5:
            return value
        quote = self.draw.choice('"\'')
        return quote + value.replace('\\', '\\\\').replace(quote, '\\' + quote) + quote

    def comparison(self, catalog):
        draw = self.draw
        kind = draw.choice(['=', '!=', '<', '<=', '>', '>=', 'range', 'in', 'under', 'exists', 'id'])
        texts = ['brand', 'maker', 'tags', 'category', 'style', *KEYS]
        numbers = ['price', 'stock', 'made', 'size', 'attrs.width', 'attrs.mixed']
        b = self.blank
        if kind in ('=', '!='):
            field = draw.choice([*texts, *numbers[:4], 'sold'])
            value = self.some(catalog, field) if draw.random() < .9 else self.some(catalog, 'brand' if field in texts else 'price')
            if field == 'sold':
                value = bool(value)
            return f'{self.name(field)}{b()}{kind}{b()}{self.written(value)}', (kind, field, value)
        if kind in ('<', '<=', '>', '>='):
            field = draw.choice(numbers)
            value = self.some(catalog, field)
            value = value if isinstance(value, (int, float)) and not isinstance(value, bool) else 6
            return f'{self.name(field)}{b()}{kind}{b()}{self.written(value)}', (kind, field, value)
        if kind == 'range':
            field = draw.choice(numbers)
            pair = [v if isinstance(v, (int, float)) and not isinstance(v, bool) else 6 for v in (self.some(catalog, field), self.some(catalog, field))]
            low, high = sorted(pair) if draw.random() < .9 else pair
            return f'{self.name(field)} {self.written(low)}{b()}..{b()}{self.written(high)}', ('range', field, low, high)
        if kind == 'in':
            field = draw.choice([*texts, *numbers[:4], 'sold'])
            values = [self.some(catalog, field) for _ in range(draw.choice([1, 2, 3, 8]))]
            inside = f'{b()},{b()}'.join(map(self.written, values))
            return f'{self.name(field)} {self.case("in")}{b()}[{b()}{inside}{b()}]', ('in', field, values)
        if kind == 'under':
            value = self.some(catalog, 'category')
            return f'{self.name("category")} {self.case("under")}{self.gap()}{self.written(value)}', ('under', 'category', value)
        if kind == 'exists':
            field = draw.choice([*texts, *numbers, 'sold', 'attrs'])
            return f'{self.case("exists")}{b()}({b()}{self.name(field)}{b()})', ('exists', field)
        ids = [draw.choice(sorted(catalog.products)) if draw.random() < .8 else 'nobody' for _ in range(3)]
        op = draw.choice(['=', '!=', 'in'])
        if op == 'in':
            return f'id in [{", ".join(map(self.written, ids))}]', ('id', 'in', ids)
        return f'id {op} {self.written(ids[0])}', ('id', op, ids[:1])

    def filter(self, catalog, depth=None):
        """(text, tree)"""
        draw = self.draw
        if depth is None:
            while True:
                made = self.filter(catalog, draw.choices([0, 1, 2, 3, 4], [4, 4, 3, 1, 1])[0])
                if not broken(catalog, made[0]):  # not more operators than are allowed
                    return made
        if depth == 0:
            return self.comparison(catalog)
        kind = draw.choice(['and', 'and', 'or', 'not', '()'])
        if kind == 'not':
            text, tree = self.filter(catalog, depth - 1)
            return f'{self.case("not")} ({text})' if tree[0] in ('and', 'or') else f'{self.case("not")}{self.gap()}{text}', ('not', tree)
        if kind == '()':
            text, tree = self.filter(catalog, depth - 1)
            return f'({self.blank()}{text}{self.blank()})', tree
        many = depth == 1 and draw.random() < .05
        parts = [self.filter(catalog, draw.randrange(depth)) for _ in range(40 if many else draw.choice([2, 2, 3]))]
        loose = {'and': ('or',), 'or': ()}[kind]  # what needs brackets inside
        texts = [f'({text})' if tree[0] in loose or tree[0] == kind and draw.random() < .5 else text for text, tree in parts]
        return f'{self.gap()}{self.case(kind)}{self.gap()}'.join(texts), (kind, [tree for _, tree in parts])
