#!/usr/bin/env python3
"""What searches feel of a fetcher that is killed again and again while it follows a feed.

    SOUK_BIN=build/bin tests/bench/fetcher_kills.py [--kills 100] [--rate 2000] [--apart] [--soukd B --soukd A]

A catalog is synced from a feed without an end, a page of twenty changed products each 10 ms, beside steady searches of one
souk-load. The fetcher is killed once in PERIOD_S: it then has lived so long that the supervisor starts the next one at once.
The first half of each period, from the kill on, is set against the second half, in which the same feed is followed by the same
fetcher and nobody is killed: a pair half a second apart, in which all that comes and goes on the machine counts on both
sides. Latencies come from the intervals of souk-load's own log.

--apart takes all of it into a processor group with the largest share (root, cgroup v1): strangers on the machine then wait
for it, and what its own processes do to each other stays as it is. Several --soukd are measured one after the other in turns
of twenty kills.

One line of JSON a server: kills, searches, failed ones; the median of the ratios of p99 of all pairs with the interval that
holds it 95 of 100 times (by order, no distribution assumed), the ratio of p99 over all halves of a kind with the same
interval (drawn anew from the pairs); the same of p50; milliseconds of processor time of a fetcher in its first 0.1 s; and
whether all products are there once at the end.
"""
import argparse
import atexit
import json
import os
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'system'))
from souk_histogram import intervals, percentile  # noqa: E402
from souk_system import BIN, Server, child_pids, command_line, wait_until  # noqa: E402
from souk_upstream import QUICK, BadUpstream, create, define, products  # noqa: E402

CATALOG, PAGE, PERIOD_S, INTERVAL_S, TURN, DRAWS = 'shop', 20, 1.1, 0.05, 20, 400


class Endless(BadUpstream):
    """A feed of which each page is new and none is the last."""

    def find(self, path):
        if not path.startswith('/changes/'):
            return super().find(path)
        page = int(path.rsplit('/', 1)[1])
        ids = self.changes[page % len(self.changes)]
        return 200, {'items': [{**self.products[i], 'price': page % 1000 + 0.5} for i in ids], 'next': str(page + 1)}

    def slowly(self, conn, path, headers):
        time.sleep(0.01)
        return self.good(conn, path, headers)



def apart():
    group = tempfile.mkdtemp(prefix='souk-bench-', dir='/sys/fs/cgroup/cpu')

    def back():
        with open(os.path.join(group, 'tasks')) as f:
            pids = f.read().split()
        for pid in pids:
            try:
                with open('/sys/fs/cgroup/cpu/tasks', 'w') as f:
                    f.write(str(pid))
            except OSError:
                pass
        os.rmdir(group)
    atexit.register(back)
    for name, value in (('cpu.shares', 262144), ('cgroup.procs', os.getpid())):
        with open(os.path.join(group, name), 'w') as f:
            f.write(str(value))


def schedule_ms(pid):
    """Processor time to the microsecond: the first number of schedstat, of the main thread."""
    with open(f'/proc/{pid}/schedstat') as f:
        return int(f.read().split()[0]) / 1e6


def fetcher_of(supervisor):
    for pid in reversed(child_pids(supervisor)):
        if 'fetcher' in command_line(pid):
            return pid
    return None


