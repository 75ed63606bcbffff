"""The grammar of docs/filters.md as a parser in Python: is a text a filter, and if not, what error at which byte."""
import re

from souk_reference import ATTRIBUTES, BOOLEAN, FLOAT, INTEGER, TEXT, TIMESTAMP

SYNTAX, UNKNOWN_FIELD, SCHEMA_MISMATCH, TOO_LARGE, TOO_DEEP = 'SYNTAX', 'UNKNOWN_FIELD', 'SCHEMA_MISMATCH', 'TOO_LARGE', 'TOO_DEEP'
WORD = set(b'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.') | set(range(128, 256))


class Broken(Exception):
    def __init__(self, code, at):
        super().__init__(code, at + 1)
        self.code, self.position = code, at + 1


class Parser:
    """`check()` raises Broken with the code and the byte, counted from 1."""

    def __init__(self, catalog, text):
        self.catalog, self.text, self.at, self.operators, self.depth = catalog, text.encode(), 0, 0, 0

    def check(self):
        self.blanks()
        if self.at < len(self.text):
            self.parse_or()
            self.blanks()
            if self.at < len(self.text):
                raise Broken(SYNTAX, self.at)

    def blanks(self):
        while self.at < len(self.text) and self.text[self.at] in b' \t\r\n':
            self.at += 1

    def symbol(self, s):
        self.blanks()
        if self.text.startswith(s.encode(), self.at):
            self.at += len(s)
            return True
        return False

    def keyword(self, word):
        self.blanks()
        end = self.at + len(word)
        if self.text[self.at:end].lower() != word.encode() or end < len(self.text) and self.text[end] in WORD:
            return False
        self.at = end
        return True

    def word(self):
        """(start, text, quoted)"""
        self.blanks()
        start, out = self.at, bytearray()
        if start < len(self.text) and self.text[start] in b'"\'`':
            at = start + 1
            while at < len(self.text) and self.text[at] != self.text[start]:
                at += self.text[at] == 92 and at + 1 < len(self.text)
                out.append(self.text[at])
                at += 1
            if at >= len(self.text):
                raise Broken(SYNTAX, len(self.text))
            self.at = at + 1
            return start, out.decode(errors='replace'), True
        while self.at < len(self.text):
            c = self.text[self.at]
            sign = c == 43 and self.text[self.at - 1:self.at] in (b'e', b'E') and self.at - start > 1 and self.text[start:start + 1] in \
                [bytes([d]) for d in b'-0123456789'] and self.text[self.at + 1:self.at + 2].isdigit()
            if c not in WORD and not sign or self.text.startswith(b'..', self.at):
                break
            self.at += 1
        if self.at == start:
            raise Broken(SYNTAX, start)
        return start, self.text[start:self.at].decode(errors='replace'), False

    def count(self):
        self.operators += 1
        if self.operators > 100:
            raise Broken(TOO_LARGE, self.at)

    def parse_or(self):
        self.parse_and()
        while self.keyword('or'):
            self.count()
            self.parse_and()

    def parse_and(self):
        self.unary()
        while self.keyword('and'):
            self.count()
            self.unary()

    def unary(self):
        self.depth += 1
        if self.depth > 200:
            raise Broken(TOO_DEEP, self.at)
        if self.keyword('not'):
            self.count()
            self.unary()
        elif self.symbol('('):
            self.parse_or()
            self.expect(')')
        elif self.keyword('exists'):
            self.count()
            self.expect('(')
            self.field()
            self.expect(')')
        else:
            self.comparison()
        self.depth -= 1

    def expect(self, s):
        self.blanks()
        if not self.symbol(s):
            raise Broken(SYNTAX, self.at)

    def field(self):
        """(start, type, is a key)"""
        start, name, _ = self.word()
        if name == 'id':
            return start, 'id', False
        top, _, key = name.partition('.')
        if key and top in self.catalog.schema and self.catalog.schema[top][0] == ATTRIBUTES:
            return start, ATTRIBUTES, True
        if not key and self.catalog.schema.get(top, [None])[0] == ATTRIBUTES:  # an empty key is none
            name = top
        if name not in self.catalog.schema:
            raise Broken(UNKNOWN_FIELD, start)
        if self.catalog.schema[name][0] == TEXT:
            raise Broken(SCHEMA_MISMATCH, start)
        return start, self.catalog.schema[name][0], False

    def value(self, kind):
        start, text, _ = self.word()
        if kind == BOOLEAN and text.lower() not in ('true', 'false') or kind in (INTEGER, FLOAT, TIMESTAMP) and not is_number(text):
            raise Broken(SCHEMA_MISMATCH, start)

    def values(self, kind):
        self.expect('[')
        while True:
            self.value(kind)
            if self.symbol(']'):
                return
            self.expect(',')

    def comparison(self):
        start, kind, keyed = self.field()
        self.count()
        if kind == ATTRIBUTES and not keyed:
            raise Broken(SCHEMA_MISMATCH, start)
        if self.keyword('in'):
            return self.values(kind)
        if kind == 'id':
            self.blanks()
            if not self.symbol('!=') and not self.symbol('='):
                raise Broken(SYNTAX, self.at)
            return self.value(kind)
        if self.keyword('under'):
            return self.value(kind)
        op = next((s for s in ('!=', '<=', '>=', '=', '<', '>') if self.symbol(s)), None)
        if op in ('=', '!='):
            return self.value(kind)
        start, text, _ = self.word()
        fits = kind in (INTEGER, FLOAT, TIMESTAMP, ATTRIBUTES) and is_number(text) or kind == BOOLEAN and text.lower() in ('true', 'false')
        if not fits:
            raise Broken(SYNTAX if op is None else SCHEMA_MISMATCH, start)
        if op is None:
            if not self.symbol('..'):
                raise Broken(SYNTAX, start)
            start, text, _ = self.word()
            if not is_number(text):
                raise Broken(SCHEMA_MISMATCH, start)


def is_number(text):
    """As programs write them; 05 and 6. are numbers to a field of numbers."""
    return re.fullmatch(r'[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?', text) is not None and abs(float(text)) != float('inf')


def broken(catalog, text):
    """(code, position), or None for a filter."""
    try:
        Parser(catalog, text).check()
        return None
    except Broken as e:
        return e.code, e.position
