#!/usr/bin/env python3
"""API keys: what each scope opens, operation by operation; catalogs beyond a key; those who have none; rotation,
revocation, expiry; that secrets are nowhere to be found."""
import glob
import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

from souk_collector import Collector
from souk_system import BIN, SANITIZED, SLACK, Server, free_port, wait_until
from souk_tls import Authority, TlsConnection, client_context
from souk_wire import (FLAGS, OPCODES, STATUSES, TAGS, Connection, Refused, delete, field, fields, frame, patch, put_body,
                       text, tlv, upsert, varint)

SCOPES = ['search', 'get', 'write', 'delete', 'admin', 'stats', 'follow']
SOUK = os.path.join(BIN, 'souk')
SCHEMA = [{'name': 'title', 'type': 'text'}, {'name': 'price', 'type': 'float'}]


def make_key(name, scopes, catalogs='*', *more):
    """(the key's text, its line of the file)"""
    done = subprocess.run([SOUK, 'key', 'new', '--json', '--name', name, '--scopes', scopes, '--catalogs', catalogs, *more],
                          capture_output=True, text=True, check=True)
    made = json.loads(done.stdout)
    return made['key'], made['lines']


class KeysFile:
    """A file of keys; names become their texts."""

    def __init__(self):
        fd, self.path = tempfile.mkstemp(prefix='souk-keys-')
        os.close(fd)
        self.keys, self.lines = {}, {}

    def add(self, name, scopes, catalogs='*', *more):
        self.keys[name], self.lines[name] = make_key(name, scopes, catalogs, *more)
        return self

    def write(self, lines=None):
        """As an operator should: beside, then in its place."""
        beside = self.path + '.new'
        with open(beside, 'w') as f:
            f.write(''.join(self.lines.values()) if lines is None else lines)
        os.chmod(beside, 0o600)
        os.rename(beside, self.path)
        return self

    def __getitem__(self, name):
        return self.keys[name]

    def remove(self):
        for path in glob.glob(self.path + '*'):
            os.unlink(path)


class KeyConnection(Connection):
    """Says HELLO with a key."""

    def __init__(self, server, key, unix=False):
        super().__init__(f'{server.data}/souk.sock' if unix else ('127.0.0.1', server.port))
        self.hello(key)

    def hello(self, key):
        return self.call('HELLO', hello_body(key))


def hello_body(key=None):
    body = tlv('HELLO', 'MIN_VERSION', 1) + tlv('HELLO', 'MAX_VERSION', 1) + tlv('HELLO', 'NAME', 'test')
    return body + (tlv('HELLO', 'KEY', key) if key is not None else b'')


def told(call, *arguments, **options):
    """(name of the status, sentence) of a call that is refused, or ('OK', '')."""
    try:
        call(*arguments, **options)
        return 'OK', ''
    except Refused as e:
        return e.name, e.sentence
    except (EOFError, ConnectionError):
        return 'closed', ''


def setting(action, name='shop'):
    return tlv('CATALOG', 'ACTION', action) + (tlv('CATALOG', 'NAME', name) if name else b'')


def search_body(catalog='shop', words='red'):
    return tlv('SEARCH', 'CATALOG', catalog) + tlv('SEARCH', 'TEXT', words)


# What each operation asks for, and a request of it. An operation of the protocol that has no row fails the test.
ANY = set(SCOPES)
OPERATIONS = [
    ('PING', ANY, b'hi'),
    ('CATALOG', ANY, setting(3, None)),
    ('CATALOG', ANY, setting(2)),
    ('CATALOG', {'admin'}, setting(1, 'other')),
    ('CATALOG', {'admin'}, setting(4, 'nosuch')),
    ('CATALOG', {'admin'}, setting(5)),
    ('CATALOG', {'admin'}, setting(6) + tlv('CATALOG', 'KIND', 'synonyms') + tlv('CATALOG', 'KEY', 'x')),
    ('CATALOG', {'admin'}, setting(7) + tlv('CATALOG', 'KIND', 'synonyms') + tlv('CATALOG', 'KEY', 'x')),
    ('CATALOG', {'admin'}, setting(8)),
    ('CATALOG', {'admin'}, setting(9, 'nosuch')),
    ('CATALOG', {'admin'}, setting(77)),
    ('CATALOG', {'admin'}, tlv('CATALOG', 'NAME', 'shop')),
    ('CATALOG', {'admin'}, setting(3, None) + setting(4, 'nosuch')),
    ('CATALOG', {'admin'}, setting(4, 'nosuch') + setting(3, None)),
    ('SEARCH', {'search'}, search_body()),
    ('MULTI_SEARCH', {'search'}, tlv('HITS', 'PART', search_body())),
    ('SUGGEST', {'search'}, tlv('SUGGEST', 'CATALOG', 'shop') + tlv('SUGGEST', 'TEXT', 're')),
    ('GET', {'get'}, tlv('GET', 'CATALOG', 'shop') + tlv('GET', 'ID', 'p1')),
    ('SCAN', {'get'}, tlv('SCAN', 'CATALOG', 'shop') + tlv('SCAN', 'LIMIT', 1)),
    ('PUT', {'write'}, put_body('shop', [upsert('p9', {'title': 'x'})])),
    ('PUT', {'write'}, put_body('shop', [patch('p9', {'price': 1.5})])),
    ('PUT', {'delete'}, put_body('shop', [delete('p9')])),
    ('DELETE', {'delete'}, tlv('SCAN', 'CATALOG', 'shop') + tlv('SCAN', 'FILTER', 'price > 1000')),
    ('WAIT', ANY, tlv('WAIT', 'CATALOG', 'shop') + tlv('WAIT', 'SEQUENCE', 1)),
    ('STATS', {'stats'}, b''),
    ('QUERIES', {'stats'}, tlv('QUERIES', 'CATALOG', 'shop')),
    ('UPSTREAM', {'stats'}, tlv('UPSTREAM', 'CATALOG', 'shop') + tlv('UPSTREAM', 'ACTION', 1)),
    *[('UPSTREAM', {'admin'}, tlv('UPSTREAM', 'CATALOG', 'shop') + tlv('UPSTREAM', 'ACTION', n) + tlv('UPSTREAM', 'NAME', 'p'))
      for n in range(2, 10)],
    ('UPSTREAM', {'admin'}, tlv('UPSTREAM', 'CATALOG', 'shop')),
    ('SAFE_MODE', {'stats'}, tlv('SAFE_MODE', 'CATALOG', 'shop') + tlv('SAFE_MODE', 'ACTION', 1)),
    ('SAFE_MODE', {'admin'}, tlv('SAFE_MODE', 'CATALOG', 'nosuch') + tlv('SAFE_MODE', 'ACTION', 2)),
    ('SAFE_MODE', {'admin'}, tlv('SAFE_MODE', 'CATALOG', 'nosuch') + tlv('SAFE_MODE', 'ACTION', 3)),
    ('DEGRADE', {'stats'}, b''),
    ('DEGRADE', {'admin'}, tlv('DEGRADE', 'PIN', 0)),
    ('LOG_READ', {'follow'}, tlv('LOG_READ', 'NAME', 'test') + tlv('LOG_READ', 'WAIT_MS', 1)),
    ('COPY_READ', {'follow'}, tlv('COPY_READ', 'CATALOG', 'shop')),
    ('PROMOTE', {'admin'}, b''),
    ('REFRESH', ANY, b''),  # between processes: UNSUPPORTED to whom a front knows
    ('FOLLOW', ANY, b''),
]
# Said before anybody is known; answered by nobody; closes the connection.
APART = {'HELLO', 'CANCEL', 'GOAWAY'}


