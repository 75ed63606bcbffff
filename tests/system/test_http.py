"""The pages of the operator: what they say, that they answer however dead the rest is, and that the metrics
keep to the exposition format."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from souk_system import SLACK, Server, free_port, products, wait_until

CHROMIUM = shutil.which('chromium')


class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.server = Server(options=[f'server.http=127.0.0.1:{cls.port}']).start()
        cls.server.import_lines('shop', products(200))
        for _ in range(5):
            cls.server.search('shop', 'red')

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def get(self, path, method='GET'):
        request = urllib.request.Request(f'http://127.0.0.1:{self.port}{path}', method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as r:
                return r.status, r.read().decode(), r.headers['Content-Type']
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode(), e.headers['Content-Type']

    def test_health_pages(self):
        self.assertEqual(self.get('/live')[0], 200)
        self.assertEqual(self.get('/ready')[0], 200)
        self.assertEqual(self.get('/nonsense')[0], 404)
        self.assertEqual(self.get('/ready', 'POST')[0], 405)

    def test_metrics_keep_to_the_format(self):
        code, text, kind = self.get('/metrics')
        self.assertEqual(code, 200)
        self.assertTrue(kind.startswith('text/plain; version=0.0.4'))
        types, helps, seen = {}, set(), set()
        for line in text.splitlines():
            if line.startswith('# HELP '):
                helps.add(line.split()[2])
            elif line.startswith('# TYPE '):
                _, _, name, what = line.split()
                self.assertNotIn(name, types, 'declared twice')
                types[name] = what
            else:
                match = re.fullmatch(r'([a-z_]+)(\{([a-z]+="[^"\\\n]*",?)*\})? (\S+)', line)
                self.assertTrue(match, line)
                float(match[4])
                self.assertNotIn((match[1], match[2]), seen, 'a series stands twice')
                seen.add((match[1], match[2]))
                base = re.sub('_(bucket|sum|count)$', '', match[1]) if match[1] not in types else match[1]
                self.assertIn(base, types, line)
                if types[base] == 'counter':
                    self.assertTrue(base.endswith('_total'), base)
        self.assertEqual(helps, set(types))
        self.assertIn('souk_catalog_products{catalog="shop"} 200', text)
        count = int(re.search(r'souk_request_seconds_count\{op="search"\} (\d+)', text)[1])
        self.assertGreaterEqual(count, 5)
        self.assertIn(f'souk_request_seconds_bucket{{op="search",le="+Inf"}} {count}', text)

    def test_promtool_agrees(self):
        promtool = shutil.which('promtool')
        if not promtool:
            self.skipTest('promtool is not installed')
        done = subprocess.run([promtool, 'check', 'metrics'], input=self.get('/metrics')[1], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_status_as_json(self):
        d = json.loads(self.get('/status.json')[1])
        self.assertTrue(d['ready'])
        self.assertEqual([c['name'] for c in d['catalogs']], ['shop'])
        self.assertEqual(d['catalogs'][0]['products'], 200)
        self.assertEqual({p['role'] for p in d['processes']}, {'front', 'admin', 'writer', 'fetcher', 'replica'})

    def test_the_pages_answer_while_every_front_is_stopped(self):
        fronts = [pid for name, pid in self.server.children().items() if name.startswith('front')]
        for pid in fronts:
            os.kill(pid, signal.SIGSTOP)
        try:
            self.assertEqual(self.get('/live')[0], 200)
            self.assertIn('souk_process_up', self.get('/metrics')[1])
        finally:
            for pid in fronts:
                try:
                    os.kill(pid, signal.SIGCONT)
                except ProcessLookupError:
                    pass  # already replaced
        wait_until(lambda: self.get('/ready')[0] == 200, 10, 'ready again')

    def test_clients_that_never_finish_a_request_keep_nobody_out(self):
        held = []
        try:
            for i in range(200):
                s = socket.socket()
                s.bind(('127.0.0.2', 0))
                s.connect(('127.0.0.1', self.port))
                s.sendall(b'GET /l')
                held.append(s)
            start = time.monotonic()
            self.assertEqual(self.get('/ready')[0], 200)
            self.assertLess(time.monotonic() - start, 2 * SLACK)
        finally:
            for s in held:
                s.close()

    def test_a_taken_address_is_told_and_searches_are_served(self):
        with Server(options=[f'server.http=127.0.0.1:{self.port}']) as other:
            self.assertTrue(other.ready())
            self.assertIn('no pages for operators', other.log_text())

    @unittest.skipUnless(CHROMIUM, 'chromium is not installed')
    def test_the_status_page_in_a_browser(self):
        with tempfile.TemporaryDirectory() as profile:
            done = subprocess.run(
                [CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
                 '--disable-background-networking', '--disable-component-update', '--disable-sync', f'--user-data-dir={profile}',
                 '--virtual-time-budget=3000', '--dump-dom', f'http://127.0.0.1:{self.port}/status'],
                capture_output=True, text=True, timeout=90)
        self.assertRegex(done.stdout, r'class="good">ready<')
        self.assertIn('<td>shop</td>', done.stdout)
        self.assertIn('writer', done.stdout)


if __name__ == '__main__':
    unittest.main(verbosity=2)
