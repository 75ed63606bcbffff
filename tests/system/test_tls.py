"""TLS: who is let in and who is not, what is said to whom, and that others do not feel it."""
import contextlib
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
import warnings

sys.path.insert(0, os.path.dirname(__file__))
from souk_system import BIN, SLACK, Server, free_port, wait_until  # noqa: E402
from souk_tls import Authority, TlsConnection, certificate_of, client_context  # noqa: E402
from souk_wire import Connection, Refused, field, frame, hits, tlv, upsert  # noqa: E402

PRODUCTS = [{'id': str(i), 'title': f'red shoe {i}', 'text': 'x' * 300} for i in range(400)]


class TlsCase(unittest.TestCase):
    """A folder with a CA and certificates, shared by the cases of a class."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='souk-tls-')
        cls.ca = Authority(cls.folder)
        cls.certificate, cls.key = cls.ca.issue('server')

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    def server(self, certificate=None, key=None, options=(), **more):
        port = free_port()
        files = [f'tls.certificate={certificate or self.certificate}', f'tls.key={key or self.key}']
        s = Server(options=[f'tls.listen=127.0.0.1:{port}', *files, *options], **more)
        s.tls_port = port
        return s

    def tls(self, server, name='localhost', **more):
        return TlsConnection(server.tls_port, client_context(self.ca.path, **more), name)


class Serves(TlsCase):
    """What is served in the clear is served through TLS."""

    def test_searches_pipelined_and_replies_of_many_records(self):
        with self.server() as s:
            s.import_lines('shop', PRODUCTS)
            for most in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                with self.tls(s, most=most) as c:
                    self.assertEqual(c.call('PING', b'hello').body, b'hello')
                    extra = tlv('SEARCH', 'K', 400) + tlv('SEARCH', 'NO_CACHE', 1)
                    large = c.search('shop', 'red shoe', extra)
                    self.assertGreater(len(large), 100000)
                    self.assertEqual(len(hits(large)), 400)
                    body = tlv('SEARCH', 'CATALOG', 'shop') + tlv('SEARCH', 'TEXT', 'red shoe') + extra
                    c.socket.sendall(b''.join(frame('SEARCH', body, request_id=i) for i in range(1, 65)))
                    replies = {r.request_id: r for r in (c.read() for _ in range(64))}
                    self.assertEqual({r.status for r in replies.values()}, {0})
                    self.assertEqual(len(replies), 64)

    def test_a_frame_of_megabytes_comes_in(self):
        with self.server() as s:
            s.import_lines('shop', PRODUCTS[:1])
            with self.tls(s) as c:
                items = [upsert(f'big-{i}', {'title': f'blue sofa {i}', 'text': 'y' * 20000}) for i in range(200)]
                c.put('shop', items, ack=2)
                self.assertEqual(field(c.search('shop', 'sofa'), 'HITS', 'FOUND'), 200)

    def test_a_request_byte_by_byte(self):
        with self.server() as s, self.tls(s) as c:
            for byte in frame('PING', b'slowly', request_id=7):
                c.socket.sendall(bytes([byte]))
            self.assertEqual(c.read().body, b'slowly')

    def test_a_client_that_changes_keys(self):
        """openssl s_client sends a KeyUpdate at a line that begins with K."""
        with self.server() as s:
            p = subprocess.Popen(['openssl', 's_client', '-connect', f'127.0.0.1:{s.tls_port}', '-CAfile', self.ca.path, '-quiet', '-no_ign_eof'],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            try:
                for line in (b'K\n', b'k\n'):
                    p.stdin.write(line)
                    p.stdin.flush()
                    time.sleep(0.2)
                p.stdin.write(frame('PING', b'after', request_id=3))
                p.stdin.flush()
                self.assertEqual(p.stdout.read(24 + 5)[24:], b'after')
            finally:
                p.kill()
                p.wait()
                p.stdin.close()
                p.stdout.close()


class Refuses(TlsCase):
    def test_versions_before_1_2(self):
        with self.server() as s, warnings.catch_warnings():
            warnings.simplefilter('ignore')
            for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
                context = client_context(self.ca.path, least=version, most=version)
                context.set_ciphers('ALL:@SECLEVEL=0')
                with self.assertRaises(ssl.SSLError) as caught:
                    TlsConnection(s.tls_port, context)
                self.assertIn('protocol', str(caught.exception).lower())
            wait_until(lambda: 'no version of TLS in common; 1.2 is the least' in s.log_text(), 5, 'the log says why')

    def test_clients_without_a_certificate_of_the_ca(self):
        other = Authority(self.folder, 'other')
        good, stranger = self.ca.issue('client', san=''), other.issue('client', san='')
        late = self.ca.issue('late', san='', days=-1)
        with self.server(options=[f'tls.client_ca={self.ca.path}']) as s:
            with self.tls(s, certificate=good[0], key=good[1]) as c:
                self.assertEqual(c.call('PING', b'x').body, b'x')
            for pair, alert, told in (((None, None), 'certificate required', 'the client shows no certificate'),
                                      (stranger, 'unknown ca', 'of an unknown CA'),
                                      (late, 'certificate expired', 'the certificate of the client has expired')):
                for most in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                    with self.assertRaises(ssl.SSLError) as caught:
                        with self.tls(s, certificate=pair[0], key=pair[1], most=most) as c:
                            c.call('PING', b'x')
                    if most == ssl.TLSVersion.TLSv1_3:
                        self.assertIn(alert, str(caught.exception).lower())
                wait_until(lambda told=told: told in s.log_text(), 5, told)

    def test_plain_bytes_on_the_port_for_tls(self):
        with self.server() as s:
            with Connection(('127.0.0.1', s.tls_port)) as c:
                with self.assertRaises(Refused) as caught:
                    c.send('PING', b'x')
                    raise Refused(c.read())
                self.assertEqual(caught.exception.name, 'TLS')
                self.assertIn('this port speaks TLS only', caught.exception.sentence)
            for said, answer in ((b'GET / HTTP/1.1\r\n\r\n', rb'HTTP/1.1 400 .*this port speaks TLS only'), (b'x', rb'this port speaks TLS only')):
                with socket.create_connection(('127.0.0.1', s.tls_port), 5) as c:
                    c.sendall(said)
                    got = b''
                    while part := c.recv(4096):
                        got += part
                    self.assertRegex(got, re.compile(answer, re.S))
            wait_until(lambda: s.log_text().count('the peer does not speak TLS') == 3, 5, 'the log says so')

    def test_tls_on_the_plain_port(self):
        with self.server() as s:
            with self.assertRaises(ssl.SSLError):
                TlsConnection(s.port, client_context(self.ca.path))
            wait_until(lambda: 'it speaks TLS, which this port does not' in s.log_text(), 5, 'the log says so')

    def test_files_are_checked_with_the_configuration(self):
        def check(*options):
            words = [w for o in ('tls.listen=127.0.0.1:1', *options) for w in ('--set', o)]
            return subprocess.run([os.path.join(BIN, 'soukd'), *words, '--check-config'], capture_output=True, text=True, timeout=30)
        self.assertEqual(check(f'tls.certificate={self.certificate}', f'tls.key={self.key}').returncode, 0)
        empty = os.path.join(self.folder, 'empty.pem')
        with open(empty, 'w'):
            pass
        for options, told in (((f'tls.certificate={self.certificate}',), 'tls.key must name a file'),
                              ((f'tls.certificate={self.certificate}', f'tls.key={self.ca.key}'), 'the key is not that of the certificate'),
                              ((f'tls.certificate={self.certificate}', f'tls.key={self.key}', f'tls.client_ca={empty}'), 'it is empty')):
            done = check(*options)
            self.assertEqual((done.returncode, told in done.stderr), (1, True), done.stderr)

    def test_a_server_with_wrong_files_does_not_start(self):
        other = Authority(self.folder, 'another').issue('server')
        broken = os.path.join(self.folder, 'broken.pem')
        with open(broken, 'w') as f:
            f.write('no certificate\n')
        for certificate, key, told in ((broken, self.key, 'there is no certificate in it'), (self.certificate, broken, 'there is no key in it'),
                                       (self.certificate, other[1], 'the key is not that of the certificate'),
                                       (self.folder + '/none', self.key, 'No such file')):
            s = self.server(certificate, key)
            try:
                s.start(ready=False)
                self.assertEqual(s.process.wait(20), 1)
                self.assertIn(told, s.log_text())
            finally:
                s.remove()


class Clients(TlsCase):
    """What the command line says, and how it ends."""

    def fails(self, status, text, server, *options, address=None, env=None):
        done = server.run('ping', *options, server=address or f'127.0.0.1:{server.tls_port}', check=False, env=env)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex(done.stderr, text)

    def test_good_ones(self):
        with self.server() as s:
            at = f'127.0.0.1:{s.tls_port}'
            s.run('ping', '--tls-ca', self.ca.path, server=at)
            s.run('ping', '--tls-ca', self.ca.path, server=f'localhost:{s.tls_port}')
            s.run('ping', server=at, env={'SOUK_TLS_CA': self.ca.path})
            s.run('ping', '--tls', '--tls-ca', self.ca.path, '--tls-name', 'localhost', server=at)
            s.run('ping', server=f'unix:{s.data}/souk.sock', env={'SOUK_TLS': '1'})

    def test_bad_certificates_are_refused_by_reason(self):
        other = Authority(self.folder, 'elsewhere')
        for pair, text in ((self.ca.issue('expired', days=-1), 'certificate of the server has expired'),
                           (self.ca.issue('foreign', san='DNS:shop.example,IP:10.0.0.1'), 'certificate of the server is not for 127.0.0.1'),
                           (self.ca.issue('nameless', san=''), 'is not for 127.0.0.1'),
                           (other.issue('server'), 'of an unknown CA: nobody in .*ca.pem vouches'),
                           ((other.path, other.key), 'of an unknown CA')):
            with self.server(*pair) as s:
                self.fails(7, f'TLS with 127.0.0.1:{s.tls_port}: .*{text}', s, '--tls-ca', self.ca.path)
                if 'foreign' in pair[0]:
                    s.run('ping', '--tls-ca', self.ca.path, '--tls-name', 'shop.example', server=f'127.0.0.1:{s.tls_port}')
                    self.fails(7, 'is not for pop.example', s, '--tls-ca', self.ca.path, '--tls-name', 'pop.example')
        with self.server() as s:
            self.fails(7, "nobody in the system's list vouches", s, '--tls')

    def test_files_that_are_none(self):
        with self.server() as s:
            self.fails(7, 'none.pem: No such file', s, '--tls-ca', self.folder + '/none.pem')
            self.fails(7, 'go together', s, '--tls-ca', self.ca.path, '--tls-cert', self.certificate)
            self.fails(7, 'there is no certificate in it', s, '--tls-ca', self.key)
            self.fails(2, 'TLS is for HOST:PORT', s, '--tls', address=f'unix:{s.data}/souk.sock')

    def test_ports_of_the_other_kind(self):
        with self.server() as s:
            self.fails(7, 'does not speak TLS on this port', s, '--tls-ca', self.ca.path, address=s.address)
            self.fails(7, 'this port speaks TLS only', s)

    def test_a_server_that_wants_certificates(self):
        good, stranger = self.ca.issue('friend', san=''), Authority(self.folder, 'strange').issue('client', san='')
        with self.server(options=[f'tls.client_ca={self.ca.path}']) as s:
            s.run('ping', '--tls-ca', self.ca.path, '--tls-cert', good[0], '--tls-key', good[1], server=f'127.0.0.1:{s.tls_port}')
            for _ in range(10):
                self.fails(7, 'the server refused: it wants a certificate and got none', s, '--tls-ca', self.ca.path)
                self.fails(7, 'the server refused: it does not know the CA of our certificate', s, '--tls-ca', self.ca.path,
                           '--tls-cert', stranger[0], '--tls-key', stranger[1])

    def test_old_servers_silent_ones_and_cuts_at_every_byte(self):
        certificate, key = self.ca.issue('fake')
        with self.server() as s, Fake(certificate, key) as fake:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                fake.context.minimum_version = ssl.TLSVersion.TLSv1
                fake.context.maximum_version = ssl.TLSVersion.TLSv1_1
                fake.context.set_ciphers('ALL:@SECLEVEL=0')
            self.fails(7, 'no version of TLS in common|no TLS version in common', s, '--tls-ca', self.ca.path, address=fake.address)
            fake.silent = True
            began = time.monotonic()
            self.fails(3, 'no TLS handshake within the time allowed', s, '--tls-ca', self.ca.path, address=fake.address)
            self.assertLess(time.monotonic() - began, 6 * SLACK)
        with self.server() as s, Cut(s.tls_port) as cut:
            with TlsConnection(cut.port, client_context(self.ca.path)) as c:
                c.call('PING', b'')
            total = cut.passed
            self.assertGreater(total, 500)
            for n in [*range(0, 12), *range(12, total - 60, 37)]:
                cut.limit = n
                done = s.run('ping', '--tls-ca', self.ca.path, server=f'127.0.0.1:{cut.port}', check=False)
                self.assertIn(done.returncode, (3, 7), (n, done.stderr))
                self.assertRegex(done.stderr, 'TLS|closed the connection', n)

    def test_import_goes_on_when_a_front_is_killed(self):
        products = [{'id': str(i), 'title': f'green lamp {i}', 'text': 'z' * 200} for i in range(20000)]
        path = os.path.join(self.folder, 'lamps.jsonl')
        with open(path, 'w') as f:
            for p in products:
                f.write(json.dumps(p) + '\n')
        with self.server() as s:
            at = f'127.0.0.1:{s.tls_port}'
            command = subprocess.Popen([os.path.join(BIN, 'souk'), '--server', at, '--tls-ca', self.ca.path, 'import', '--catalog', 'shop', path, '--quiet'],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(4):
                time.sleep(0.1)
                for front in ('front 0', 'front 1'):
                    pid = s.kill_child(front)
                    s.replaced(front, pid)
            out, err = command.communicate(timeout=120 * SLACK)
            self.assertEqual(command.returncode, 0, out + err)
            self.assertEqual(json.loads(out)['failed'], 0, out)
            wait_until(lambda: s.search('shop', 'lamp', '--count-to', 0)['found'] == 20000, 20, 'all are found')

    def test_souk_load(self):
        with self.server() as s:
            s.import_lines('shop', PRODUCTS[:100])
            log = os.path.join(self.folder, 'queries')
            with open(log, 'w') as f:
                f.write('red\nshoe\n')

            def load(*options, env=None):
                return subprocess.run([os.path.join(BIN, 'souk-load'), 'run', '--server', f'127.0.0.1:{s.tls_port}', '--catalog', 'shop', '--queries', log,
                                       '--rate', '500', '--seconds', '1', '--connections', '8', *options], capture_output=True, text=True, timeout=60,
                                      env={**os.environ, **(env or {})})

            done = load('--tls-ca', self.ca.path, '--threshold', 'errors<5%')
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(load(env={'SOUK_TLS_CA': self.ca.path}).returncode, 0)
            done = load('--tls')
            self.assertEqual(done.returncode, 7, done.stderr)
            self.assertIn('unknown CA', done.stderr)


class Follows(TlsCase):
    """A follower that reaches its leader through TLS, with a certificate of its own."""

    def follower(self, leader, *options):
        return Server('--follow', f'127.0.0.1:{leader.tls_port}', options=['replication.tls=true', f'replication.tls_ca={self.ca.path}', *options])

    def test_copies_and_changes(self):
        mine = self.ca.issue('follower', san='')
        with self.server(options=[f'tls.client_ca={self.ca.path}']) as leader:
            leader.import_lines('shop', PRODUCTS)
            with self.follower(leader, f'replication.tls_certificate={mine[0]}', f'replication.tls_key={mine[1]}') as follower:
                wait_until(lambda: follower.run('catalog', 'describe', 'shop', check=False).returncode == 0, 20, 'it is copied')
                done = leader.json('put', 'shop', '{"id":"n1","title":"zebra lamp"}')
                follower.souk('wait', 'shop', done['sequence'])
                self.assertEqual(follower.search('shop', 'zebra')['found'], 1)
                # another certificate of the leader, and fronts that die: it goes on
                for front in ('front 0', 'front 1'):
                    leader.replaced(front, leader.kill_child(front))
                done = leader.json('put', 'shop', '{"id":"n2","title":"zebra chair"}')
                follower.souk('wait', 'shop', done['sequence'], timeout=30)
                self.assertEqual(follower.search('shop', 'zebra')['found'], 2)

    def test_what_is_wrong_is_told(self):
        with self.server(options=[f'tls.client_ca={self.ca.path}']) as leader:
            for options, told in (([], 'it wants a certificate and got none'), (['replication.tls_name=other.example'], 'is not for other.example'),
                                  ([f'replication.tls_certificate={self.folder}/none', f'replication.tls_key={self.key}'], 'none: No such file')):
                with self.follower(leader, *options) as follower:
                    wait_until(lambda told=told: told in follower.log_text(), 10, told)
            with Server('--follow', f'127.0.0.1:{leader.tls_port}') as follower:
                wait_until(lambda: 'this port speaks TLS only' in follower.log_text(), 10, 'it is told')


class Fake:
    """A TLS server that shakes hands and closes; `silent`: it only accepts."""

    def __init__(self, certificate, key):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.address = f'127.0.0.1:{self.socket.getsockname()[1]}'
        self.silent, self.held = False, []

    def __enter__(self):
        threading.Thread(target=self.run, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.close()
        for c in self.held:
            c.close()

    def run(self):
        while True:
            try:
                c = self.socket.accept()[0]
            except OSError:
                return
            if self.silent:
                self.held.append(c)
                continue
            try:
                self.context.wrap_socket(c, server_side=True).close()
            except OSError:
                c.close()


class Cut:
    """Passes bytes on to a port; of the server's only `limit`, then both ends are closed."""

    def __init__(self, port):
        self.to, self.limit, self.passed = port, 1 << 30, 0
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.run, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def run(self):
        while True:
            try:
                near = self.socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.one, args=(near,), daemon=True).start()

    def one(self, near):
        left, self.passed = self.limit, 0
        with near, socket.create_connection(('127.0.0.1', self.to)) as far:
            while left > 0:
                for c in select.select([near, far], [], [], 10)[0]:
                    part = c.recv(65536)
                    if not part:
                        return
                    if c is near:
                        far.sendall(part)
                    else:
                        near.sendall(part[:left])
                        left -= len(part)
                        self.passed += len(part)


