"""Whole searches in Python: a SEARCH body of named parts, and its reply as names and values, written from
docs/protocol.md alone.

    page(connection.call('SEARCH', request('shop', 'red shoe', filter='price < 50', facets=[Facet('brand')])).body)
"""
import struct
from collections import namedtuple

from souk_wire import OPCODES, STATUSES, TAGS, Reader, fields, text, tlv, varint

VALUES, RANGES, STATISTICS = 0, 1, 2
ALL, ANY, RELAXED = 0, 1, 2
Facet = namedtuple('Facet', 'field limit kind ranges query disjunctive', defaults=(10, VALUES, '', '', False))
NUMBERS = {'match': 'MATCH', 'prefix': 'PREFIX', 'typos': 'TYPOS', 'k': 'K', 'offset': 'OFFSET', 'count_to': 'COUNT_TO',
           'no_cache': 'NO_CACHE', 'ids_only': 'IDS_ONLY', 'max_stale': 'MAX_STALE_MS'}
TEXTS = {'filter': 'FILTER', 'profile': 'PROFILE', 'cursor': 'CURSOR'}


def request(catalog, words='', **parts):
    """The body of a SEARCH."""
    body = tlv('SEARCH', 'CATALOG', catalog) + tlv('SEARCH', 'TEXT', words)
    for name, value in parts.items():
        if value is None:
            continue
        if name in NUMBERS:
            body += tlv('SEARCH', NUMBERS[name], int(value))
        elif name in TEXTS:
            body += tlv('SEARCH', TEXTS[name], value)
        elif name == 'fields':
            body += b''.join(tlv('SEARCH', 'FIELD', f) for f in value)
        elif name == 'chosen':
            body += b''.join(tlv('SEARCH', 'RETURN', f) for f in value)
        elif name == 'facets':
            body += b''.join(tlv('SEARCH', 'FACET', text(f.field) + varint(f.limit) + bytes([f.kind]) + text(f.ranges) + text(f.query)
                                 + bytes([f.disjunctive])) for f in value)
        elif name == 'sort':
            body += b''.join(tlv('SEARCH', 'SORT', bytes([descending]) + text(f)) for f, descending in value)
        elif name == 'group':
            body += tlv('SEARCH', 'GROUP', varint(value[1]) + text(value[0]))
        elif name == 'marks':
            body += tlv('SEARCH', 'HIGHLIGHT', text(value[0]) + text(value[1]) + varint(len(value[2])) + b''.join(map(text, value[2])))
        else:
            raise KeyError(name)
    return body


def read_value(r):
    kind = r.data[r.at]
    r.at += 1
    if kind == 0:
        return None
    if kind in (1, 2):
        return kind == 2
    if kind == 3:
        n = r.varint()
        return n >> 1 ^ -(n & 1)
    if kind == 4:
        r.at += 8
        return struct.unpack('<d', r.data[r.at - 8:r.at])[0]
    if kind == 5:
        return r.bytes().decode()
    if kind == 6:
        return [r.bytes().decode() for _ in range(r.varint())]
    return [(r.bytes().decode(), read_value(r)) for _ in range(r.varint())]


def read_document(data, names):
    """(id, {field: value}); attributes are a list of (path, value)."""
    r = Reader(data)
    ident, out = r.bytes().decode(), {}
    for _ in range(r.varint()):
        name = names[r.varint()]
        out[name] = read_value(r)
    assert not r.more(), 'bytes behind a document'
    return ident, out


Hit = namedtuple('Hit', 'id score values group_count group')


def _hits(value, names):
    r, out = Reader(value), []
    for _ in range(r.varint()):
        ident, score = r.bytes().decode(), r.varint()
        r.at += 1  # freshness
        r.varint()
        document = r.bytes()
        count, group = r.varint(), r.bytes().decode()
        r.bytes()
        values = None
        if document:
            told, values = read_document(document, names)
            assert told == ident, f'the document of {told} in the hit {ident}'
        out.append(Hit(ident, score, values, count, group))
    assert not r.more(), 'bytes behind the hits'
    return out


def _typed(word, kind):
    """The text of a value of a facet as what it is."""
    if kind == 0:
        return word
    return float(word) if kind in (3, 4) else word == 'true'


def _facet(value):
    r = Reader(value)
    out = {'field': r.bytes().decode(), 'kind': r.varint(), 'distinct': r.varint(), 'count': r.varint()}
    out['min'], out['max'], out['sum'] = struct.unpack('<3d', value[r.at:r.at + 24])
    r.at += 24
    rows = [(r.bytes().decode(), r.varint()) for _ in range(r.varint())]
    kinds = value[r.at:r.at + len(rows)] if r.more() else bytes(len(rows))
    out['values'] = [(_typed(word, kind), count) for (word, count), kind in zip(rows, kinds)]
    return out


def _texts(value):
    r = Reader(value)
    return [r.bytes().decode() for _ in range(r.varint())]


def page(body):
    """A SEARCH reply as a dict."""
    names = {tag: name for name, tag in TAGS['HITS'].items()}
    out = {'facets': [], 'marks': {}, 'degraded': [], 'dropped': [], 'cut': [], 'hits': [], 'moved': False, 'lacks': {}, 'groups': 0}
    rows = [(names.get(tag), value) for tag, value in fields(body)]
    columns = next((_texts(value) for name, value in rows if name == 'FIELDS'), [])
    for name, value in rows:
        if name in ('FOUND', 'GROUPS', 'SEQUENCE', 'GENERATION'):
            out[name.lower()] = Reader(value).varint()
        elif name in ('FOUND_EXACT', 'MOVED'):
            out[name.lower()] = bool(Reader(value).varint())
        elif name in ('DEGRADED', 'DROPPED', 'CUT'):
            out[name.lower()].append(value.decode())
        elif name == 'HITS':
            out['hits'] = _hits(value, columns)
        elif name == 'FACET':
            out['facets'].append(_facet(value))
        elif name == 'CURSOR':
            out['cursor'] = value
        elif name == 'HIGHLIGHT':
            r = Reader(value)
            hit, field, made, marked = r.varint(), r.bytes().decode(), r.varint(), r.bytes().decode()
            out['marks'].setdefault((hit, field), []).append((marked, made))
        elif name == 'LACKS':
            r = Reader(value)
            hit = r.varint()
            out['lacks'][hit] = [r.bytes().decode() for _ in range(r.varint())]
    return out


def error(reply):
    """(code, position, field) of a refused reply."""
    told = {tag: value for tag, value in fields(reply.body)}
    position = told.get(TAGS['ERROR']['POSITION'])
    return STATUSES.get(reply.status, str(reply.status)), Reader(position).varint() if position else None


def parts(connection, requests, **options):
    """[(status name, page or error body)] of a MULTI_SEARCH."""
    body = b''.join(tlv('HITS', 'PART', one) for one in requests)
    out = []
    for tag, value in fields(connection.call(OPCODES['MULTI_SEARCH'], body, **options).body):
        if tag == TAGS['HITS']['PART']:
            r = Reader(value)
            status = r.varint()
            out.append((STATUSES[status] if status else 'OK', value[r.at:]))
    return out
