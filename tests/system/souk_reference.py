"""A catalog in a few lines of Python that answers as docs/relevance.md, docs/filters.md and docs/pages.md say, product by
product: what test_reference.py holds soukd against. Nothing here is fast, and nothing was read off the C code."""
import re
import unicodedata
from collections import Counter

TEXT, KEYWORD, INTEGER, FLOAT, BOOLEAN, TIMESTAMP, LIST, PATH, ATTRIBUTES = (
    'text', 'keyword', 'integer', 'float', 'boolean', 'timestamp', 'keyword_list', 'path', 'attributes')
NUMERIC = (INTEGER, FLOAT, BOOLEAN, TIMESTAMP)


# --- words

def fold(text):
    """No case, no diacritics; final sigma and dotless i as the plain ones."""
    text = unicodedata.normalize('NFKC', text).casefold().replace('ς', 'σ').replace('ı', 'i')
    text = ''.join(c for c in text if unicodedata.category(c) != 'Cf')  # what is not seen decides nothing
    text = unicodedata.normalize('NFD', text)
    return unicodedata.normalize('NFC', ''.join(c for c in text if not unicodedata.combining(c)))


RUN = re.compile(r"[^\W_]+(?:[-/._+'’][^\W_]+)*")


def tokens(text):
    """[(position, word)]; words joined by a hyphen and its like give their parts, and the whole at the first one's place."""
    out, at = [], 0
    for run in RUN.findall(fold(text)):
        pieces = re.split(r'[-/_+]|\.(?!\d)|(?<!\d)\.', re.sub(r"['’](?=[^\W\d_])", '', run))
        pieces = [p for piece in pieces for p in re.split(r"['’]", piece)]
        if len(pieces) > 1:
            out.append((at, ''.join(pieces)))
        for piece in pieces:
            out.append((at, piece))
            at += 1
    return out


class Query:
    """Words, phrases and exclusions, as they are written and as they are meant."""

    def __init__(self):
        self.written = []
        self.wanted, self.excluded = [], []  # (kind, words, field): kind is word, beginning, phrase

    def text(self):
        return ' '.join(self.written)


# --- filters: a filter is a function of a product, with the fields it looks at

def number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def same(a, b):
    """Values of an attribute: "5" is not 5, 5.0 is."""
    if number(a) and number(b):
        return a == b
    return type(a) is type(b) and a == b


def typed(value):
    """A value that is equal only to one of its own kind."""
    if isinstance(value, bool):
        return 'boolean', value
    return ('number', float(value)) if number(value) else ('text', value)


def alphabet(text):
    """The order of texts: folded first, then the bytes."""
    return fold(text), text.encode()


