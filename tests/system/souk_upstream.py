"""An upstream that can misbehave in every way the failure matrix names, and remembers what it did.

    up = BadUpstream({'p1': {'id': 'p1', 'title': 'red shoe'}})
    server.define('shop', up)          # see define() below
    up.mode = up.cut                   # from the next request on

`good_at` says when each product was last answered well, `most_flying` how many questions about it were
under way at once, `calls` when each request came. The product "canary" counts in none of them.
"""
import collections
import gzip
import json
import os
import select
import socket
import ssl
import struct
import subprocess
import threading
import time
import unittest
import urllib.parse

from souk_system import SLACK, Failed, Server

POISON = 'poisoned'  # in products of answers that must never be believed
# Made once: whoever asks would give up while it is made, and ask again before the one who makes it notices.
BOMB = gzip.compress(b'[' + b' ' * 30_000_000 + b']')


class BadUpstream:
    def __init__(self, products, cache='max-age=2, stale-while-revalidate=2, stale-if-error=600', tls=None, page=1000):
        self.products, self.cache, self.tls, self.page = dict(products), cache, tls, page
        self.changes = [list(self.products)[i:i + page] for i in range(0, len(self.products), page)]
        self.mode = self.good
        self.since = time.monotonic()
        self.lock, self.local = threading.Lock(), threading.local()
        self.calls, self.good_at = [], {}
        self.flying, self.most_flying = collections.Counter(), collections.Counter()
        self.connections = set()
        self.number = 0
        self.listener = None
        self.port = 0
        self.fill = []
        self.listen()

    @property
    def base(self):
        return f'{"https" if self.tls else "http"}://127.0.0.1:{self.port}'

    def definition(self, **more):
        return {'one': self.base + '/p/{id}', 'many': self.base + '/many?ids={ids}',
                'changes': self.base + '/changes/{cursor}', 'first_cursor': '0',
                'map': {'deleted': '/deleted'}, **more}

    # --- sockets ----------------------------------------------------------------------------------

    def bind(self, backlog):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(('127.0.0.1', self.port))
        s.listen(backlog)
        self.port = s.getsockname()[1]
        return s

    def listen(self):
        self.silence()
        self.listener = self.bind(128)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def silence(self):
        """No connection is taken any more, and those that are open end."""
        for s in [self.listener, *self.fill]:
            if s:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                s.close()
        self.listener, self.fill = None, []
        self.hang_up()

    def hang_up(self):
        with self.lock:
            open_now, self.connections = self.connections, set()
        for s in open_now:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def black_hole(self):
        """Connections are neither taken nor refused: the queue of the listener is full."""
        self.silence()
        s = self.bind(0)
        self.fill = [s]
        for _ in range(4):
            c = socket.socket()
            c.setblocking(False)
            c.connect_ex(('127.0.0.1', self.port))
            self.fill.append(c)

    def stop(self):
        self.silence()

    def accept(self, listener):
        while True:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        try:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                conn.settimeout(5)
                conn = self.tls.wrap_socket(conn, server_side=True)
                conn.settimeout(None)
            with self.lock:
                self.connections.add(conn)
            data = b''
            while True:
                while b'\r\n\r\n' not in data:
                    part = conn.recv(65536)
                    if not part:
                        return
                    data += part
                head, data = data.split(b'\r\n\r\n', 1)
                if not self.request(conn, head.decode('latin-1')):
                    return
        except (OSError, ssl.SSLError):
            pass
        finally:
            with self.lock:
                self.connections.discard(conn)
            conn.close()

    # --- one request ------------------------------------------------------------------------------

    def request(self, conn, head):
        path = head.split(' ')[1]
        headers = {k.strip().lower(): v.strip() for k, v in (l.split(':', 1) for l in head.split('\r\n')[1:])}
        ids = self.ids_of(path)
        end = time.monotonic() + 0.25  # whoever gave up may have been faster than the thread that served it
        while any(self.flying[i] for i in ids) and time.monotonic() < end:
            time.sleep(0.005)
        with self.lock:
            self.number += 1
            self.calls.append((time.monotonic(), path))
            for i in ids:
                self.flying[i] += 1
                self.most_flying[i] = max(self.most_flying[i], self.flying[i])
        self.local.ids = ids
        try:
            return self.mode(conn, path, headers)
        finally:
            self.landed()

    def landed(self):
        """The answer is on its way: the next question may come before this thread runs again."""
        with self.lock:
            for i in self.local.ids:
                self.flying[i] -= 1
        self.local.ids = []

    @staticmethod
    def ids_of(path):
        if path.startswith('/p/'):
            ids = [urllib.parse.unquote(path[3:])]
        elif path.startswith('/many?ids='):
            ids = [urllib.parse.unquote(i) for i in path[10:].split(',')]
        else:
            ids = []
        return [i for i in ids if i != 'canary']

    def find(self, path):
        """(status, answer) as a service that is well gives it."""
        if path.startswith('/p/'):
            product = self.products.get(urllib.parse.unquote(path[3:]))
            return (200, product) if product else (404, {})
        if path.startswith('/many?ids='):
            ids = [urllib.parse.unquote(i) for i in path[10:].split(',')]
            return 200, {'items': [self.products[i] for i in ids if i in self.products]}
        page = int(path.rsplit('/', 1)[1])
        if page >= len(self.changes):
            return 200, {'items': [], 'next': str(page)}
        items = [self.products.get(i, {'id': i, 'deleted': True}) for i in self.changes[page]]
        return 200, {'items': items, 'next': str(page + 1)}

    def send(self, conn, status, body, headers=(), length=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = [f'HTTP/1.1 {status} X', f'Content-Length: {len(data) if length is None else length}',
                f'Cache-Control: {self.cache}', 'Content-Type: application/json', *headers]
        if length is None or length <= len(data):
            self.landed()
        conn.sendall('\r\n'.join(head).encode() + b'\r\n\r\n' + data)

    def stall(self, conn, seconds=30):
        """Until the other side gives up."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([conn], [], [], 0.05)[0] and not conn.recv(1, socket.MSG_PEEK if not self.tls else 0):
                return False
        return False

    def poison(self, path):
        _, answer = self.find(path)
        for product in answer.get('items', [answer]):
            if 'id' in product:
                yield {**product, 'title': POISON}

    # --- ways to answer ---------------------------------------------------------------------------

    def good(self, conn, path, headers):
        status, answer = self.find(path)
        self.send(conn, status, answer)
        now = time.time()
        if status == 200:
            ids = self.ids_of(path) or [p['id'] for p in answer.get('items', [])]
            for i in ids:
                self.good_at[i] = now
        return True

    def etag(self, conn, path, headers):
        """Well, with validators and 304."""
        status, answer = self.find(path)
        tag = '"%08x"' % (hash(json.dumps(answer, sort_keys=True)) & 0xffffffff)
        self.landed()
        if status == 200 and headers.get('if-none-match') == tag:
            conn.sendall(f'HTTP/1.1 304 X\r\nETag: {tag}\r\nCache-Control: {self.cache}\r\n\r\n'.encode())
        else:
            self.send(conn, status, answer, [f'ETag: {tag}'])
        for i in self.ids_of(path) or [p['id'] for p in answer.get('items', [])]:
            self.good_at[i] = time.time()
        return True

    def silent(self, conn, path, headers):
        return self.stall(conn)

    def mid_body(self, conn, path, headers):
        data = json.dumps(list(self.poison(path))[:1]).encode()
        self.send(conn, 200, data[:len(data) // 2], length=len(data))
        return self.stall(conn)

    def drip(self, conn, path, headers):
        data = json.dumps(next(self.poison(path), {})).encode()
        self.send(conn, 200, b'', length=len(data))
        for byte in data:
            if select.select([conn], [], [], 0.1)[0]:
                return False
            conn.sendall(bytes([byte]))
        return True

    def status(self, code, *headers):
        def answer(conn, path, _):
            self.send(conn, code, next(self.poison(path), {}), headers)
            return True
        return answer

    def redirect(self, conn, path, headers):
        self.send(conn, 302, b'', [f'Location: {self.base}{path}'])
        return True

    def cut(self, conn, path, headers):
        data = json.dumps(next(self.poison(path), {})).encode()
        self.send(conn, 200, data[:len(data) // 2], length=len(data))
        return False

    def reset(self, conn, path, headers):
        """Half of the answer, and no end of the connection but a RST."""
        self.cut(conn, path, headers)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        return False

    def short_length(self, conn, path, headers):
        data = json.dumps(next(self.poison(path), {})).encode()
        self.send(conn, 200, data, length=len(data) - 5)
        return False

    def bomb(self, conn, path, headers):
        self.send(conn, 200, BOMB, ['Content-Encoding: gzip'])
        return True

    def broken_gzip(self, conn, path, headers):
        self.send(conn, 200, gzip.compress(b'{}')[:-6] + b'xxxxxx', ['Content-Encoding: gzip'])
        return True

    def body(self, data):
        def answer(conn, path, _):
            self.send(conn, 200, data)
            return True
        return answer

    def text(self, change):
        """A good answer about the product, its text changed so that it is no JSON any more."""
        def answer(conn, path, _):
            self.send(conn, 200, change(json.dumps(next(self.poison(path), {})).encode()))
            return True
        return answer

    def other_product(self, conn, path, headers):
        self.send(conn, 200, {**next(self.poison(path), {}), 'id': 'somebody-else'})
        return True

    def bogus_304(self, conn, path, headers):
        self.landed()
        conn.sendall(b'HTTP/1.1 304 X\r\nETag: "other"\r\n\r\n')
        return True

    def flapping(self, conn, path, headers):
        if int(time.monotonic() - self.since) % 2 == 0:
            self.send(conn, 500, {})
            return True
        return self.good(conn, path, headers)

    def one_in_ten(self, conn, path, headers):
        if self.number % 10 == 0:
            self.send(conn, 500, {})
            return True
        return self.good(conn, path, headers)


# --- TLS that never comes to be -----------------------------------------------------------------------

class NoHandshake:
    """Stands for a server context: takes the first bytes of the client, and then is silent or gone."""

    def __init__(self, seconds):
        self.seconds = seconds

    def wrap_socket(self, conn, server_side):
        conn.recv(1)
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            if select.select([conn], [], [], 0.05)[0] and not conn.recv(65536):
                break
        raise OSError('no handshake')


class LateHandshake:
    """A server context that begins so many seconds after the connection is there."""

    def __init__(self, context, seconds):
        self.context, self.seconds = context, seconds

    def wrap_socket(self, conn, server_side):
        time.sleep(self.seconds)
        return self.context.wrap_socket(conn, server_side=server_side)


# --- certificates -------------------------------------------------------------------------------------

def certificates(folder):
    """{'ca': file, 'good' | 'expired' | 'other' | 'self_signed' | 'old': server context}, made with openssl; and 'silent' and
    'cut', which come to no handshake."""
    def openssl(*words):
        subprocess.run(['openssl', *words], cwd=folder, check=True, capture_output=True)

    with open(os.path.join(folder, 'ca.cnf'), 'w') as f:
        f.write('[ca]\ndefault_ca=x\n[x]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n'
                'copy_extensions=copy\n[p]\ncommonName=supplied\n')
    open(os.path.join(folder, 'index'), 'w').close()
    open(os.path.join(folder, 'index.attr'), 'w').close()
    with open(os.path.join(folder, 'serial'), 'w') as f:
        f.write('01\n')
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test ca')
    out = {'ca': os.path.join(folder, 'ca.pem')}
    for name, host, start, end in (('good', 'IP:127.0.0.1', '20200101000000Z', '20491231000000Z'),
                                   ('expired', 'IP:127.0.0.1', '20200101000000Z', '20200201000000Z'),
                                   ('other', 'DNS:other.example', '20200101000000Z', '20491231000000Z')):
        openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', f'{name}.key', '-out', f'{name}.csr',
                '-subj', f'/CN={name}', '-addext', f'subjectAltName={host}')
        openssl('ca', '-batch', '-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-in', f'{name}.csr',
                '-out', f'{name}.pem', '-startdate', start, '-enddate', end, '-notext')
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(folder, f'{name}.pem'), os.path.join(folder, f'{name}.key'))
        out[name] = context
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'self.key', '-out', 'self.pem', '-days', '2', '-subj', '/CN=127.0.0.1',
            '-addext', 'subjectAltName=IP:127.0.0.1')
    out['self_signed'] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    out['self_signed'].load_cert_chain(os.path.join(folder, 'self.pem'), os.path.join(folder, 'self.key'))
    out['old'] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    out['old'].set_ciphers('ALL:@SECLEVEL=0')
    out['old'].minimum_version, out['old'].maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    out['old'].load_cert_chain(os.path.join(folder, 'good.pem'), os.path.join(folder, 'good.key'))
    return {**out, 'silent': NoHandshake(30), 'cut': NoHandshake(0)}


# --- soukd ---------------------------------------------------------------------------------------------

SCHEMA = {'ttl_ms': 0, 'fields': [
    {'name': 'title', 'type': 'text', 'searchable': True, 'weight': 1},
    {'name': 'brand', 'type': 'keyword', 'filter': True, 'facet': True},
    {'name': 'price', 'type': 'float', 'filter': True, 'sort': True}]}

# Patience shortened so that a test sees in seconds what takes an operator minutes.
QUICK = {'connect_ms': 500, 'tls_ms': 1000, 'first_byte_ms': 700, 'between_ms': 600, 'total_ms': 1500, 'body_max': 100000,
         'canary_ms': 500, 'poll_ms': 300, 'breaker_open_ms': 600, 'breaker_open_max_ms': 1500, 'breaker_window_ms': 5000,
         'canary': 'canary'}


def create(server, catalog, schema=SCHEMA):
    path = os.path.join(server.data, 'schema.json')
    with open(path, 'w') as f:
        json.dump(schema, f)
    end = time.monotonic() + 20
    while True:  # the writer may be a moment later than the fronts
        done = server.run('catalog', 'create', catalog, '--schema', path, check=False)
        if done.returncode == 0:
            return
        if time.monotonic() > end:
            raise AssertionError(done.stderr)
        time.sleep(0.05)


def define(server, catalog, name, definition):
    path = os.path.join(server.data, f'{catalog}.{name}.json')
    with open(path, 'w') as f:
        json.dump(definition, f)
    server.souk('upstream', 'add', catalog, name, path)


def upstream(server, catalog):
    """What is told of a catalog's upstream; just after a start it is waited for until the writer has opened the catalog."""
    end = time.monotonic() + 20 * SLACK
    while True:
        done = server.run('upstream', 'list', catalog, '--json', check=False)
        told = json.loads(done.stdout) if done.returncode == 0 else {}
        if told.get('fetcher') == 'away' and time.monotonic() < end:
            time.sleep(0.05)
        elif done.returncode == 0:
            return told
        elif 'UNAVAILABLE' not in done.stdout + done.stderr or time.monotonic() > end:
            raise Failed(['upstream', 'list', catalog], done)


def products(count, title='red shoe'):
    return {f'p{i}': {'id': f'p{i}', 'title': f'{title} {i}', 'brand': 'Acme', 'price': i + 0.5} for i in range(count)}


class OneServer(unittest.TestCase):
    """Tests that share a server; each has a catalog of its own, and upstreams in `ups` that end with it."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.used = 0

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def setUp(self):
        type(self).used += 1
        self.catalog, self.ups = f'c{self.used}', []
        create(self.server, self.catalog)

    def tearDown(self):
        for up in self.ups:
            up.stop()
        self.server.run('catalog', 'drop', self.catalog, check=False)
