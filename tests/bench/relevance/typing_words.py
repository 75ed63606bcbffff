#!/usr/bin/env python3
"""Known items in scripts without blanks, typed letter by letter: how many beginnings do not find the product?

    SOUK_BIN=build/bin typing_words.py [--stored NFD] [--typed NFD] [SET ...]

Words are runs of one script in 300 titles of each set, and the titles from their start; all words, no typos. Prints
for each the share of beginnings, and of whole words, that miss. SOUK_SHARED names the folder of the shared data.
"""
import argparse
import json
import os
import random
import re
import subprocess
import sys
import unicodedata

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'system'))
import souk_wire as wire
from souk_system import Server, shared_data

SETS = {'ja': ('debian/i18n/ja',), 'zh_CN': ('debian/i18n/zh_CN',), 'zh': ('multilingual/shopee-zh',),
        'th': ('multilingual/shopee', 'multilingual/lazada'), 'ko': ('debian/i18n/ko',)}
ONLY = {'th': re.compile('[\u0e00-\u0e7f]')}
RUNS = {'katakana': re.compile('[\u30a1-\u30fa\u30fc]{3,}'),
        'Han': re.compile('(?<![\u3400-\u9fff\u3040-\u30ff])[\u3400-\u9fff]{2,}'),
        'Thai': re.compile('[\u0e00-\u0e7f]{3,}'),
        'Hangul': re.compile('[\uac00-\ud7a3]{2,}')}
TITLES, MOST, LETTERS, TITLE_LETTERS = 300, 4000, 12, 16


def titles_of(name):
    for part in SETS[name]:
        path = shared_data(f'{part}.jsonl.zst')
        text = subprocess.run(['zstd', '-dc', path], capture_output=True, text=True, check=True).stdout
        for line in text.splitlines()[:MOST]:
            title = json.loads(line).get('title', '')
            if title and (name not in ONLY or ONLY[name].search(title)):
                yield title


def finds(connection, catalog, words, key):
    put = lambda field, value: wire.tlv('SEARCH', field, value)
    body = connection.call('SEARCH', put('CATALOG', catalog) + put('TEXT', words) + put('MATCH', 0) + put('TYPOS', 0) +
                           put('FILTER', f'id = "{key}"') + put('K', 1) + put('NO_CACHE', 1)).body
    return wire.field(body, 'HITS', 'FOUND', 0) > 0


def tasks_of(titles, draw):
    some = draw.sample(sorted(titles), min(TITLES, len(titles)))
    yield 'titles', [(key, titles[key][:TITLE_LETTERS]) for key in some]
    for script, run in RUNS.items():
        words = [(key, [m.group() for m in run.finditer(titles[key])]) for key in some]
        words = [(key, draw.choice(found)[:LETTERS]) for key, found in words if found]
        if len(words) >= 10:
            yield script, words


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--stored', default='NFC')
    p.add_argument('--typed', default='NFC')
    p.add_argument('--show', action='store_true', help='some of the beginnings that miss')
    p.add_argument('sets', nargs='*', default=list(SETS))
    options = p.parse_args()
    with Server(fronts=1) as server, wire.Connection(('127.0.0.1', server.port), timeout=60) as connection:
        for name in options.sets:
            titles = {f'p{i}': unicodedata.normalize('NFC', t) for i, t in enumerate(titles_of(name))}
            server.import_lines(name, [{'id': key, 'title': unicodedata.normalize(options.stored, t)}
                                       for key, t in titles.items()])
            for kind, words in tasks_of(titles, random.Random(5)):
                asked = [(key, word[:n], n == len(word)) for key, word in words for n in range(1, len(word) + 1)]
                missed = [(part, whole) for key, part, whole in asked
                          if not finds(connection, name, unicodedata.normalize(options.typed, part), key)]
                print(f'{name}: {kind}, {len(words)} of {len(titles)} products, {len(asked)} beginnings: '
                      f'{len(missed) / len(asked):.3f} missed, whole {sum(w for _, w in missed) / len(words):.3f}', flush=True)
                if options.show:
                    print('   ', *[part for part, _ in missed[:20]])


main()
