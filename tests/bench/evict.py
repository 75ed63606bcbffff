#!/usr/bin/env python3
"""How fast expired products go, and what a search feels of it.

    SOUK_BIN=build/bin tests/bench/evict.py [--products 1000000] [--expired 400000] [--rate 500] [--data DIR]

A catalog of products with a ttl is filled, a part of them runs out while safe mode holds them back. Then rounds until all
are gone, under a steady load of searches: when merges and copies have settled and pages are warm, a window with eviction
held back, one with eviction let go, and one behind it, in which what the eviction left is tidied up. Printed as one line
of JSON: products evicted per second of each round, p50 and p99 of searches (median of the windows: held back, let go,
behind) and of each round the ratio of p99 to that of the window before.

--data DIR: the filled catalog is kept there, and taken from there the next time, so that two builds meet the same one.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'system'))
from souk_system import BIN, Server, wait_until  # noqa: E402

CATALOG = 'evict'
FIELDS = [{'name': 'title', 'type': 'text', 'searchable': True, 'stored': True},
          {'name': 'brand', 'type': 'keyword', 'filter': True, 'facet': True, 'stored': True},
          {'name': 'price', 'type': 'float', 'filter': True, 'sort': True, 'stored': True}]


def words_of(seed):
    draw = random.Random(seed)
    return [f'w{int(draw.paretovariate(0.7)) % 60000}' for _ in range(200000)]


def write_products(path, start, count, seed):
    draw, words = random.Random(seed), words_of(seed)
    with open(path, 'w') as f:
        for i in range(start, start + count):
            at = draw.randrange(len(words) - 8)
            f.write(json.dumps({'id': f'p{i}', 'title': ' '.join(words[at:at + 8]), 'brand': f'b{i % 500}', 'price': i % 1000}) + '\n')


def load(server, queries, rate, seconds):
    done = subprocess.run([os.path.join(BIN, 'souk-load'), '-s', server.address, '-c', CATALOG, '-q', queries, '-r', str(rate), '--no-cache',
                           '-d', str(seconds), '-C', '8', '--json', '--quiet'], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1] if done.stdout.count('\n') < 3 else done.stdout)


def percentiles(report):
    return {p: report['latency'][p] for p in ('p50_us', 'p99_us', 'p99_9_us')}


def settle(figure, seconds=4):
    """Waits until merges and copies have been quiet for some seconds."""
    seen, since = None, time.monotonic()
    while time.monotonic() < since + seconds:
        now = figure('segments'), figure('edition'), figure('file_bytes')
        seen, since = (now, time.monotonic()) if now != seen else (seen, since)
        time.sleep(0.2)


def fill(server, a, directory, figure):
    schema = os.path.join(directory, 's.json')
    with open(schema, 'w') as f:
        json.dump({'fields': FIELDS}, f)
    server.souk('catalog', 'create', CATALOG, '--schema', schema)
    server.souk('safe-mode', 'on', '--catalog', CATALOG)
    for name, first, count, ttl in (('stay', 0, a.products - a.expired, 36000000), ('go', a.products - a.expired, a.expired, 1000)):
        path = os.path.join(directory, name + '.jsonl')
        write_products(path, first, count, a.seed)
        server.run('import', '--catalog', CATALOG, path, '--quiet', '--ttl', ttl, timeout=1200)
    wait_until(lambda: figure('lag') == 0, 300)
    settle(figure)


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--products', type=int, default=1000000)
    a.add_argument('--expired', type=int, default=400000)
    a.add_argument('--rate', type=int, default=500)
    a.add_argument('--seconds', type=int, default=4)
    a.add_argument('--evict', type=int, default=25000)
    a.add_argument('--rounds', type=int, default=20)
    a.add_argument('--seed', type=int, default=1)
    a.add_argument('--data')
    a = a.parse_args()
    options, filled = [f'eviction.rate={a.evict}'], 0
    figure = lambda name: s.stats(server=s.admin)[f'catalog.{CATALOG}.{name}']  # noqa: E731
    with tempfile.TemporaryDirectory() as d:
        if a.data and not os.path.exists(a.data) or not a.data:
            start = time.monotonic()
            with Server(options=options, data=a.data or os.path.join(d, 'data')) as s:
                fill(s, a, d, figure)
            filled = time.monotonic() - start
        data = os.path.join(d, 'data')
        if a.data:
            subprocess.run(['cp', '-r', a.data, data], check=True)
        with Server(options=options, data=data) as s:
            queries, draw = os.path.join(d, 'q.tsv'), random.Random(a.seed)
            words = [w for w in words_of(a.seed) if int(w[1:]) > 100]
            with open(queries, 'w') as f:
                for i in range(2000):
                    f.write(f'{i}\t{draw.choice(words)} {draw.choice(words)}\n')
            rounds(s, a, queries, figure, filled)


def rounds(s, a, queries, figure, filled):
    windows, rates = [], []

    def window(mode):
        """Searches for some seconds, with eviction held back or let go; products evicted per second of it."""
        s.souk('safe-mode', mode, '--catalog', CATALOG, server=s.admin)
        before, start = figure('products'), time.monotonic()
        report = load(s, queries, a.rate, a.seconds)
        gone = before - figure('products')
        return percentiles(report), gone / (time.monotonic() - start)

    while figure('products') > a.products - a.expired and len(rates) < a.rounds:
        s.souk('safe-mode', 'on', '--catalog', CATALOG, server=s.admin)
        settle(figure)
        load(s, queries, a.rate, 3)  # pages and caches are warm
        held, (going, rate), behind = window('on')[0], window('off'), window('on')[0]
        if figure('products') > a.products - a.expired:  # there was enough to do all the time
            windows.append((held, going, behind))
            rates.append(rate)
    median = lambda rows: sorted(rows)[len(rows) // 2] if rows else None  # noqa: E731
    of = lambda p: [median([w[i][p] for w in windows]) for i in range(3)]  # noqa: E731
    ratios = [[round(w[i]['p99_us'] / max(w[0]['p99_us'], 1), 2) for w in windows] for i in (1, 2)]
    print(json.dumps({'products': a.products, 'expired': a.expired, 'filled_s': round(filled, 1), 'rounds': len(windows),
                      'evicted_per_second': [round(r) for r in rates], 'p50_us': of('p50_us'), 'p99_us': of('p99_us'),
                      'p99_ratio': median(ratios[0]), 'p99_ratio_behind': median(ratios[1]), 'p99_ratios': ratios[0],
                      'p99_ratios_behind': ratios[1]}))


main()
