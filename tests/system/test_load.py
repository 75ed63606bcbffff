"""souk-load against real servers: what it must not hide, its exit codes, its files."""
import json
import os
import pty
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from souk_system import BIN, SLACK, Server, products

LOAD = os.path.join(BIN, 'souk-load')
QUERIES = 'red shoe\t5\nblue lamp\t3\ngreen table\t1\nsilver watch\t1\n'


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
            f.write(QUERIES)

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

    def test_thresholds_decide_the_exit_status(self):
        self.run_load('--rate', 100, '--duration', 0.5, '--threshold', 'p99<60s', '--threshold', 'errors<1%')
        r = self.run_load('--rate', 100, '--duration', 0.5, '--threshold', 'p50<1us', code=8)
        self.assertEqual([t['holds'] for t in r['thresholds']], [False])

    def test_usage_and_connection_have_their_exit_codes(self):
        self.run_load('--rate', 'many', code=2)
        self.run_load('--threshold', 'p99=2ms', code=2)
        self.run_load('--threshold', 'p99<2', code=2)
        self.run_load('--no-such-option', code=2)
        done = subprocess.run([LOAD, '--server', '127.0.0.1:1', '--catalog', 'shop'], capture_output=True)
        self.assertEqual(done.returncode, 3)

    def test_nothing_but_refusals_is_an_error(self):
        r = self.run_load('--rate', 100, '--duration', 0.3, '--filter', 'no_such_field = 1', code=4)
        self.assertEqual(r['requests']['ok'], 0)
        self.assertEqual(set(r['errors']), {'UNKNOWN_FIELD'})

    def table(self, *arguments):
        done = subprocess.run([LOAD, *arguments, '--server', self.server.address, '--catalog', 'shop', '--quiet'], capture_output=True, text=True,
                              timeout=120 * SLACK)
        return done.stdout + done.stderr

    def test_the_table_tells_no_times_of_what_was_never_answered(self):
        with open(self.path('ids'), 'w') as f:
            f.write('x\n')
        with open(self.path('two.json'), 'w') as f:
            json.dump({'catalog': 'shop', 'operations': [{'op': 'search', 'queries': 'queries.tsv'},
                                                         {'name': 'gone', 'op': 'get', 'ids': 'ids', 'catalog': 'nowhere'}]}, f)
        text = self.table('--mix', self.path('two.json'), '--rate', '100', '--duration', '0.5', '--verify', '--arrivals', 'spike:500@3+1')
        row = next(line.split() for line in text.splitlines() if line.startswith('gone'))
        self.assertEqual(row[-3:], ['-', '-', '-'], text)
        self.assertRegex(text, r'\nverified \d+ answers, 0 wrong\n')
        self.assertIn('its peak was never offered', text)

    def test_a_replay_names_what_it_does_not_know(self):
        with open(self.path('log.tsv'), 'w') as f:
            f.write('0\tget\tp1\n')
        self.assertIn("no operation 'get' here", self.table('--replay', self.path('log.tsv')))

    def test_an_interrupted_run_tells_what_it_has(self):
        run = subprocess.Popen([LOAD, '--server', self.server.address, '--catalog', 'shop', '--rate', '200', '--duration', '60', '--json'],
                               stdout=subprocess.PIPE, text=True)
        time.sleep(1.5)
        run.send_signal(signal.SIGINT)
        r = json.loads(run.communicate(timeout=20)[0])
        self.assertEqual(run.returncode, 0)
        self.assertLess(r['lasted_s'], 10)
        self.assertGreater(r['requests']['ok'], 10)
        self.assertAlmostEqual(r['rates']['offered'], 200, delta=60)

    def test_it_says_that_it_was_late_itself(self):
        run = subprocess.Popen([LOAD, '--server', self.server.address, '--catalog', 'shop', '--queries', self.queries, '--rate', '500', '--duration', '2',
                                '--json', '--quiet'], stdout=subprocess.PIPE, text=True, start_new_session=True)
        time.sleep(1)
        os.killpg(run.pid, signal.SIGSTOP)  # it and its workers
        time.sleep(0.3)
        os.killpg(run.pid, signal.SIGCONT)
        r = json.loads(run.communicate(timeout=20 * SLACK)[0])
        self.assertGreater(r['requests']['sent_late'], 100)
        self.assertGreaterEqual(r['tester']['send_lag_max_us'], 250000)
        self.assertTrue(any('the tester itself was late' in w for w in r['tester']['warnings']), r['tester'])
        self.assertGreater(r['tester']['intrinsic']['wake_p50_us'], 0)

    def test_it_says_that_its_processor_bound_it(self):
        mix = self.path('pings.json')
        with open(mix, 'w') as f:
            f.write('{"operations": [{"op": "ping"}]}')
        for _ in range(5):  # others may need the machine too
            r = load(self.server, '--mix', mix, '--rate', 5000000, '--duration', 0.5, '--connections', 4, '--timeout', 1000, '--max-in-flight', 2000000, '--quiet')
            if r['tester']['cpu_cores_max'] > 0.9:
                break
        self.assertEqual(r['tester']['cpu_cores_max'] > 0.9, any('bound by its CPU' in w for w in r['tester']['warnings']), r['tester'])

    def test_the_live_view_tells_rates_times_errors_and_shares(self):
        mix = self.path('live.json')
        with open(self.path('ids'), 'w') as f:
            f.write('x\n')
        with open(mix, 'w') as f:
            json.dump({'catalog': 'shop', 'operations': [{'op': 'search', 'queries': 'queries.tsv'},
                                                         {'name': 'gone', 'op': 'get', 'ids': 'ids', 'catalog': 'nowhere'}]}, f)
        ours, its = pty.openpty()
        run = subprocess.Popen([LOAD, '--server', self.server.address, '--mix', mix, '--rate', '300', '--duration', '3', '--interval', '500'],
                               stdout=subprocess.DEVNULL, stderr=its)
        os.close(its)
        shown = b''
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:
            pass  # it has ended
        os.close(ours)
        run.wait()
        for word in ('p50', 'p99', 'p99.9', 'UNKNOWN_CATALOG', 'stale', 'degraded', '/s'):
            self.assertIn(word, shown.decode(), word)

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


if __name__ == '__main__':
    unittest.main()
