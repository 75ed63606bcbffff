"""The processes of design.md: who runs, who comes back, what a signal does."""
import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from souk_system import BIN, SLACK, Server, child_pids, process_state, products, wait_until


class Processes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.server.import_lines('shop', products(500))

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def found(self, address=None):
        return self.server.search('shop', 'red shoe', server=address)['found']

    def test_every_process_is_a_direct_child_of_soukd(self):
        names = self.server.children()
        self.assertEqual(set(names), {'front 0', 'front 1', 'admin 0', 'writer 0', 'fetcher 0', 'replica 0'})
        self.assertEqual(sorted(names.values()), sorted(child_pids(self.server.process.pid)))

    def test_a_killed_front_is_back_within_200_ms_while_the_other_serves(self):
        times = []
        for _ in range(5):
            old = self.server.kill_child('front 0')
            start = time.monotonic()
            self.assertGreater(self.found(), 0)
            self.server.replaced('front 0', old)
            times.append(time.monotonic() - start)
            wait_until(lambda: self.answers('front 0'), 5, 'the new front answers')
            self.assertGreater(self.found(), 0)
        self.assertLess(min(times), 0.2 * SLACK, times)

    def answers(self, name):
        rows = self.server.stats(server=self.server.admin)
        return rows and self.server.run('ping', check=False).returncode == 0

    def test_a_killed_writer_replays_and_fronts_search_meanwhile(self):
        before = self.server.json('put', 'shop', '{"id":"w1","title":"zebra stool"}')
        old = self.server.kill_child('writer 0')
        self.assertGreater(self.found(), 0)
        self.server.replaced('writer 0', old)
        wait_until(lambda: self.server.run('put', 'shop', '{"id":"w2","title":"zebra stool"}', '--ack', 'visible',
                                           check=False).returncode == 0, 5, 'the new writer takes changes')
        self.assertEqual(self.server.search('shop', 'zebra stool')['found'], 2)
        self.assertIsNotNone(before)

    @unittest.skipUnless(os.geteuid() == 0, 'needs root')
    def test_a_fetcher_that_starts_again_steps_aside_until_it_has(self):
        def policy(pid):  # of the main thread: 0 usual, 5 idle; and niceness
            try:
                with open(f'/proc/{pid}/stat') as f:
                    words = f.read().rpartition(')')[2].split()
                return int(words[38]), int(words[16])
            except (FileNotFoundError, ProcessLookupError):
                return None, None

        idle, usual, started, lifted = (os.SCHED_IDLE, 3), (os.SCHED_OTHER, 3), time.monotonic(), False
        while time.monotonic() - started < 30 and not lifted:
            before, until = set(child_pids(self.server.process.pid)), time.monotonic() + 1.2
            self.server.kill_child('fetcher 0')
            while time.monotonic() < until and not lifted:
                for pid in set(child_pids(self.server.process.pid)) - before:
                    if policy(pid) == idle:
                        os.kill(pid, signal.SIGSTOP)  # and one that does not come to it is lifted by the supervisor
                        time.sleep(0.05)
                        if policy(pid) == idle:
                            wait_until(lambda pid=pid: policy(pid) == usual, 1, 'it is lifted')
                            lifted = True
                        os.kill(pid, signal.SIGCONT)
        self.assertTrue(lifted, 'never seen to step aside')
        wait_until(lambda: policy(self.server.children().get('fetcher 0')) == usual, 5, 'it takes its part')

    def test_a_stopped_front_is_killed_and_waiting_connections_are_answered(self):
        old = self.server.pid('front 1')
        os.kill(old, signal.SIGSTOP)
        waiting = [self.server.spawn('search', 'shop', 'red', '--json', '--timeout', '60000') for _ in range(8)]
        start = time.monotonic()
        new = self.server.replaced('front 1', old, 8)
        self.assertLess(time.monotonic() - start, 4 * SLACK)
        for client in waiting:
            out, err = client.communicate(timeout=20 * SLACK)
            self.assertEqual(client.returncode, 0, err)
            self.assertIn('"found"', out)
        self.assertNotEqual(new, old)
        wait_until(lambda: process_state(old) in (None, 'Z'), 5, 'the stopped front is gone')

    def test_the_unix_sockets_answer(self):
        self.assertGreater(self.found(f'unix:{self.server.data}/souk.sock'), 0)
        self.assertGreater(self.found(self.server.admin), 0)

    def test_two_servers_never_share_a_directory(self):
        other = subprocess.run([os.path.join(BIN, 'soukd'), '--data', self.server.data, '--listen', '127.0.0.1:1'],
                               capture_output=True, text=True, timeout=20)
        self.assertEqual(other.returncode, 1)
        self.assertIn('another soukd', other.stderr)

    def test_two_servers_never_share_an_address(self):
        with tempfile.TemporaryDirectory() as folder:
            other = subprocess.run([os.path.join(BIN, 'soukd'), '--data', folder, '--listen', self.server.address],
                                   capture_output=True, text=True, timeout=20)
        self.assertEqual(other.returncode, 1)
        self.assertIn('cannot be listened on', other.stderr)

    def test_http_gets_a_readable_line(self):
        for greeting in (b'GET / HTTP/1.1\r\n\r\n', b'*1\r\n$4\r\nPING\r\n'):
            with socket.create_connection(('127.0.0.1', self.server.port), 5) as s:
                s.sendall(greeting)
                s.settimeout(5)
                text = b''
                while True:
                    part = s.recv(4096)
                    if not part:
                        break
                    text += part
            self.assertIn(b'souk', text.lower(), greeting)