class Figures(TlsCase):
    def test_metrics_and_status(self):
        certificate, key = self.ca.issue('counted', days=9)
        http = free_port()

        def get(path):
            with urllib.request.urlopen(f'http://127.0.0.1:{http}{path}', timeout=10) as r:
                return r.read().decode()

        with self.server(certificate, key, options=[f'server.http=127.0.0.1:{http}']) as s, contextlib.ExitStack() as opened:
            for _ in range(5):
                opened.enter_context(self.tls(s)).call('PING', b'')
            with self.assertRaises(ssl.SSLError):
                TlsConnection(s.tls_port, client_context(Authority(self.folder, 'nobody').path))
            socket.create_connection(('127.0.0.1', s.tls_port)).close()
            wait_until(lambda: json.loads(get('/status.json'))['tls']['failures']['cut'] == 1, 5, 'it is counted')
            d = json.loads(get('/status.json'))['tls']
            self.assertAlmostEqual(d['certificate_expires_seconds'] / 86400, 9, delta=0.01)
            self.assertEqual((d['connections'], d['handshakes_total'], d['handshaking'], d['failures']['refused']), (5, 5, 0, 1), d)
            text = get('/metrics')
            self.assertIn('souk_tls_handshake_failures_total{slot="0",reason="unknown_ca"} 0', text)
            self.assertEqual(sum(map(int, re.findall(r'souk_tls_connections\{slot="\d"\} (\d+)', text))), 5)
            promtool = shutil.which('promtool')
            if promtool:
                done = subprocess.run([promtool, 'check', 'metrics'], input=text, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            opened.close()
            wait_until(lambda: json.loads(get('/status.json'))['tls']['connections'] == 0, 5, 'they are gone')

    def test_without_tls_nothing_is_told_of_it(self):
        http = free_port()
        with Server(options=[f'server.http=127.0.0.1:{http}']) as s:
            self.assertTrue(s)
            with urllib.request.urlopen(f'http://127.0.0.1:{http}/metrics', timeout=10) as r:
                self.assertNotIn('souk_tls', r.read().decode())


class Handshakes(TlsCase):
    def hello(self):
        """The bytes of a ClientHello."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = client_context(self.ca.path).wrap_bio(incoming, outgoing, server_hostname='localhost')
        try:
            session.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return outgoing.read()

    def test_cut_at_every_byte(self):
        hello = self.hello()
        with self.server(fronts=1) as s:
            for n in range(len(hello) + 1):
                with socket.create_connection(('127.0.0.1', s.tls_port), 5) as c:
                    c.sendall(hello[:n])
            with self.tls(s) as c:
                self.assertEqual(c.call('PING', b'still').body, b'still')
            pid = s.pid('front 0')
            wait_until(lambda: len(os.listdir(f'/proc/{pid}/fd')) < 60, 5, 'no descriptor is left open')

    def test_any_byte_of_a_hello_changed(self):
        hello = self.hello()
        with self.server(fronts=1) as s:
            pid = s.pid('front 0')
            for n in range(len(hello)):
                with socket.create_connection(('127.0.0.1', s.tls_port), 5) as c:
                    c.sendall(hello[:n] + bytes([hello[n] ^ 0xff]) + hello[n + 1:])
            with self.tls(s) as c:
                self.assertEqual(c.call('PING', b'still').body, b'still')
            self.assertEqual(s.pid('front 0'), pid)

    def test_silent_ones_end_after_a_second(self):
        with self.server(fronts=1) as s:
            quiet = socket.create_connection(('127.0.0.1', s.tls_port), 10)
            dripping = socket.create_connection(('127.0.0.1', s.tls_port), 10)
            began, hello = time.monotonic(), self.hello()
            ended = {}
            for i in range(300):
                try:
                    if 'drips' not in ended:
                        dripping.sendall(hello[i:i + 1])
                except OSError:
                    ended['drips'] = time.monotonic() - began
                for name, c in (('quiet', quiet), ('drips', dripping)):
                    c.setblocking(False)
                    try:
                        if name not in ended and c.recv(100) == b'':
                            ended[name] = time.monotonic() - began
                    except BlockingIOError:
                        pass
                    except OSError:
                        ended[name] = time.monotonic() - began
                    c.setblocking(True)
                if len(ended) == 2:
                    break
                time.sleep(0.02)
            for name in ('quiet', 'drips'):
                self.assertGreater(ended[name], 0.9, name)
                self.assertLess(ended[name], 2.5 * SLACK, name)
            quiet.close()
            dripping.close()
            wait_until(lambda: 'the peer said nothing' in s.log_text() and 'the handshake took too long' in s.log_text(), 5, 'the log says so')

    def test_half_open_ones_keep_nobody_out(self):
        with self.server(fronts=1, options=['tls.handshakes=50']) as s:
            s.import_lines('shop', PRODUCTS[:10])
            with self.tls(s) as before, contextlib.ExitStack() as opened:
                opened_one = lambda: opened.enter_context(socket.create_connection(('127.0.0.1', s.tls_port), 10))  # noqa: E731
                for _ in range(100):
                    opened_one()
                half = [opened_one() for _ in range(20)]
                for c in half:
                    c.sendall(self.hello())
                for _ in range(20):
                    began = time.monotonic()
                    self.assertEqual(field(before.search('shop', 'red'), 'HITS', 'FOUND'), 10)
                    self.assertLess(time.monotonic() - began, SLACK)
                began = time.monotonic()
                with self.tls(s) as c:
                    self.assertEqual(c.call('PING', b'in').body, b'in')
                self.assertLess(time.monotonic() - began, 1.9 * SLACK)


class Rotation(TlsCase):
    def test_new_connections_get_the_new_certificate_and_none_is_dropped(self):
        files = [os.path.join(self.folder, n) for n in ('live.pem', 'live.key')]
        second = self.ca.issue('second')

        def install(pair):
            for to, path in zip(files, pair):
                shutil.copy(path, to)

        install((self.certificate, self.key))
        with self.server(*files) as s:
            s.import_lines('shop', PRODUCTS[:50])
            context = client_context(self.ca.path)
            first = certificate_of(s.tls_port, context)
            stop, wrong, done = threading.Event(), [], [0]

            def search():
                try:
                    with TlsConnection(s.tls_port, context) as c:
                        while not stop.is_set():
                            c.search('shop', 'red')
                            done[0] += 1
                except Exception as e:  # noqa: BLE001
                    wrong.append(repr(e))

            threads = [threading.Thread(target=search) for _ in range(6)]
            for t in threads:
                t.start()
            try:
                for pair in (second, (self.certificate, self.key), second):
                    install(pair)
                    was = certificate_of(s.tls_port, context)
                    s.process.send_signal(signal.SIGHUP)
                    wait_until(lambda was=was: all(certificate_of(s.tls_port, context) != was for _ in range(8)), 10, 'the new one is shown')
                # the key of another certificate, then an expired one: both are refused, the old one stays
                now = certificate_of(s.tls_port, context)
                shutil.copy(self.key, files[1])
                s.process.send_signal(signal.SIGHUP)
                wait_until(lambda: 'the key is not that of the certificate' in s.log_text(), 5, 'it is told')
                install(self.ca.issue('over', days=-1))
                s.process.send_signal(signal.SIGHUP)
                wait_until(lambda: 'the certificate has expired' in s.log_text(), 5, 'it is told')
                self.assertEqual(wrong, [])
                # a front that begins anew takes what was good last
                pid = s.kill_child('front 1')
                s.replaced('front 1', pid)
                self.assertEqual({certificate_of(s.tls_port, context) for _ in range(8)}, {now})
                self.assertNotEqual(now, first)
            finally:
                stop.set()
                for t in threads:
                    t.join()
            # the front that was killed takes its connections with it
            self.assertTrue(all('closed' in w or 'reset' in w.lower() or 'EOF' in w for w in wrong), wrong)
            self.assertGreater(done[0], 100)

    def test_the_key_is_in_no_process_but_the_fronts(self):
        with self.server() as s:
            with open(self.key, 'rb') as f:
                lines = f.read().split(b'\n')
            secret = lines[1][:40]  # of the middle of the PEM
            for name, pid in [('supervisor', s.process.pid), *s.children().items()]:
                if name.startswith('front'):
                    continue
                self.assertFalse(any('soukd-tls' in os.readlink(f'/proc/{pid}/fd/{n}') for n in os.listdir(f'/proc/{pid}/fd')
                                     if os.path.islink(f'/proc/{pid}/fd/{n}')) and name != 'supervisor', name)
                self.assertFalse(memory_holds(pid, secret), name)


def memory_holds(pid, needle):
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as memory:
        for line in maps:
            area, rights, _, _, _, *name = line.split()
            if not rights.startswith('rw') or (name and (name[0].startswith('/') or name[0].startswith('[v'))):
                continue
            begin, end = (int(x, 16) for x in area.split('-'))
            if end - begin > 1 << 28:
                continue
            try:
                memory.seek(begin)
                if needle in memory.read(end - begin):
                    return True
            except OSError:
                pass
    return False


if __name__ == '__main__':
    unittest.main(verbosity=2)