class WithKeys(unittest.TestCase):
    soukd = None
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.file = KeysFile()
        for scope in SCOPES:
            cls.file.add(scope, scope)
        cls.file.add('all', ','.join(SCOPES))
        cls.file.add('shops', 'search,get,write,delete,admin,stats', 'shop*')
        cls.file.write()
        cls.http = f'127.0.0.1:{free_port()}'
        cls.server = Server(fronts=2, options=[f'keys.file={cls.file.path}', f'server.http={cls.http}', *cls.options],
                            env={'SOUK_KEY': cls.file['all']}, soukd=cls.soukd).start()
        cls.schema = os.path.join(cls.server.data, 's.json')
        with open(cls.schema, 'w') as f:
            json.dump({'fields': SCHEMA}, f)
        for name in ('shop', 'books'):
            cls.server.souk('catalog', 'create', name, '--schema', cls.schema)
            cls.server.souk('put', name, json.dumps({'id': 'p1', 'title': 'red shoe', 'price': 9.5}), '--ack', 'visible')

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()
        cls.file.remove()

    def connect(self, name, **options):
        c = KeyConnection(self.server, self.file[name], **options)
        self.addCleanup(c.close)
        return c


class Matrix(WithKeys):
    def test_every_operation_of_the_protocol_is_in_the_table(self):
        self.assertEqual({row[0] for row in OPERATIONS} | APART, set(OPCODES))

    def test_every_operation_with_a_key_of_each_scope(self):
        for scope in SCOPES:
            c = self.connect(scope)
            for opcode, needs, body in OPERATIONS:
                with self.subTest(scope=scope, opcode=opcode, body=body):
                    name, sentence = told(c.call, opcode, body)
                    if scope in needs:
                        self.assertNotIn(name, ('FORBIDDEN', 'UNAUTHENTICATED'), sentence)
                    else:
                        self.assertEqual(name, 'FORBIDDEN')
                        self.assertRegex(sentence, rf'scope [a-z,]*\b({"|".join(needs)})\b')
                        self.assertIn(f'the key {scope} has {scope}', sentence)

    def test_bulks_of_several_kinds_need_all_their_scopes(self):
        both = put_body('shop', [upsert('p8', {'title': 'x'}), delete('p8')])
        for scope in ('write', 'delete'):
            self.assertEqual(told(self.connect(scope).call, 'PUT', both)[0], 'FORBIDDEN')
        self.assertEqual(told(self.connect('all').call, 'PUT', both)[0], 'OK')

    def test_without_a_key_nothing_is_answered(self):
        asked = []  # all at once: from the fifth failure on each takes a second
        for opcode, _, body in OPERATIONS:
            asked.append(Connection(f'{self.server.data}/souk.sock'))
            asked[-1].send(opcode, body)
        for c, (opcode, _, body) in zip(asked, OPERATIONS):
            with self.subTest(opcode=opcode), c:
                reply = c.read()
                self.assertEqual(STATUSES[reply.status], 'UNAUTHENTICATED')
                self.assertLess(len(reply.body), 200)

    def test_the_owners_socket_needs_no_key(self):
        self.assertEqual(stat.S_IMODE(os.stat(f'{self.server.data}/admin.sock').st_mode), 0o600)
        with Connection(f'{self.server.data}/admin.sock') as c:
            for opcode, _, body in OPERATIONS[:20]:
                self.assertNotIn(told(c.call, opcode, body)[0], ('FORBIDDEN', 'UNAUTHENTICATED'))

    def test_processes_meet_behind_sockets_of_their_owner(self):
        for name in ('writer', 'fetcher', 'replica', 'admin'):
            self.assertEqual(stat.S_IMODE(os.stat(f'{self.server.data}/{name}.sock').st_mode), 0o600, name)