class Supervisor(unittest.TestCase):
    def test_killed_it_leaves_nobody_behind_and_the_next_one_serves(self):
        with Server() as s:
            s.import_lines('shop', products(200))
            children = s.children()
            s.process.kill()
            s.process.wait()
            for name, pid in children.items():
                wait_until(lambda pid=pid: process_state(pid) in (None, 'Z'), 5, f'{name} ends with its supervisor')
            s.start()
            self.assertEqual(s.search('shop')['found'], 200)
            self.assertIn('sound, 200 products', s.check_data())

    def test_a_catalog_too_many_is_refused_and_leaves_nothing(self):
        with Server(fronts=1) as s:
            s.import_lines('shop', products(20))
            folder = os.path.join(s.data, 'catalogs')
            s.stop()
            for n in range(255):  # as damaged catalogs they take a place each
                os.mkdir(os.path.join(folder, f'damaged{n}'))
                shutil.copy(os.path.join(folder, 'shop', 'CURRENT'), os.path.join(folder, f'damaged{n}'))
            s.start()
            schema = os.path.join(s.data, 'schema.json')
            with open(schema, 'w') as f:
                f.write('{"fields":[{"name":"title","type":"text"}]}')
            for _ in range(2):
                done = s.run('catalog', 'create', 'more', '--schema', schema, check=False)
                self.assertEqual(done.returncode, 4)
                self.assertIn('at most 256 catalogs', done.stderr)
            self.assertEqual(len(os.listdir(folder)), 256, 'what was refused is not on disk, to take a place at the next start')
            s.run('catalog', 'drop', 'damaged7')
            s.run('catalog', 'create', 'more', '--schema', schema)
            s.stop()
            s.start()
            self.assertEqual(s.search('shop')['found'], 20)
            self.assertEqual(s.search('more')['found'], 0)

    def test_a_second_writer_waits_for_the_directory(self):
        with Server() as s:
            self.assertTrue(os.path.exists(os.path.join(s.data, 'writer.lock')))
            with open(os.path.join(s.data, 'writer.lock'), 'r+') as f:
                with self.assertRaises(OSError):
                    fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @unittest.skipUnless(os.geteuid() == 0, 'needs root')
    def test_root_becomes_the_owner_of_the_data_directory_or_the_user_it_is_told(self):
        nobody = pwd.getpwnam('nobody').pw_uid
        for owner, options in ((nobody, ()), (0, ('server.user=nobody',)), (0, ())):
            data = tempfile.mkdtemp(prefix='souk-owner-')
            os.chown(data, owner, -1)
            try:
                with Server(data=data, options=options) as server:
                    server.import_lines('shop', [{'id': '1', 'title': 'red shoe'}], '--ack', 'visible')
                    self.assertEqual(server.search('shop', 'shoe')['found'], 1)
                    want = nobody if owner or options else 0
                    for pid in [server.process.pid, *server.children().values()]:
                        self.assertEqual(os.stat(f'/proc/{pid}').st_uid, want)
            finally:
                shutil.rmtree(data)

    def test_what_is_wrong_at_the_start_is_told_with_its_name(self):
        with tempfile.TemporaryDirectory() as folder:
            for arguments, code, says in ((['--listen', '127.0.0.1:99999'], 1, 'HOST:PORT'), (['--listen', 'bogus'], 1, 'HOST:PORT'),
                                          (['extra'], 2, 'extra is no option'), (['--check-data'], 9, 'no data directory'),
                                          (['-c', folder, '--check-config'], 1, 'cannot be read'),
                                          (['--listen', '192.0.2.1:7'], 1, '192.0.2.1:7')):
                done = subprocess.run([os.path.join(BIN, 'soukd'), '--data', os.path.join(folder, 'd'), *arguments],
                                      capture_output=True, text=True, timeout=20)
                self.assertEqual(done.returncode, code, arguments)
                self.assertIn(says, done.stderr + done.stdout, arguments)


