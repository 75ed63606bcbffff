"""souk-load against real servers: what it must not hide, its exit codes, its files."""
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from souk_system import BIN, SLACK, Server, products

LOAD = os.path.join(BIN, 'souk-load')


def load(server, *arguments, code=0, catalog='shop'):
    """Runs souk-load with --json; its report, or None for another exit code than 0 and 8."""
    command = [LOAD, *map(str, arguments), '--server', server.address, '--catalog', catalog, '--json']
    done = subprocess.run(command, capture_output=True, text=True, timeout=120 * SLACK)
    if done.returncode != code:
        raise AssertionError(f'{" ".join(command)} -> {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}')
    return json.loads(done.stdout) if done.stdout.startswith('{') else None


def pids(server):
    return [server.process.pid, *server.children().values()]


def stop_for(server, seconds):
    """Stops every process of the server; the fronts go on before the supervisor misses them."""
    stopped = pids(server)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGCONT)


class Load(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(fronts=1).start()
        cls.server.import_lines('shop', products(300))
        cls.folder = tempfile.TemporaryDirectory(prefix='souk-load-')
        cls.queries = os.path.join(cls.folder.name, 'queries.tsv')
        with open(cls.queries, 'w') as f:
            f.write('red shoe\t5\nblue lamp\t3\ngreen table\t1\nsilver watch\t1\n')

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()
        cls.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run_load(self, *arguments, **options):
        return load(self.server, '--queries', self.queries, *arguments, **options)

    def test_everything_offered_is_accounted_for(self):
        r = self.run_load('--rate', 500, '--duration', 2)
        n = r['requests']
        self.assertEqual(n['offered'], 1000)
        self.assertEqual(n['offered'], n['ok'] + n['failed'])
        self.assertEqual(n['failed'], sum(r['errors'].values()))
        self.assertEqual(n['ok'], r['latency']['count'])
        self.assertAlmostEqual(r['rates']['offered'], 500, delta=1)
        self.assertEqual(sum(i['offered'] for i in r['intervals']), 1000)
        self.assertEqual(sum(i['ok'] for i in r['intervals']), n['ok'])
        self.assertGreaterEqual(r['latency']['p99_us'], r['latency']['p50_us'])
        self.assertGreater(r['answers']['found_mean'], 0)
        self.assertEqual(r['server']['stats']['config.server.fronts'], '1')

    def stalled(self, *arguments):
        """A run of 10 s against a server of its own that stands still for 1 s."""
        server = Server(fronts=1).start()
        try:
            server.import_lines('shop', products(100))
            stop = threading.Timer(3.5, stop_for, (server, 1.0))
            stop.start()
            report = load(server, '--queries', self.queries, '--duration', 10, '--deadline', 5000, '--late-after', 100, *arguments)
            stop.join()
            return report
        finally:
            server.stop()
            server.remove()

    def test_a_stopped_server_is_seen_by_the_open_loop_and_hidden_by_the_closed(self):
        with ThreadPoolExecutor() as pool:
            opened = pool.submit(self.stalled, '--rate', 400)
            closed = pool.submit(self.stalled, '--closed-loop', 2).result()
            r = opened.result()
        self.assertGreaterEqual(r['latency']['p99_us'], 900000)
        self.assertGreaterEqual(r['requests']['late'], 300)
        self.assertLess(closed['latency']['p99_us'], 900000)
        self.assertEqual(closed['load']['loop'], 'closed')
        self.assertTrue(any('closed loop' in w for w in closed['tester']['warnings']))

    def test_thresholds_decide_the_exit_status(self):
        self.run_load('--rate', 100, '--duration', 0.5, '--threshold', 'p99<60s', '--threshold', 'errors<1%')
        r = self.run_load('--rate', 100, '--duration', 0.5, '--threshold', 'p50<1us', code=8)
        self.assertEqual([t['holds'] for t in r['thresholds']], [False])

    def test_usage_and_connection_have_their_exit_codes(self):
        self.run_load('--rate', 'many', code=2)
        self.run_load('--threshold', 'p99=2ms', code=2)
        self.run_load('--no-such-option', code=2)
        done = subprocess.run([LOAD, '--server', '127.0.0.1:1', '--catalog', 'shop'], capture_output=True)
        self.assertEqual(done.returncode, 3)

    def test_what_is_held_back_counts_as_failed(self):
        stopped = pids(self.server)
        timer = threading.Timer(0.8, stop_for, (self.server, 0.5))
        timer.start()
        r = self.run_load('--rate', 1000, '--duration', 2, '--max-in-flight', 20)
        timer.join()
        self.assertEqual(stopped, pids(self.server))
        self.assertGreater(r['requests']['held_back'], 300)
        self.assertEqual(r['requests']['held_back'], r['errors']['HELD_BACK'])
        self.assertIsNone(r['offered_latency']['p99_us'])

    def test_processes_share_the_rate_and_are_merged(self):
        r = self.run_load('--rate', 900, '--duration', 2, '--processes', 3, '--arrivals', 'constant')
        self.assertEqual(r['requests']['offered'], 1800)
        self.assertEqual(r['requests']['ok'], r['latency']['count'])

    @unittest.skipIf(SLACK > 1, 'what a request costs is told by a release build')
    def test_a_core_of_the_tester_makes_300_000_requests_a_second(self):
        mix = self.path('ping.json')
        with open(mix, 'w') as f:
            f.write('{"operations": [{"op": "ping"}]}')
        best = 0
        for _ in range(3):
            r = load(self.server, '--mix', mix, '--rate', 300000, '--duration', 0.7, '--max-in-flight', 60000, '--connections', 8, '--timeout', 1000)
            cores = r['tester']['cpu_cores_max'] * r['lasted_s']
            best = max(best, r['requests']['sent'] / cores)  # of its CPU time: others may need the machine too
        self.assertGreater(best, 300000)

    def test_the_curve_ends_in_time_and_counts_what_was_not_answered(self):
        start = time.monotonic()
        done = subprocess.run([LOAD, 'curve', '--server', self.server.address, '--catalog', 'shop', '--queries', self.queries,
                               '--seconds', '0.5', '--deadline', '50', '--no-cache', '--json',
                               '--html', self.path('curve.html'), '--output', self.path('curve.json')], capture_output=True, text=True, timeout=60)
        took = time.monotonic() - start
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLessEqual(took, 10 * 0.5 + 5)
        curve = json.loads(done.stdout)
        with open(self.path('curve.json')) as f:
            self.assertEqual(json.load(f), curve)
        with open(self.path('curve.html')) as f:
            self.assertIn(done.stdout.strip(), f.read())
        self.assertEqual([s['offered_x'] for s in curve['steps']], [0.5, 1, 2, 3, 5, 10])
        for step in curve['steps']:
            self.assertGreater(step['offered'], 0.8 * step['offered_x'] * curve['peak']['rate'])
            self.assertLessEqual(step['goodput'], step['achieved'])
            lost = sum(step['errors'].values()) / step['seconds']
            self.assertAlmostEqual(step['offered'], step['achieved'] + lost, delta=0.01 * step['offered'] + 1)


if __name__ == '__main__':
    unittest.main()