class Catalogs(WithKeys):
    """The key `shops` reaches shop*, and nothing else."""

    def test_what_is_beyond_a_key_is_refused_whether_it_exists_or_not(self):
        c = self.connect('shops')
        for opcode, needs, body in OPERATIONS:
            if b'shop' not in body or needs == {'follow'}:
                continue
            for other in (b'book', b'nope'):
                beyond = body.replace(b'shop', other)
                with self.subTest(opcode=opcode, body=beyond):
                    if opcode == 'MULTI_SEARCH':
                        part = [v for t, v in fields(c.call(opcode, beyond).body) if t == TAGS['HITS']['PART']][0]
                        self.assertEqual(STATUSES[part[0]], 'FORBIDDEN')
                        continue
                    name, sentence = told(c.call, opcode, beyond)
                    self.assertEqual(name, 'FORBIDDEN')
                    self.assertRegex(sentence, rf'catalog {other.decode()}.*the key shops has .* for shop\*')
                    self.assertNotIn(told(c.call, opcode, body)[0], ('FORBIDDEN', 'UNAUTHENTICATED'))

    def test_the_last_catalog_of_a_body_counts_and_so_does_the_first(self):
        c = self.connect('shops')
        for body in (search_body('shop') + search_body('books'), search_body('books') + search_body('shop')):
            self.assertEqual(told(c.call, 'SEARCH', body)[0], 'FORBIDDEN')
        for part in (search_body('shop') + search_body('books'), search_body('books') + search_body('shop')):
            reply = c.call('MULTI_SEARCH', tlv('HITS', 'PART', part)).body
            catalogs = [STATUSES[v[0]] if v[0] else 'OK' for t, v in fields(reply) if t == TAGS['HITS']['PART']]
            self.assertEqual(catalogs, ['FORBIDDEN' if part.endswith(search_body('books')) else 'OK'])

    def test_what_holds_for_all_catalogs_needs_all(self):
        c = self.connect('shops')
        for opcode, body in (('PROMOTE', b''), ('DEGRADE', tlv('DEGRADE', 'PIN', 0))):
            name, sentence = told(c.call, opcode, body)
            self.assertEqual(name, 'FORBIDDEN')
            self.assertIn('catalog *', sentence)

    def test_providers_that_send_files_need_all(self):
        """Else who may change one catalog could have the key of the server's certificate sent to him."""
        def upstream(value):
            made = json.dumps({'one': 'http://127.0.0.1:1/p/{id}', 'headers': {'X-A': value}})
            return tlv('UPSTREAM', 'CATALOG', 'shop') + tlv('UPSTREAM', 'ACTION', 8) + tlv('UPSTREAM', 'NAME', 'p') + tlv('UPSTREAM', 'DEFINITION', made)

        def as_setting(value):
            made = json.dumps({'one': 'http://127.0.0.1:1/p/{id}', 'headers': {'X-A': value}})
            return setting(6) + tlv('CATALOG', 'KIND', 'provider') + tlv('CATALOG', 'KEY', 'p') + tlv('CATALOG', 'VALUE', made)

        for opcode, body in (('UPSTREAM', upstream), ('CATALOG', as_setting)):
            name, sentence = told(self.connect('shops').call, opcode, body('file:/etc/souk/tls.key'))
            self.assertEqual((name, 'catalog *' in sentence), ('FORBIDDEN', True), sentence)
            self.assertEqual(told(self.connect('shops').call, opcode, body('plain'))[0], 'OK')
            self.assertEqual(told(self.connect('all').call, opcode, body('file:/etc/souk/token'))[0], 'OK')
        self.server.souk('upstream', 'remove', 'shop', 'p')

    def test_lists_and_figures_know_only_what_the_key_reaches(self):
        run = self.server.run
        env = {'SOUK_KEY': self.file['shops']}
        listed = run('catalog', 'list', '--json', env=env).stdout
        self.assertIn('shop', listed)
        self.assertNotIn('books', listed)
        figures = run('stats', '--json', env=env).stdout
        self.assertIn('catalog.shop.products', figures)
        self.assertNotIn('catalog.books', figures)
        self.assertIn('catalog.books.products', run('stats', '--json').stdout)

    def test_a_cached_page_is_not_shown_to_another_key(self):
        mine, theirs = self.connect('all'), self.connect('shops')
        body = search_body('books', 'red shoe')
        for _ in range(3):
            reply = mine.call('SEARCH', body)
        self.assertIsNotNone(reply)
        self.assertEqual(told(theirs.call, 'SEARCH', body)[0], 'FORBIDDEN')
        self.assertEqual(told(theirs.call, 'GET', tlv('GET', 'CATALOG', 'books') + tlv('GET', 'ID', 'p1'))[0], 'FORBIDDEN')

    def test_traced_requests_are_looked_at_behind_their_trace(self):
        c = self.connect('shops')
        context = varint(100) + varint(25) + bytes(range(1, 26))
        self.assertEqual(told(c.call, 'SEARCH', context + search_body('books'), flags=FLAGS['TRACE'])[0], 'FORBIDDEN')
        self.assertEqual(told(c.call, 'SEARCH', context + search_body('shop'), flags=FLAGS['TRACE'])[0], 'OK')


class Faults(unittest.TestCase):
    """Servers in which one check was forgotten: the tests above see it."""

    def run_with(self, fault, case):
        soukd = os.path.join(BIN, '..', 'tests', f'soukd_{fault}')
        if not os.path.exists(soukd):
            self.skipTest(f'{soukd} is not built')
        made = type('Faulty', (case,), {'soukd': soukd, '__test__': False})
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(made).run(result)
        return len(result.failures)

    def test_a_server_that_forgets_catalogs_is_found_out(self):
        self.assertGreater(self.run_with('open_catalogs', Catalogs), 10)

    def test_a_server_that_forgets_actions_is_found_out(self):
        self.assertGreater(self.run_with('open_actions', Matrix), 10)