def measured(address, queries, rate, seconds, folder):
    log = os.path.join(folder, f'{time.monotonic_ns()}.hlog')
    load = subprocess.Popen([os.path.join(BIN, 'souk-load'), '-s', address, '-c', CATALOG, '-q', queries, '-r', str(rate), '--no-cache',
                             '-d', str(seconds), '-C', '8', '--interval', str(int(INTERVAL_S * 1000)), '--interval-log', log, '--json',
                             '--quiet'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return load, log


def within(rows, start, end):
    """The latencies of the intervals that lie in [start, end)."""
    return summed(row for at, length, row in rows if start <= at and at + length <= end)


def summed(parts):
    counts = {}
    for part in parts:
        for value, n in part.items():
            counts[value] = counts.get(value, 0) + n
    return counts


def median_of(values):
    """The median and the two values that enclose it 95 of 100 times: ranks by the binomial distribution."""
    values, n = sorted(values), len(values)
    low, chance = 0, 0.5 ** n
    term = chance
    while low < n // 2 and chance < 0.025:
        term = term * (n - low) / (low + 1)
        low += 1
        chance += term
    low = max(low - 1, 0)
    return [round(v, 3) for v in (values[n // 2] if n % 2 else (values[n // 2 - 1] + values[n // 2]) / 2, values[low], values[n - 1 - low])]


def ratio_of_all(pairs, share, draw):
    of = lambda some: percentile(summed(k for k, _ in some), share) / percentile(summed(q for _, q in some), share)  # noqa: E731
    drawn = sorted(of(draw.choices(pairs, k=len(pairs))) for _ in range(DRAWS))
    return [round(v, 3) for v in (of(pairs), drawn[DRAWS // 40], drawn[-1 - DRAWS // 40])]


class Bed:
    """A server that follows a feed, and what was seen of it."""

    def __init__(self, a, soukd, folder):
        self.server = Server(soukd=soukd, fronts=a.fronts).start()
        create(self.server, CATALOG)
        self.up = Endless(products(a.products), page=PAGE)
        self.pairs, self.sent, self.ok, self.kills, self.starts_ms = [], 0, 0, 0, []
        define(self.server, CATALOG, 'main', self.up.definition(**{**QUICK, 'canary_ms': 60000}))
        wait_until(lambda: self.server.search(CATALOG, '', '--count-to', '0')['found'] == a.products, 120, 'synced')
        self.folder = folder

    def kill(self, wait):
        """At the beginning of a period; without `wait` nothing else is looked at meanwhile."""
        pid = fetcher_of(self.server.process.pid)
        at = time.time()
        os.kill(pid, 9)
        self.kills += 1
        if wait:
            time.sleep(0.1)
            young = fetcher_of(self.server.process.pid)
            if young:
                self.starts_ms.append(schedule_ms(young))
        return at

    def measure(self, a, queries, kills):
        self.up.mode = self.up.slowly
        load, log = measured(self.server.address, queries, a.rate, 1 + kills * PERIOD_S, self.folder)
        time.sleep(0.6)
        times = []
        for i in range(kills):
            end = time.monotonic() + PERIOD_S
            times.append(self.kill(i == 0))
            time.sleep(max(0, end - time.monotonic()))
        out, err = load.communicate(timeout=120)
        if load.returncode not in (0, 1):
            raise SystemExit(err)
        report, rows, half = json.loads(out), intervals(log), PERIOD_S / 2
        self.sent += report['requests']['sent']
        self.ok += report['requests']['ok']
        for at in times[1:]:
            self.pairs.append((within(rows, at - INTERVAL_S, at + half), within(rows, at + half, at + 2 * half)))
        self.up.mode = self.up.silent  # it rests while another one is measured

    def told(self, soukd, draw):
        self.up.mode = self.up.good
        wait_until(lambda: fetcher_of(self.server.process.pid), 10, 'the fetcher is back')
        ids = [json.loads(line)['id'] for line in self.server.souk('export', '--catalog', CATALOG).splitlines()]
        pairs = [(k, q) for k, q in self.pairs if k and q]
        ratio = lambda share: median_of([percentile(k, share) / percentile(q, share) for k, q in pairs])  # noqa: E731
        both = lambda share: [percentile(summed(p[i] for p in pairs), share) for i in (1, 0)]  # noqa: E731
        return {'soukd': soukd or 'default', 'kills': self.kills, 'pairs': len(pairs), 'searches': self.sent, 'failed': self.sent - self.ok,
                'p99_ratio_median': ratio(0.99), 'p99_ratio_of_all': ratio_of_all(pairs, 0.99, draw), 'p99_us': both(0.99),
                'p50_ratio_median': ratio(0.5), 'p50_us': both(0.5),
                'fetcher_start_ms': round(sum(self.starts_ms) / len(self.starts_ms), 1) if self.starts_ms else None,
                'all_once': sorted(ids) == sorted(self.up.products)}


def main():
    a = argparse.ArgumentParser()
    a.add_argument('--kills', type=int, default=100)
    a.add_argument('--products', type=int, default=20000)
    a.add_argument('--rate', type=int, default=2000)
    a.add_argument('--fronts', type=int, default=2)
    a.add_argument('--soukd', action='append')
    a.add_argument('--seed', type=int, default=1)
    a.add_argument('--apart', action='store_true')
    a = a.parse_args()
    draw = random.Random(a.seed)
    if a.apart:
        apart()
    with tempfile.TemporaryDirectory() as folder:
        queries = os.path.join(folder, 'q.tsv')
        with open(queries, 'w') as f:
            f.writelines(f'{i}\tshoe {draw.randrange(a.products)}\n' for i in range(2000))
        programs = a.soukd or [None]
        beds = [Bed(a, soukd, folder) for soukd in programs]
        try:
            for at in range(0, a.kills, TURN):
                for bed in beds:
                    bed.measure(a, queries, min(TURN, a.kills - at) + 1)
            for bed, soukd in zip(beds, programs):
                print(json.dumps(bed.told(soukd, draw)), flush=True)
        finally:
            for bed in beds:
                bed.up.stop()
                bed.server.stop()
                bed.server.remove()


main()
