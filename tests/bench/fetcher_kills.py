#!/usr/bin/env python3
"""What searches feel of a fetcher that is killed again and again while it follows a feed.

    SOUK_BIN=build/bin tests/bench/fetcher_kills.py [--kills 100] [--rate 500]

Windows of steady searches with and without kills take turns; in both a catalog is synced from a feed, again from its
start. Printed as one line of JSON: kills, searches, failed ones, p99 (median of the windows: left alone, killed), the
ratio of p99 of each pair, and whether all products were there once at the end.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'system'))
from souk_system import BIN, Server, wait_until  # noqa: E402
from souk_upstream import QUICK, BadUpstream, create, define, products, upstream  # noqa: E402

CATALOG = 'shop'


def load(server, queries, rate, seconds):
    done = subprocess.run([os.path.join(BIN, 'souk-load'), '-s', server.address, '-c', CATALOG, '-q', queries, '-r', str(rate), '--no-cache',
                           '-d', str(seconds), '-C', '8', '--json', '--quiet'], capture_output=True, text=True, timeout=300)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--kills', type=int, default=100)
    a.add_argument('--products', type=int, default=20000)
    a.add_argument('--rate', type=int, default=500)
    a.add_argument('--seconds', type=int, default=5)
    a.add_argument('--wait', action='store_true', help='read a line before it measures')
    a = a.parse_args()
    with tempfile.TemporaryDirectory() as d, Server() as s:
        create(s, CATALOG)
        up = BadUpstream(products(a.products), page=20)
        define(s, CATALOG, 'main', up.definition(**{**QUICK, 'canary_ms': 60000}))
        there = lambda: s.search(CATALOG, '', '--count-to', '0')['found'] == a.products  # noqa: E731
        wait_until(there, 120, 'synced')
        queries = os.path.join(d, 'q.tsv')
        draw = random.Random(1)
        with open(queries, 'w') as f:
            for i in range(2000):
                f.write(f'{i}\tshoe {draw.randrange(a.products)}\n')
        load(s, queries, a.rate, 3)
        if a.wait:
            input()
        kills, stop, killing = [0], threading.Event(), threading.Event()

        def good_slowly(conn, path, headers):
            time.sleep(0.01)
            return up.good(conn, path, headers)
        up.mode = good_slowly

        def kill():
            while not stop.is_set():
                if not killing.is_set():
                    time.sleep(0.02)
                    continue
                old = s.kill_child('fetcher 0')
                kills[0] += 1
                s.replaced('fetcher 0', old, 10)
                time.sleep(0.1)
        killer = threading.Thread(target=kill)
        killer.start()
        windows = {False: [], True: []}
        try:
            while kills[0] < a.kills:
                for killed in (False, True):
                    s.run('upstream', 'refresh', CATALOG, check=False)
                    killing.set() if killed else killing.clear()
                    windows[killed].append(load(s, queries, a.rate, a.seconds))
                killing.clear()
                time.sleep(0.5)
        finally:
            stop.set()
            killer.join()
        s.run('upstream', 'refresh', CATALOG, check=False)
        wait_until(lambda: upstream(s, CATALOG)['providers'][0]['in_step'], 120, 'in step')
        ids = [json.loads(line)['id'] for line in s.souk('export', '--catalog', CATALOG).splitlines()]
        p99 = lambda rows: sorted(r['latency']['p99_us'] for r in rows)[len(rows) // 2]  # noqa: E731
        ratios = sorted(k['latency']['p99_us'] / w['latency']['p99_us'] for w, k in zip(windows[False], windows[True]))
        every = windows[False] + windows[True]
        print(json.dumps({'kills': kills[0], 'windows': len(ratios), 'searches': sum(r['requests']['sent'] for r in every),
                          'failed': sum(r['requests']['sent'] - r['requests']['ok'] for r in every),
                          'p99_us': [p99(windows[False]), p99(windows[True])], 'p99_ratio_median': round(ratios[len(ratios) // 2], 3),
                          'p99_ratios': [round(r, 2) for r in ratios], 'all_once': sorted(ids) == sorted(up.products)}))
        up.stop()


main()