class Strangers(WithKeys):
    """Before a key is known."""

    def setUp(self):
        # failures of this address are forgotten with the fronts
        for name in ('front 0', 'front 1'):
            self.server.replaced(name, self.server.kill_child(name))
        wait_until(self.server.ready, 10)

    def raw(self):
        c = Connection(('127.0.0.1', self.server.port))
        self.addCleanup(c.close)
        return c

    def test_bodies_of_strangers_are_short(self):
        c = self.raw()
        c.send('HELLO', hello_body() + b'\x7f' + varint(600) + b'x' * 600)
        self.assertEqual(STATUSES[c.read().status], 'UNAUTHENTICATED')
        self.assertRaises((EOFError, ConnectionError), c.read)
        c = self.raw()
        c.socket.sendall(frame('PUT', b'')[:12] + struct.pack('<I', 600) + b'\0' * 8)  # the check is wrong as well
        self.assertNotEqual(c.read().status, 0)
        with KeyConnection(self.server, self.file['all']) as known:
            known.call('PING', b'x' * 5000)

    def test_a_stranger_has_five_seconds(self):
        c = self.raw()
        start = time.monotonic()
        self.assertEqual(told(c.call, 'HELLO', hello_body())[0], 'UNAUTHENTICATED')
        c.socket.settimeout(15 * SLACK)
        self.assertRaises(EOFError, c.read)
        self.assertLess(3.5, time.monotonic() - start)
        self.assertLess(time.monotonic() - start, 8 * SLACK)

    def test_hellos_of_every_shape(self):
        good = self.file['all']
        wrong = [good[:-1], good + '0', good.upper(), good[:-1] + ('0' if good[-1] != '0' else '1'), 'souk_', '', '\0' * 102, 'x' * 102,
                 'souk_' + '0' * 32 + good[37:], good.replace('_', '-'), self.file['search'][:38] + good[38:]]
        for key in wrong:
            with Connection(f'{self.server.data}/souk.sock') as c, self.subTest(key=key):
                name, sentence = told(c.call, 'HELLO', hello_body(key))
                self.assertEqual(name, 'UNAUTHENTICATED')
                self.assertNotIn(good[38:], sentence)
        for body in (b'\xff', b'\x0a\x66abc', hello_body(good)[:-1], varint(10) + varint(1 << 40)):
            with Connection(f'{self.server.data}/souk.sock') as c, self.subTest(body=body):
                self.assertEqual(told(c.call, 'HELLO', body)[0], 'INVALID')
                self.assertEqual(told(c.call, 'PING')[0], 'UNAUTHENTICATED')
        with Connection(f'{self.server.data}/souk.sock') as c:  # of a field that comes twice the last counts
            self.assertEqual(told(c.call, 'HELLO', hello_body('x') + tlv('HELLO', 'KEY', good))[0], 'OK')
            c.call('PING')
            self.assertEqual(told(c.call, 'HELLO', hello_body())[0], 'UNAUTHENTICATED')  # and who says nothing is nobody
            self.assertIn(told(c.call, 'PING')[0], ('UNAUTHENTICATED', 'closed'))

    def test_requests_in_the_same_bytes_as_hello_are_of_its_key(self):
        c = self.raw()
        c.socket.sendall(frame('HELLO', hello_body(self.file['search']), 1) + frame('SEARCH', search_body(), 2) + frame('PUT', b'x' * 600, 3))
        replies = {r.request_id: STATUSES[r.status] if r.status else 'OK' for r in (c.read(), c.read(), c.read())}
        self.assertEqual(replies, {1: 'OK', 2: 'OK', 3: 'FORBIDDEN'})

    def test_who_guesses_waits_and_keeps_nobody_out(self):
        good = self.file['all']
        times, counts = [], {0: 0, 1: 0}
        for i in range(14):  # two fronts: one of them has had five by the ninth
            c = self.raw()
            start = time.monotonic()
            wrong = 'souk_' + f'{i:032x}_' + good[38:]
            self.assertEqual(told(c.call, 'HELLO', hello_body(wrong))[0], 'UNAUTHENTICATED')
            times.append(time.monotonic() - start)
            if times[-1] > 0.8:
                self.assertRaises((EOFError, ConnectionError), c.call, 'PING')
        held = sum(t > 0.8 for t in times)
        self.assertGreaterEqual(held, 4, times)  # 14 - 2 * 4 at least, less what fell on one front
        self.assertLess(max(times), 1.6 * SLACK)
        self.assertLess(max(times[:4]), 0.5 * SLACK)
        many = [self.raw() for _ in range(40)]
        for i, c in enumerate(many):  # and all at once
            c.send('HELLO', hello_body('souk_' + f'{i:032x}_' + good[38:]))
        for _ in range(5):
            start = time.monotonic()
            with KeyConnection(self.server, good) as c:
                c.call('PING')
            self.assertLess(time.monotonic() - start, 0.5 * SLACK)
        for c in many:
            c.socket.settimeout(10)
            self.assertEqual(STATUSES[c.read().status], 'UNAUTHENTICATED')

    def test_traces_of_those_who_wait_end(self):
        with Collector() as collector, \
                Server(fronts=1, options=[f'keys.file={self.file.path}', f'trace.endpoint={collector.base}'], env={'SOUK_KEY': self.file['all']}) as s:
            context = varint(100) + varint(25) + bytes(range(1, 25)) + b'\1'
            for _ in range(6):
                with Connection(('127.0.0.1', s.port)) as c:
                    self.assertEqual(told(c.call, 'HELLO', context + hello_body(), flags=FLAGS['TRACE'])[0], 'UNAUTHENTICATED')
            wait_until(lambda: sum(span.name.lower() == 'hello' for span in collector.spans) >= 6, 5, 'a span of each')
            self.assertEqual(collector.faults, [])

    def test_a_client_without_a_key_is_told_so(self):
        for env in ({'SOUK_KEY': ''}, {'SOUK_KEY': 'souk_' + '0' * 32 + '_' + '1' * 64}):
            done = self.server.run('ping', check=False, env=env)
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn('UNAUTHENTICATED', done.stderr)
        done = self.server.run('ping', check=False, env={'SOUK_KEY': 'secret'})
        self.assertEqual(done.returncode, 2, done.stderr)


