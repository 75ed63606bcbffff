"""What the system bounds: processes, open files, address space of one process. It is told in plain words, and all else goes on."""
import os
import subprocess
import tempfile
import time
import unittest

from souk_system import Server, free_port, products, wait_until
from souk_tls import Authority, TlsConnection, client_context
from souk_wire import Connection

NOBODY = 54321  # no other process is of this user
AS_NOBODY = ['setpriv', '--reuid', str(NOBODY), '--regid', str(NOBODY), '--clear-groups']
SCHEMA = '{"fields":[{"name":"title","type":"text"}]}'


def limit(pid, option, prefix=()):
    subprocess.run([*prefix, 'prlimit', '--pid', str(pid), option], check=True)


def create(server, name):
    return server.run('catalog', 'create', name, '--schema', '-', input=SCHEMA, check=False)


@unittest.skipIf(os.geteuid(), 'limits of another user are set by root')
class Limits(unittest.TestCase):
    def test_without_a_process_for_a_front_the_others_take_all_connections(self):
        data = tempfile.mkdtemp(prefix='souk-limits-')
        os.chown(data, NOBODY, NOBODY)
        ca, port = Authority(data), free_port()
        certificate, key = ca.issue('server')
        os.chown(key, NOBODY, NOBODY)
        server = Server(data=data, prefix=[*AS_NOBODY, 'prlimit', '--nproc=500:500'],
                        options=[f'tls.listen=127.0.0.1:{port}', f'tls.certificate={certificate}', f'tls.key={key}'])
        server.keep_data = False

        def by_both(count):
            for _ in range(count):
                with Connection(('127.0.0.1', server.port), 3) as c:
                    c.search('shop', 'red')
                with TlsConnection(port, client_context(ca.path), timeout=3) as c:
                    c.search('shop', 'red')
        with server:
            server.import_lines('shop', products(50))
            supervisor, front = server.process.pid, server.pid('front 0')
            limit(supervisor, '--nproc=1:', AS_NOBODY)
            server.kill_child('front 0')
            wait_until(lambda: 'no process can be started' in server.log_text(), 5, 'it is told')
            time.sleep(2)
            by_both(30)
            self.assertEqual(server.log_text().count('no process can be started'), 1)
            self.assertIn('Resource temporarily unavailable', server.log_text())
            stats = server.stats(server=server.admin)
            self.assertEqual(stats['process.0.front.starts'], 1)
            server.souk('put', 'shop', '{"id":"n1","title":"zebra"}', '--ack', 'visible', server=server.admin)
            limit(supervisor, '--nproc=500:', AS_NOBODY)
            server.replaced('front 0', front, 5)
            self.assertIn('processes can be started again', server.log_text())
            accepted = 'process.0.front.accepted'
            for one in Connection, TlsConnection:  # both of its sockets listen again
                before = server.stats(server=server.admin).get(accepted, 0)
                for _ in range(40):
                    with Connection(('127.0.0.1', server.port), 3) if one is Connection else TlsConnection(port, client_context(ca.path)) as c:
                        c.search('shop', 'red')
                self.assertGreater(server.stats(server=server.admin).get(accepted, 1), before)

    def test_few_open_files_are_told_and_what_is_open_goes_on(self):
        with Server(prefix=['prlimit', '--nofile=64:64']) as server:
            self.assertIn('open files', server.log_text())
            made = []
            for i in range(30):
                done = create(server, f'c{i}')
                if done.returncode:
                    self.assertIn('NO_DESCRIPTORS', done.stderr)
                    break
                made.append(f'c{i}')
            self.assertTrue(3 < len(made) < 30)
            done = create(server, 'again')
            self.assertIn('NO_DESCRIPTORS', done.stderr)
            taken = 0
            for name in made:
                done = server.run('put', name, '{"id":"a","title":"zebra"}', '--ack', 'visible', check=False)
                taken += done.returncode == 0
                if done.returncode:
                    self.assertIn('NO_DESCRIPTORS', done.stderr)
            self.assertGreater(taken, 0)
            for _ in range(3):
                server.souk('put', made[0], '{"id":"b","title":"zebra"}', '--ack', 'visible')
                self.assertEqual(server.search(made[0], 'zebra')['found'], 2)
            server.souk('catalog', 'drop', made[-1])
            server.souk('catalog', 'drop', made[-2])  # gives descriptors back
            wait_until(lambda: server.run('put', made[1], '{"id":"b","title":"zebra"}', check=False).returncode == 0, 5, 'it takes changes')
            pid = server.kill_child('writer 0')
            server.replaced('writer 0', pid)
            # a writer that begins has no room for the logs of all: who takes no changes is told, the others do
            takes = wait_until(lambda: [n for n in made[:-2] if server.run('put', n, '{"id":"c","title":"zebra"}', check=False).returncode == 0], 10,
                               'some take changes')
            for name in set(made[:-2]) - set(takes):
                self.assertRegex(server.log_text(), f'("{name}","msg":"it takes no changes|{name} cannot be opened).*no file descriptors')
            for name in made[:-2]:
                server.search(name, 'zebra')

    def test_a_front_without_room_for_another_catalog_serves_those_it_has(self):
        with Server(fronts=1) as server:
            server.import_lines('shop', products(300))
            server.search('shop', 'red')
            front = server.pid('front 0')
            with open(f'/proc/{front}/statm') as f:
                size = int(f.read().split()[0]) * 4096
            limit(front, f'--as={size + (8 << 20)}:')
            self.assertEqual(create(server, 'other').returncode, 0)
            done = server.run('search', 'other', 'red', check=False)
            self.assertIn('NO_MEMORY', done.stderr)
            wait_until(lambda: 'catalog other cannot be opened here' in server.log_text(), 5, 'it is told')
            for _ in range(50):
                server.search('shop', 'red lamp', '--no-cache')
            self.assertEqual(server.pid('front 0'), front)
            self.assertEqual(server.run('search', 'other', 'red', check=False, server=server.admin).returncode, 0)
            limit(front, '--as=unlimited:')
            server.search('other', 'red')


if __name__ == '__main__':
    unittest.main()
