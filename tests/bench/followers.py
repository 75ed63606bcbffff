#!/usr/bin/env python3
"""What followers cost the searches of their leader: souk-load, open loop, at half of what the leader can do, with 0, 1 and 2
followers while an import runs, by turns.

    SOUK_BIN=build/bin tests/bench/followers.py [ROUNDS] [SECONDS]
"""
import json
import os
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'system'))
from souk_system import BIN, Server, products, wait_until  # noqa: E402
from test_follow import follow, level  # noqa: E402

ROUNDS, SECONDS = (float(a) for a in (sys.argv[1:] + ['2', '5'][len(sys.argv) - 1:]))
WORDS = ('red shoe', 'blue lamp', 'black chair', 'white mug', 'silver watch', 'green bag')


def load(leader, queries, *options):
    done = subprocess.run([os.path.join(BIN, 'souk-load'), 'run', '--server', leader.address, '--catalog', 'shop', '--queries', queries, '--quiet', '--no-cache',
                           '--json', *map(str, options)], capture_output=True, text=True)
    return json.loads(done.stdout)


def figures(report):
    return report['latency']['p50_us'], report['latency']['p99_us']


def main():
    with tempfile.NamedTemporaryFile('w', suffix='.txt') as queries, Server() as leader:
        queries.write('\n'.join(WORDS) + '\n')
        queries.flush()
        leader.import_lines('shop', products(20000))
        report = load(leader, queries.name, '--closed-loop', 8, '--connections', 8, '--seconds', 3)
        rate = report['rates']['achieved'] / 2
        taken = {0: [], 1: [], 2: []}
        followers = []
        try:
            for _ in range(int(ROUNDS)):
                for count in taken:
                    while len(followers) < count:
                        followers.append(follow(leader).start())
                    for f in followers:
                        level(leader, f, seconds=60)
                    ended = threading.Event()

                    def importing():
                        turn = 0
                        while not ended.is_set():
                            turn += 1
                            leader.import_lines('shop', products(5000, seed=turn), '--again')
                    thread = threading.Thread(target=importing)
                    thread.start()
                    taken[count].append(figures(load(leader, queries.name, '--rate', int(rate), '--seconds', SECONDS, '--warmup', 1)))
                    ended.set()
                    thread.join()
                while followers:
                    f = followers.pop()
                    f.stop()
                    f.remove()
        finally:
            for f in followers:
                f.stop()
                f.remove()
        print(f'offered {rate:.0f}/s, medians of {int(ROUNDS)} rounds by turns')
        base = None
        for count, pairs in taken.items():
            p50, p99 = (sorted(p[i] for p in pairs)[len(pairs) // 2] for i in (0, 1))
            base = base or (p50, p99)
            print(f'{count} followers: p50 {p50} us ({p50 / base[0]:.2f}), p99 {p99} us ({p99 / base[1]:.2f})')


if __name__ == '__main__':
    main()