class Life(unittest.TestCase):
    """Keys that come, change and go while the server runs."""

    def setUp(self):
        self.file = KeysFile().add('all', ','.join(SCOPES)).add('shop', 'search,write', 'shop').write()
        self.addCleanup(self.file.remove)

    def start(self, *options, **more):
        s = Server(options=[f'keys.file={self.file.path}', *options], env={'SOUK_KEY': self.file['all'], **more.pop('env', {})}, **more).start()
        self.addCleanup(s.remove)
        self.addCleanup(s.stop)
        schema = os.path.join(s.data, 's.json')
        with open(schema, 'w') as f:
            json.dump({'fields': SCHEMA}, f)
        s.souk('catalog', 'create', 'shop', '--schema', schema)
        s.souk('put', 'shop', json.dumps({'id': 'p1', 'title': 'red shoe', 'price': 9.5}), '--ack', 'visible')
        return s

    def until_refused(self, c, opcode='SEARCH', body=None):
        """Seconds until it is refused, and how."""
        start = time.monotonic()
        while time.monotonic() - start < 5 * SLACK:
            name, sentence = told(c.call, opcode, search_body() if body is None else body)
            if name != 'OK':
                return time.monotonic() - start, name, sentence
            time.sleep(0.01)
        return 99, 'OK', ''

    def test_a_key_that_is_taken_out_is_refused_within_a_second(self):
        s = self.start()
        gone = [KeyConnection(s, self.file['shop']) for _ in range(3)]
        stays = KeyConnection(s, self.file['all'])
        for c in gone:
            c.call('SEARCH', search_body())
        self.file.write(self.file.lines['all'])
        for c in gone:
            seconds, name, sentence = self.until_refused(c)
            self.assertLess(seconds, 1.0 * SLACK)
            self.assertEqual(name, 'UNAUTHENTICATED')
            self.assertIn('revoked', sentence)
        stays.call('SEARCH', search_body())
        with Connection(('127.0.0.1', s.port)) as c:
            self.assertEqual(told(c.call, 'HELLO', hello_body(self.file['shop']))[0], 'UNAUTHENTICATED')
        for c in gone:  # a stranger's time, then it ends
            c.socket.settimeout(10 * SLACK)
            self.assertRaises((EOFError, ConnectionError), c.read)
            c.close()
        self.file.write()
        wait_until(lambda: s.run('search', 'shop', 'red', check=False, env={'SOUK_KEY': self.file['shop']}).returncode == 0, 3)
        stays.close()

    def test_who_waits_for_something_is_no_less_closed(self):
        s = self.start()
        with KeyConnection(s, self.file['shop']) as c:
            c.send('WAIT', tlv('WAIT', 'CATALOG', 'shop') + tlv('WAIT', 'SEQUENCE', 1 << 40), deadline_ms=3600000)
            self.file.write(self.file.lines['all'])
            self.assertEqual(self.until_refused(c)[1], 'UNAUTHENTICATED')
            c.socket.settimeout(10 * SLACK)
            self.assertRaises((EOFError, ConnectionError), c.read)

    def test_rights_that_change_hold_from_the_next_request_on(self):
        s = self.start()
        with KeyConnection(s, self.file['shop']) as c:
            c.put('shop', [upsert('a', {'title': 'x'})])
            self.file.write(self.file.lines['all'] + self.file.lines['shop'].replace('search,write', 'search'))
            seconds, name, _ = self.until_refused(c, 'PUT', put_body('shop', [upsert('a', {'title': 'x'})]))
            self.assertEqual(name, 'FORBIDDEN')
            self.assertLess(seconds, 1.0 * SLACK)
            c.call('SEARCH', search_body())

    def test_a_file_with_a_fault_changes_nothing_and_says_so(self):
        s = self.start()
        front = lambda name: max(v for k, v in s.stats().items() if k.endswith(name) and '.front.' in k)
        with KeyConnection(s, self.file['shop']) as c:
            for bad in ('', '# nothing\n', self.file.lines['all'] + 'shop id=0\n', self.file.lines['all'][:100]):
                self.file.write(bad)
                wait_until(lambda: front('.keys_wrong') == 1, 3, 'the fault is told')
                c.call('SEARCH', search_body())
                self.file.write()
                wait_until(lambda: front('.keys_wrong') == 0, 3, 'the fault is gone')
                c.call('SEARCH', search_body())
            os.chmod(self.file.path, 0o644)
            wait_until(lambda: front('.keys_wrong') == 1, 3)
            os.unlink(self.file.path)
            time.sleep(1)
            c.call('SEARCH', search_body())
            self.assertIn('keys.file has changed and is not taken', s.log_text())
            self.assertRegex(s.log_text(), r'line 2: id is 32')
            # a front that starts now lets nobody in, rather than everybody
            s.replaced('front 0', s.kill_child('front 0'))
            s.replaced('front 1', s.kill_child('front 1'))
            wait_until(lambda: 'UNAUTHENTICATED' in s.run('ping', check=False).stderr, 5)
            self.file.write()
            wait_until(lambda: s.run('ping', check=False).returncode == 0, 5)

    def test_a_server_does_not_start_with_a_wrong_file(self):
        for mode, lines, why in ((0o644, ''.join(self.file.lines.values()), '0644'), (0o600, 'x\n', 'line 1'), (0o600, None, 'No such file')):
            self.file.write(lines or '')
            os.chmod(self.file.path, mode)
            if lines is None:
                os.unlink(self.file.path)
            for extra in ([], ['--check-config']):
                done = subprocess.run([os.path.join(BIN, 'soukd'), '--data', tempfile.gettempdir() + '/souk-none', '--listen', f'127.0.0.1:{free_port()}',
                                       '--set', f'keys.file={self.file.path}', *extra], capture_output=True, text=True, timeout=20)
                self.assertEqual(done.returncode, 1)
                self.assertIn(why, done.stderr)
        subprocess.run(['rm', '-rf', tempfile.gettempdir() + '/souk-none'], check=True)

    def test_two_secrets_of_a_key_under_load(self):
        s = self.start()
        old, path = self.file['shop'], self.file.path
        key, errors, count, stop = [old], [], [0], threading.Event()

        def load():
            steady = KeyConnection(s, old)
            self.addCleanup(steady.close)
            while not stop.is_set():
                try:
                    with KeyConnection(s, key[0]) as c:
                        c.call('SEARCH', search_body())
                    if key[0] == old:
                        steady.call('SEARCH', search_body())
                    count[0] += 1
                except (Refused, OSError, EOFError) as e:
                    errors.append(repr(e))

        threads = [threading.Thread(target=load) for _ in range(2)]
        for t in threads:
            t.start()
        try:
            time.sleep(0.5)
            made = json.loads(subprocess.run([SOUK, 'key', 'rotate', path, 'shop', '--json'], capture_output=True, text=True, check=True).stdout)
            self.file.write(made['lines'])
            time.sleep(1)
            key[0] = made['key']  # clients are changed
            time.sleep(1)
            retired = subprocess.run([SOUK, 'key', 'retire', path, 'shop'], capture_output=True, text=True, check=True).stdout
            self.file.write(retired)
            time.sleep(1.5)
        finally:
            stop.set()
            for t in threads:
                t.join()
        self.assertEqual(errors, [])
        self.assertGreater(count[0], 50)
        with Connection(('127.0.0.1', s.port)) as c:
            self.assertEqual(told(c.call, 'HELLO', hello_body(old))[0], 'UNAUTHENTICATED')

    def test_a_retired_secret_ends_its_connections_and_not_those_of_the_new_one(self):
        s = self.start()
        made = json.loads(subprocess.run([SOUK, 'key', 'rotate', self.file.path, 'shop', '--json'], capture_output=True, text=True, check=True).stdout)
        self.file.write(made['lines'])
        time.sleep(1 * SLACK)  # not asked meanwhile: who tells an unknown key five times is made to wait, also for the refusal below
        s.run('ping', env={'SOUK_KEY': made['key']})
        with KeyConnection(s, self.file['shop']) as old, KeyConnection(s, made['key']) as new:
            self.file.write(subprocess.run([SOUK, 'key', 'retire', self.file.path, 'shop'], capture_output=True, text=True, check=True).stdout)
            seconds, name, _ = self.until_refused(old)
            self.assertEqual((name, seconds < 1 * SLACK), ('UNAUTHENTICATED', True))
            new.call('SEARCH', search_body())

    def test_a_key_expires_under_a_live_connection(self):
        s = self.start()
        when = time.time() + 3
        stamp = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(when + 0.999))
        self.file.write(self.file.lines['all'] + self.file.lines['shop'].strip() + f' expires={stamp}\n')
        time.sleep(1)
        with KeyConnection(s, self.file['shop']) as c:
            c.call('SEARCH', search_body())
            seconds, name, sentence = self.until_refused(c)
            self.assertEqual(name, 'UNAUTHENTICATED')
            self.assertGreater(time.time(), when - 0.1)
            self.assertLess(time.time(), when + 2 * SLACK)
        with Connection(('127.0.0.1', s.port)) as c:
            name, sentence = told(c.call, 'HELLO', hello_body(self.file['shop']))
            self.assertEqual((name, 'the API key shop has expired' in sentence), ('UNAUTHENTICATED', True))

    @unittest.skipUnless(os.path.exists(os.path.join(BIN, '..', 'tests', 'libsouk_wall_clock.so')), 'the preloaded clock is not built')
    def test_the_clock_of_the_server_decides(self):
        """Started in the year to come a key of 90 days is none; a clock that jumps while it runs moves nothing."""
        made = self.file.add('short', 'search', '*', '--expires', '90d')
        self.file.write()
        fd, clock = tempfile.mkstemp()
        os.write(fd, struct.pack('=q', 365 * 86400 * 10**9))
        self.addCleanup(os.unlink, clock)
        env = {'LD_PRELOAD': os.path.join(BIN, '..', 'tests', 'libsouk_wall_clock.so'), 'SOUK_TEST_CLOCK': clock,
               'ASAN_OPTIONS': 'verify_asan_link_order=0:detect_leaks=0'}
        s = self.start(env=env)
        with Connection(('127.0.0.1', s.port)) as c:
            self.assertIn('expired', told(c.call, 'HELLO', hello_body(made['short']))[1])
        s.stop()
        os.pwrite(fd, struct.pack('=q', 0), 0)
        s.start()
        with KeyConnection(s, made['short']) as c:
            os.pwrite(fd, struct.pack('=q', 365 * 86400 * 10**9), 0)
            wait_until(lambda: s.stats()['server.clock_steps'] >= 1, 5)
            time.sleep(1)
            c.call('SEARCH', search_body())
        os.close(fd)

    def test_hup_turns_keys_on_and_off(self):
        conf = self.file.path + '.yaml'
        with open(conf, 'w') as f:
            f.write('server:\n  fronts: 2\n')
        s = Server('-c', conf, env={'SOUK_KEY': self.file['all']})
        s.arguments = ['-c', conf]
        s.start()
        self.addCleanup(s.remove)
        self.addCleanup(s.stop)
        known = KeyConnection(s, self.file['all'])
        self.addCleanup(known.close)
        wrong = KeyConnection(s, 'souk_' + '0' * 32 + '_' + '1' * 64)
        self.addCleanup(wrong.close)
        with Connection(('127.0.0.1', s.port)) as c:
            c.call('PING')
            with open(conf, 'a') as f:
                f.write(f'keys:\n  file: {self.file.path}\n')
            s.process.send_signal(signal.SIGHUP)
            self.assertEqual(self.until_refused(c, 'PING', b'')[1], 'UNAUTHENTICATED')
            self.assertEqual(s.run('ping', check=False).returncode, 0)
            wait_until(lambda: told(wrong.call, 'PING')[0] in ('UNAUTHENTICATED', 'closed'), 5)
            known.call('PING')  # who has told its key before it was wanted goes on
        with open(conf, 'w') as f:
            f.write('server:\n  fronts: 2\nkeys:\n  file: /nowhere\n')
        s.process.send_signal(signal.SIGHUP)
        wait_until(lambda: 'keys.file is wrong' in s.log_text(), 5)
        with Connection(('127.0.0.1', s.port)) as c:
            self.assertEqual(told(c.call, 'PING')[0], 'UNAUTHENTICATED')
        with open(conf, 'w') as f:
            f.write('server:\n  fronts: 2\n')
        s.process.send_signal(signal.SIGHUP)
        wait_until(lambda: s.run('ping', check=False, env={'SOUK_KEY': ''}).returncode == 0, 5)

    def test_a_rate_and_a_class_of_a_key(self):
        self.file.add('slow', 'search', '*', '--rate', '20').add('low', 'search', '*', '--class', 'background').write()
        s = self.start(fronts=1)
        names = []
        with KeyConnection(s, self.file['slow']) as a, KeyConnection(s, self.file['slow']) as b:
            for i in range(60):
                try:
                    (a if i % 2 else b).call('SEARCH', search_body())
                    names.append('OK')
                except Refused as e:
                    names.append(e.name)
                    self.assertTrue(0 < e.reply.time <= 1000, e.reply)  # when to come again
            self.assertEqual(set(names), {'OK', 'RATE_LIMITED'})
            self.assertLess(names.count('OK'), 35)
            time.sleep(0.2)
            a.call('SEARCH', search_body())
        with KeyConnection(s, self.file['all']) as c:  # not its affair
            for _ in range(60):
                c.call('SEARCH', search_body())
        with KeyConnection(s, self.file['low']) as c:
            before = s.stats()['queue.background.served']
            for _ in range(20):
                c.call('SEARCH', search_body())
            self.assertGreaterEqual(s.stats()['queue.background.served'] - before, 20)
        wait_until(lambda: s.stats().get('key.slow.limited_total', 0) == names.count('RATE_LIMITED'), 3)