class Catalog:
    """`schema` is {field: (type, searchable)}; `products` {id: {field: value}} is changed by whoever tests."""

    def __init__(self, schema):
        self.schema, self.products, self.cache = schema, {}, {}

    def type_of(self, field):
        return ATTRIBUTES if field.partition('.')[0] in self.schema and '.' in field else self.schema[field][0]

    def values(self, ident, field):
        """All values of a field, those of a path with every node above."""
        name, _, key = field.partition('.')
        value = self.products[ident].get(name)
        if value is None:
            return []
        if key:
            value = dict(value).get(key)
            return [] if value is None else value if isinstance(value, list) else [value]
        if self.schema[name][0] == PATH:
            return [' > '.join(value[:n + 1]) for n in range(len(value))]
        if self.schema[name][0] == ATTRIBUTES:
            return list(value)
        return value if isinstance(value, list) else [value]

    def one(self, ident, field):
        """The value that orders and groups: of a path the whole."""
        values = self.values(ident, field)
        return values[-1] if values else None

    def same_values(self, ident, field, value):
        if self.type_of(field) == ATTRIBUTES:
            return any(same(v, value) for v in self.values(ident, field))
        return any(v == value for v in self.values(ident, field))

    # --- words

    def texts(self, ident, field):
        """Lists of tokens, one for each item of the field."""
        value = self.products[ident].get(field)
        if value is None:
            return []
        if self.schema[field][0] == ATTRIBUTES:
            value = [v for _, v in value.items()]
            value = [x for v in value for x in (v if isinstance(v, list) else [v])]
            value = [v for v in value if isinstance(v, str)]
        items = value if isinstance(value, list) else [value]
        key = (field, *items)
        if key not in self.cache:
            self.cache[key] = [tokens(item) for item in items]
        return self.cache[key]

    def holds(self, ident, term, fields):
        kind, words, field = term
        if kind == 'code':  # as one word, or each of its parts somewhere
            return self.holds(ident, ('word', [''.join(words)], field), fields) or \
                all(self.holds(ident, ('word', [w], field), fields) for w in words)
        for name in [field] if field else fields or [f for f, (_, searchable) in self.schema.items() if searchable]:
            for item in self.texts(ident, name):
                held = set(w for _, w in item)
                if kind == 'word' and words[0] in held or kind == 'beginning' and any(w.startswith(words[0]) for w in held):
                    return True
                if kind == 'phrase':
                    places = set(item)
                    if any(all((at + i, w) in places for i, w in enumerate(words)) for at, _ in item):
                        return True
        return False

    def matches(self, query, fields=None, every=True):
        """The ids of products that hold what is asked, exactly. Where one word is enough, phrases and words of a field are
        asked for all the same, and beside them no other is needed."""
        wanted = query.wanted
        must = wanted if every else [t for t in wanted if t[0] == 'phrase' or t[2]]
        return {i for i in self.products
                if all(self.holds(i, t, fields) for t in must)
                and (must or not wanted or any(self.holds(i, t, fields) for t in wanted))
                and not any(self.holds(i, t, fields) for t in query.excluded)}

    # --- filters, trees of tuples

    def passes(self, ident, f):
        kind = f[0]
        if kind == 'and':
            return all(self.passes(ident, x) for x in f[1])
        if kind == 'or':
            return any(self.passes(ident, x) for x in f[1])
        if kind == 'not':
            return not self.passes(ident, f[1])
        if kind == 'exists':
            return bool(self.values(ident, f[1]))
        if kind == 'id':
            return (ident in f[2]) != (f[1] == '!=')
        if kind in ('=', '!=', 'under'):
            return self.same_values(ident, f[1], f[2]) != (kind == '!=')
        if kind == 'in':
            return any(self.same_values(ident, f[1], v) for v in f[2])
        numbers = [v for v in self.values(ident, f[1]) if number(v)]
        if kind == 'range':
            return any(f[2] <= v <= f[3] for v in numbers)
        compare = {'<': lambda v: v < f[2], '<=': lambda v: v <= f[2], '>': lambda v: v > f[2], '>=': lambda v: v >= f[2]}[kind]
        return any(compare(v) for v in numbers)

    def filtered(self, ids, f):
        return {i for i in ids if f is None or self.passes(i, f)}

    # --- facets

    def counts(self, ids, field):
        """{value: products}, each value as typed() has it."""
        out = Counter()
        for i in ids:
            out.update({typed(v) for v in self.values(i, field)})
        return out

    def numbers(self, ids, field):
        return [v for i in ids for v in self.values(i, field) if number(v)]

    # --- order

    def sort_key(self, ident, sort):
        """A key of Python's sorted(): products without the value come last either way."""
        out = []
        for field, descending in sort:
            v = self.one(ident, field)
            if v is None:
                out.append((1,))
            elif isinstance(v, str):
                key = [ord(c) for c in fold(v)], list(v.encode())
                out.append((0, [tuple(-x for x in part) + (1,) if descending else tuple(part) for part in key]))
            else:
                out.append((0, -v if descending else +v))
        return out


def fields_of(f):
    """The fields a filter looks at."""
    if f[0] in ('and', 'or'):
        return set().union(*(fields_of(x) for x in f[1]))
    if f[0] == 'not':
        return fields_of(f[1])
    return {'id' if f[0] == 'id' else f[1]}


def without(f, field):
    """What a disjunctive facet on the field is counted under: the terms at the top that look at nothing else are off."""
    if f is None or f[0] != 'and':
        return None if f is None or fields_of(f) == {field} else f
    left = [t for t in (without(x, field) for x in f[1]) if t is not None]
    return ('and', left) if left else None