class Signals(unittest.TestCase):
    def test_term_answers_what_is_under_way_and_ends_with_0(self):
        with Server() as s:
            s.import_lines('shop', products(2000))
            failures, stop = [], threading.Event()

            def search():
                while not stop.is_set():
                    done = s.run('search', 'shop', 'red', '--json', check=False)
                    if done.returncode not in (0, 3):  # 3: nobody listens any more
                        failures.append(done.stderr)
            threads = [threading.Thread(target=search) for _ in range(4)]
            for t in threads:
                t.start()
            time.sleep(0.5)
            self.assertEqual(s.stop(), 0)
            stop.set()
            for t in threads:
                t.join()
            self.assertEqual([f for f in failures if 'GOAWAY' not in f and 'UNAVAILABLE' not in f], [])

    def test_hup_takes_a_valid_file_and_keeps_the_old_one_otherwise(self):
        with Server() as first:  # a free data directory and its name
            path = first.data + '.yaml'
        text = 'limits:\n  hits: {}\n'
        with open(path, 'w') as f:
            f.write(text.format(50))
        s = Server('-c', path)
        try:
            s.start()
            s.import_lines('shop', products(300))
            refused = lambda k: s.run('search', 'shop', '-k', k, '--json', check=False).returncode == 4
            self.assertTrue(refused(51))
            self.assertFalse(refused(50))
            with open(path, 'w') as f:
                f.write(text.format(60))
            pids = s.children()
            s.process.send_signal(signal.SIGHUP)
            wait_until(lambda: not refused(60), 5, 'running fronts take the new limit')
            self.assertTrue(refused(61))
            with open(path, 'w') as f:
                f.write(text.format('many'))
            s.process.send_signal(signal.SIGHUP)
            wait_until(lambda: 'configuration is kept' in s.log_text(), 5, 'the refusal is told')
            self.assertFalse(refused(60))
            self.assertTrue(refused(61))
            self.assertEqual(pids, s.children(), 'no process was restarted')
            s.stop()
        finally:
            os.unlink(path)
            s.remove()

    def test_every_line_of_the_log_is_json(self):
        with Server() as first:
            path = first.data + '.yaml'
        s = Server('-c', path, fronts=1)
        try:
            with open(path, 'w') as f:
                f.write('limits:\n  hits: 50\n')
            s.start()
            s.import_lines('shop', products(30))
            for text in ('limits:\n  deadline: \'so "soon" \\\'\n', 'index:\n  map: 32GiB\n'):
                with open(path, 'w') as f:
                    f.write(text)
                told = len(s.log_text())
                s.process.send_signal(signal.SIGHUP)
                wait_until(lambda: len(s.log_text()) > told, 5, 'the reload is told')
            self.assertIn('index.map', s.log_text(), 'the option that needs a restart is named')
            with open(path, 'w') as f:
                f.write('{"fields":[{"name":"price","type":"keyword"}]}')
            s.run('catalog', 'alter', 'shop', '--schema', path, check=False)
            wait_until(lambda: 'no new edition' in s.log_text(), 5, 'the writer tells')
            lines = [json.loads(line) for line in s.log_text().splitlines()]
            self.assertEqual({line['component'] for line in lines}, {'supervisor', 'writer'})
            self.assertTrue(all(line['level'] in ('info', 'warning', 'error') and line['msg'] for line in lines))
            s.stop()
        finally:
            os.unlink(path)
            s.remove()


if __name__ == '__main__':
    unittest.main(verbosity=2)