class Secrets(unittest.TestCase):
    def test_secrets_are_nowhere_to_be_found(self):
        file = KeysFile().add('all', ','.join(SCOPES)).add('shop', 'search', 'shop').write()
        self.addCleanup(file.remove)
        http = f'127.0.0.1:{free_port()}'
        s = Server(fronts=1, options=[f'keys.file={file.path}', f'server.http={http}', 'trace.endpoint=http://127.0.0.1:1', 'trace.ratio=1']).start(ready=False)
        self.addCleanup(s.remove)
        self.addCleanup(s.stop)
        s.env = {**s.env, 'SOUK_KEY': file['all']}  # of its commands; its own environment is memory, too
        wait_until(s.ready, 20)
        secrets = [file[n][38:] for n in ('all', 'shop')]
        stranger = 'souk_' + 'ab' * 16 + '_' + 'cd' * 32
        secrets.append(stranger[38:])
        for _ in range(3):
            for key in (file['shop'], stranger, file['shop'][:-1], file['all']):
                with Connection(('127.0.0.1', s.port)) as c:
                    name = told(c.call, 'HELLO', hello_body(key))
                    self.assertNotIn(key[38:], str(name))
                    told(c.call, 'SEARCH', search_body())
                with Connection(('127.0.0.1', s.port)) as c:  # in pieces
                    data = frame('HELLO', hello_body(key))
                    c.socket.sendall(data[:90])
                    time.sleep(0.05)
                    c.socket.sendall(data[90:])
                    c.read()
                with Connection(('127.0.0.1', s.port)) as c:  # and not to its end
                    c.socket.sendall(data[:-1])
                    time.sleep(0.05)
        s.souk('ping')
        figures = s.souk('stats')
        pages = ''.join(urllib.request.urlopen(f'http://{http}/{p}').read().decode() for p in ('metrics', 'status.json', 'status'))
        wait_until(lambda: 'key.all.requests_total' in s.souk('stats'), 3)
        for where, what in (('log', s.log_text()), ('stats', figures), ('pages', pages)):
            for secret in secrets:
                self.assertNotIn(secret, what, where)
        self.assertIn('a connection was refused: this API key is not known here', s.log_text())
        if not SANITIZED:
            for name, pid in s.children().items():
                memory = writable_memory(pid)
                for secret in secrets:
                    self.assertEqual(memory.count(secret.encode()), 0, f'memory of {name}')

    def test_what_came_through_tls_stays_nowhere_either(self):
        file = KeysFile().add('all', ','.join(SCOPES)).write()
        self.addCleanup(file.remove)
        folder = tempfile.mkdtemp(prefix='souk-tls-')
        self.addCleanup(shutil.rmtree, folder)
        ca, port = Authority(folder), free_port()
        certificate, key = ca.issue('server')
        s = Server(fronts=1, options=[f'keys.file={file.path}', f'tls.listen=127.0.0.1:{port}', f'tls.certificate={certificate}', f'tls.key={key}']).start(ready=False)
        self.addCleanup(s.remove)
        self.addCleanup(s.stop)
        s.env = {**s.env, 'SOUK_KEY': file['all']}
        wait_until(s.ready, 20)
        stranger = 'souk_' + 'ab' * 16 + '_' + 'cd' * 32
        took = []
        for i in range(6):
            most = ssl.TLSVersion.TLSv1_2 if i % 2 else ssl.TLSVersion.TLSv1_3
            with TlsConnection(port, client_context(ca.path, most=most)) as c:
                self.assertEqual(told(c.call, 'HELLO', hello_body(file['all'])), ('OK', ''))
                c.call('PING')
            with TlsConnection(port, client_context(ca.path, most=most)) as c:
                start = time.monotonic()
                self.assertEqual(told(c.call, 'HELLO', hello_body(stranger))[0], 'UNAUTHENTICATED')
                took.append(time.monotonic() - start)
                if i > 3:  # the fifth on
                    self.assertRaises((EOFError, ConnectionError), c.read)
        self.assertLess(max(took[:4]), 0.5 * SLACK)
        self.assertGreater(min(took[4:]), 0.8)
        if not SANITIZED:
            memory = writable_memory(s.children()['front 0'])
            for secret in (file['all'][38:], stranger[38:]):
                self.assertEqual(memory.count(secret[-32:].encode()), 0)

    def test_words_of_a_command_do_not_show_the_key(self):
        file = KeysFile().add('all', ','.join(SCOPES)).write()
        self.addCleanup(file.remove)
        with Server(fronts=1, options=[f'keys.file={file.path}'], env={'SOUK_KEY': file['all']}) as s:
            p = subprocess.Popen([SOUK, '--server', s.address, '--key', file['all'], 'wait', 'nosuch', '1', '--timeout', '1'], stderr=subprocess.PIPE)
            p.communicate()
            listening = socket.create_server(('127.0.0.1', 0))  # answers nothing: the command stays
            self.addCleanup(listening.close)
            for option in (['--key', file['all']], [f'--key={file["all"]}']):
                p = subprocess.Popen([SOUK, '--server', f'127.0.0.1:{listening.getsockname()[1]}', *option, 'ping'], stderr=subprocess.PIPE)
                peer = listening.accept()[0]
                self.addCleanup(peer.close)
                with open(f'/proc/{p.pid}/cmdline') as f:
                    words = f.read()
                p.kill()
                p.communicate()
                self.assertNotIn(file['all'][38:], words)
            key_file = file.path + '.client'
            with open(key_file, 'w') as f:
                f.write(file['all'] + '\n')
            os.chmod(key_file, 0o600)
            for arguments, env in ((['--key-file', key_file], {'SOUK_KEY': ''}), ([], {'SOUK_KEY': '', 'SOUK_KEY_FILE': key_file}),
                                   (['--key', file['all']], {'SOUK_KEY': 'wrong'})):
                self.assertEqual(s.run(*arguments, 'ping', env=env).returncode, 0)
            os.chmod(key_file, 0o644)
            done = s.run('--key-file', key_file, 'ping', env={'SOUK_KEY': ''}, check=False)
            self.assertEqual((done.returncode, 'mode 0644' in done.stderr), (2, True))


