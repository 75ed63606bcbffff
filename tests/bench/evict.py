#!/usr/bin/env python3
"""How fast expired products go, and what a search feels of it.

    SOUK_BIN=build/bin tests/bench/evict.py [--products 1000000] [--expired 400000] [--rate 500] [--wait]

A catalog of products with a ttl is filled, a part of them runs out while safe mode holds them back; then, under a steady
load of searches, windows with safe mode on and off take turns until all are gone. Printed as one line of JSON: products
evicted per second of each window, p50 and p99 of searches (median of the windows: held back, let go) and the ratio of
p99 of each pair.
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


def write_products(path, start, count, seed):
    draw = random.Random(seed)
    words = [f'w{int(draw.paretovariate(0.7)) % 60000}' for _ in range(200000)]
    with open(path, 'w') as f:
        for i in range(start, start + count):
            at = draw.randrange(len(words) - 8)
            f.write(json.dumps({'id': f'p{i}', 'title': ' '.join(words[at:at + 8]), 'brand': f'b{i % 500}', 'price': i % 1000}) + '\n')
    return words


def load(server, queries, rate, seconds):
    done = subprocess.run([os.path.join(BIN, 'souk-load'), '-s', server.address, '-c', CATALOG, '-q', queries, '-r', str(rate), '--no-cache',
                           '-d', str(seconds), '-C', '8', '--json', '--quiet'], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1] if done.stdout.count('\n') < 3 else done.stdout)


def percentiles(report):
    return {p: report['latency'][p] for p in ('p50_us', 'p99_us', 'p99_9_us')}


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--products', type=int, default=1000000)
    a.add_argument('--expired', type=int, default=400000)
    a.add_argument('--rate', type=int, default=500)
    a.add_argument('--seconds', type=int, default=4)
    a.add_argument('--evict', type=int, default=25000)
    a.add_argument('--seed', type=int, default=1)
    a.add_argument('--wait', action='store_true', help='read a line before it measures')
    a = a.parse_args()
    with tempfile.TemporaryDirectory() as d, Server(options=[f'eviction.rate={a.evict}']) as s:
        schema, queries = os.path.join(d, 's.json'), os.path.join(d, 'q.tsv')
        with open(schema, 'w') as f:
            json.dump({'fields': FIELDS}, f)
        s.souk('catalog', 'create', CATALOG, '--schema', schema)
        s.souk('safe-mode', 'on', '--catalog', CATALOG)
        figure = lambda name: s.stats(server=s.admin)[f'catalog.{CATALOG}.{name}']  # noqa: E731
        start = time.monotonic()
        for name, first, count, ttl in (('stay', 0, a.products - a.expired, 36000000), ('go', a.products - a.expired, a.expired, 1000)):
            path = os.path.join(d, name + '.jsonl')
            words = write_products(path, first, count, a.seed)
            s.run('import', '--catalog', CATALOG, path, '--quiet', '--ttl', ttl, timeout=1200)
        wait_until(lambda: figure('lag') == 0, 300)
        filled = time.monotonic() - start
        draw, words = random.Random(a.seed), [w for w in words if int(w[1:]) > 100]
        with open(queries, 'w') as f:
            for i in range(2000):
                f.write(f'{i}\t{draw.choice(words)} {draw.choice(words)}\n')
        segments, since = None, time.monotonic()  # merges that wait for quiet
        while time.monotonic() < since + 5:
            now = figure('segments')
            segments, since = (now, time.monotonic()) if now != segments else (segments, since)
            time.sleep(0.2)
        load(s, queries, a.rate, 3)  # pages and caches are warm
        if a.wait:
            input()
        still, going, rates = [], [], []

        def window(mode):
            """Searches for some seconds, with eviction held back or let go; products evicted per second of it."""
            s.souk('safe-mode', mode, '--catalog', CATALOG, server=s.admin)
            before, start = figure('products'), time.monotonic()
            report = load(s, queries, a.rate, a.seconds)
            gone = before - figure('products')
            return percentiles(report), gone / (time.monotonic() - start), gone
        while figure('products') > a.products - a.expired and len(going) < 20:
            still.append(window('on')[0])
            figures, rate, gone = window('off')
            if figure('products') > a.products - a.expired:  # there was enough to do all the time
                going.append(figures)
                rates.append(rate)
        median = lambda rows, p: sorted(r[p] for r in rows)[len(rows) // 2] if rows else 0  # noqa: E731
        ratios = sorted(g['p99_us'] / max(w['p99_us'], 1) for w, g in zip(still, going))
        print(json.dumps({'products': a.products, 'expired': a.expired, 'filled_s': round(filled, 1), 'windows': len(going),
                          'evicted_per_second': [round(r) for r in rates], 'p50_us': [median(still, 'p50_us'), median(going, 'p50_us')],
                          'p99_us': [median(still, 'p99_us'), median(going, 'p99_us')], 'p99_ratio_median': round(ratios[len(ratios) // 2], 2) if ratios else None,
                          'p99_ratios': [round(r, 2) for r in ratios]}))

main()
