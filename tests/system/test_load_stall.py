"""What a load tester must not hide: a server that stands still; and what a spike must not lose."""
import json
import os
import subprocess
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from souk_system import SLACK, Server, products
from test_load import LOAD, QUERIES, load, stop_for


class Stall(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(fronts=1).start()
        cls.server.import_lines('shop', products(300))
        cls.folder = tempfile.TemporaryDirectory(prefix='souk-load-')
        cls.queries = cls.path('queries.tsv')
        with open(cls.queries, 'w') as f:
            f.write(QUERIES)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

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
        # a tenth of the requests came in the second: of all, the hundredth slowest came in its first tenth
        self.assertGreaterEqual(r['latency']['p99_us'], 850000)
        self.assertGreaterEqual(r['requests']['late'], 300)
        self.assertLess(closed['latency']['p99_us'], 850000)
        self.assertEqual(closed['load']['loop'], 'closed')
        self.assertTrue(any('closed loop' in w for w in closed['tester']['warnings']))

    def test_what_is_put_during_a_spike_is_all_there(self):
        with Server(fronts=1) as server:
            server.import_lines('shop', products(200))
            with open(self.path('more.jsonl'), 'w') as f:
                for i in range(4000):
                    f.write(json.dumps({'id': f'new{i}', 'title': f'silver lamp {i}', 'price': 5, 'stock': 1}) + '\n')
            spike = subprocess.Popen([LOAD, '--server', server.address, '--catalog', 'shop', '--queries', self.queries, '--rate', '200',
                                      '--arrivals', 'spike:20000@0.5+3,poisson', '--duration', '4', '--deadline', '100', '--no-cache', '--json'],
                                     stdout=subprocess.PIPE, text=True)
            time.sleep(0.7)
            done = json.loads(server.souk('import', '--catalog', 'shop', self.path('more.jsonl'), '--quiet'))
            report = json.loads(spike.communicate(timeout=60 * SLACK)[0])
            self.assertEqual((done['applied'], done['failed']), (4000, 0))
            self.assertEqual(server.json('catalog', 'describe', 'shop')['products'], 4200)
        self.assertGreater(report['requests']['ok'], 100)

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