def writable_memory(pid):
    """What a core of the process would hold, but for mapped files."""
    out = []
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as mem:
        for line in maps:
            span, mode, _, _, inode, *path = line.split()
            start, end = (int(x, 16) for x in span.split('-'))
            if 'w' not in mode or 's' in mode or end - start > 1 << 28:
                continue
            try:
                mem.seek(start)
                out.append(mem.read(end - start))
            except (OSError, ValueError):
                pass
    return b'\0'.join(out)


class Figures(WithKeys):
    def test_what_came_with_a_key_is_counted_by_its_name(self):
        c = self.connect('search')
        for _ in range(5):
            c.call('SEARCH', search_body())
        for _ in range(3):
            told(c.call, 'STATS')

        def counted():
            page = urllib.request.urlopen(f'http://{self.http}/metrics').read().decode()
            found = {k: float(v) for k, v in re.findall(r'^souk_key_(\w+){key="search"} (\S+)$', page, re.M)}
            return found.get('requests_total', 0) >= 8 and found

        found = wait_until(counted, 3)
        self.assertEqual(found, {'requests_total': 8, 'forbidden_total': 3, 'limited_total': 0})
        with Connection(('127.0.0.1', self.server.port)) as stranger:
            told(stranger.call, 'PING')
        wait_until(lambda: sum(v for k, v in self.server.stats().items() if k.endswith('.unauthenticated')) >= 1, 3)

    def test_pages_for_operators_change_nothing(self):
        for method in ('POST', 'PUT', 'DELETE', 'PATCH'):
            for page in ('status', 'metrics', 'status.json', 'ready'):
                request = urllib.request.Request(f'http://{self.http}/{page}', data=b'x', method=method)
                with self.assertRaises(urllib.error.HTTPError) as e:
                    urllib.request.urlopen(request)
                self.assertEqual(e.exception.code, 405)

    def test_a_load_test_has_its_key(self):
        load = [os.path.join(BIN, 'souk-load'), 'run', '--server', self.server.address, '--catalog', 'shop', '--rate', '50', '--duration', '1', '-C', '2',
                '--json', '--quiet']
        queries = os.path.join(self.server.data, 'q.txt')
        with open(queries, 'w') as f:
            f.write('red shoe\n')
        load += ['--queries', queries]
        done = subprocess.run([*load, '--key', self.file['all']], capture_output=True, text=True, env={**os.environ, 'SOUK_KEY': ''})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r'"ok": ?[1-9]|"good": ?[1-9]')
        done = subprocess.run(load, capture_output=True, text=True, env={**os.environ, 'SOUK_KEY': ''})
        self.assertEqual(done.returncode, 4, done.stderr)


class Followers(unittest.TestCase):
    def test_a_follower_and_its_promotion(self):
        file = KeysFile().add('all', ','.join(SCOPES)).add('follower', 'follow').add('weak', 'search').write()
        self.addCleanup(file.remove)
        secret = file.path + '.follow'

        def hold(name):
            with open(secret + '.new', 'w') as f:
                f.write(file[name] + '\n')
            os.chmod(secret + '.new', 0o600)
            os.rename(secret + '.new', secret)

        hold('weak')
        env = {'SOUK_KEY': file['all']}
        with Server(fronts=1, options=[f'keys.file={file.path}'], env=env) as leader:
            schema = os.path.join(leader.data, 's.json')
            with open(schema, 'w') as f:
                json.dump({'fields': SCHEMA}, f)
            leader.souk('catalog', 'create', 'shop', '--schema', schema)
            leader.souk('put', 'shop', json.dumps({'id': 'p1', 'title': 'red shoe', 'price': 9.5}), '--ack', 'visible')
            with Server('--follow', leader.address, fronts=1, options=[f'keys.file={file.path}', f'replication.key={secret}'], env=env) as s:
                wait_until(lambda: 'needs the scope follow' in s.log_text(), 10, 'the refusal is told')
                hold('follower')  # taken up without a word
                wait_until(lambda: s.run('search', 'shop', 'red', check=False).returncode == 0, 15)
                self.assertEqual(s.search('shop', 'red')['found'], 1)
                self.assertIn('FORBIDDEN', s.run('promote', check=False, env={'SOUK_KEY': file['weak']}).stderr)
                s.souk('promote')
                self.assertNotIn(file['follower'][38:], s.log_text() + leader.log_text())


class Open(unittest.TestCase):
    def test_without_a_file_everything_is_open_and_keys_are_passed_over(self):
        key, _ = make_key('x', 'search')
        with Server(fronts=1) as s:
            with Connection(('127.0.0.1', s.port)) as c:
                c.call('PING')
                c.call('STATS')
                self.assertIsNone(field(c.call('HELLO', hello_body(key)).body, 'HELLO', 'KEY'))
                c.call('STATS')
            self.assertEqual(s.run('ping', env={'SOUK_KEY': key}).returncode, 0)


class Command(unittest.TestCase):
    def key(self, *arguments):
        return subprocess.run([SOUK, 'key', *arguments], capture_output=True, text=True)

    def test_new_tells_the_key_once_and_the_line_apart(self):
        done = self.key('new', '--name', 'a.b-c', '--scopes', 'search,get', '--catalogs', 'shop*,books', '--expires', '90d', '--rate', '5', '--class', 'default')
        self.assertEqual(done.returncode, 0)
        line, told_key = done.stdout, re.search(r'souk_[0-9a-f]{32}_[0-9a-f]{64}', done.stderr)[0]
        self.assertNotIn(told_key[38:], line)
        self.assertRegex(line, rf'^a\.b-c id={told_key[5:37]} sha256=[0-9a-f]{{64}} scopes=search,get catalogs=shop\*,books class=default rate=5 expires=\S+Z\n$')
        digest = subprocess.run(['sha256sum'], input=told_key, capture_output=True, text=True).stdout.split()[0]
        self.assertIn(digest, line)

    def test_wrong_words_are_refused(self):
        good = ['new', '--name', 'a', '--scopes', 'search', '--catalogs', '*']
        for more in (['--scopes', 'all'], ['--scopes', ''], ['--catalogs', ''], ['--catalogs', 'a b'], ['--catalogs', '* scopes=admin'], ['--name', 'a b'], ['--name', ''],
                     ['--name', '#a'], ['--name', 'x\ny'], ['--expires', 'soon'], ['--expires', '-1d'], ['--expires', '2027-02-30'], ['--rate', '0'], ['--class', 'x'], ['surplus']):
            done = self.key(*good, *more)
            self.assertEqual((done.returncode, done.stdout), (2, ''), more)
        self.assertEqual(self.key('new', '--name', 'a').returncode, 2)

    def test_check_rotate_retire(self):
        f = KeysFile().add('a', 'search').add('b', 'get', 'x', '--expires', '1d')
        self.addCleanup(f.remove)
        f.write('# mine\n\n' + ''.join(f.lines.values()))
        rows = {r['name']: r for r in json.loads(self.key('check', f.path, '--json').stdout)}
        self.assertEqual((rows['a']['state'], rows['b']['state']), ('good', 'expires soon'))
        self.assertIn('search for *', self.key('check', f.path).stdout)
        rotated = self.key('rotate', f.path, 'a')
        self.assertTrue(rotated.stdout.startswith('# mine\n\na id='))
        f.write(rotated.stdout)
        self.assertIn('two secrets', self.key('check', f.path).stdout)
        retired = self.key('retire', f.path, 'a').stdout
        self.assertEqual(len(re.search('sha256=(\\S+)', retired)[1]), 64)
        self.assertNotEqual(retired, '# mine\n\n' + ''.join(f.lines.values()))
        self.assertEqual(self.key('rotate', f.path, 'c').returncode, 2)
        f.write('a id=1\n')
        done = self.key('check', f.path)
        self.assertEqual((done.returncode, 'line 1: id is' in done.stderr), (2, True))


if __name__ == '__main__':
    unittest.main()
