#!/usr/bin/env python3
"""What changes files, call by call: the writer dies before one of them, or one of them fails. Whatever it was doing, all
that was acked is there afterwards, once, and what was asked for can be asked for again. SOUK_LONG: every call
and more errors, not some."""
import json
import mmap
import os
import struct
import tempfile
import unittest

from souk_system import BIN, Server, wait_until

PRELOAD = os.path.join(BIN, '..', 'tests', 'libsouk_file_calls.so')
CLEAN = {'LD_PRELOAD': ''}  # for the souk command
LONG = bool(os.environ.get('SOUK_LONG'))
COUNT = 400
KINDS = ['open', 'rename', 'remove', 'mkdir', 'write', 'sync', 'truncate']
ALL = (1 << len(KINDS)) - 1
ERRORS = {'EIO': 5, 'ENOSPC': 28, 'EMFILE': 24} if LONG else {'EIO': 5}


def product(i, text='green lamp number'):
    return {'id': f'p{i}', 'title': f'{text} {i}', 'price': i}


class Calls:
    """The page that soukd and this test share: file_calls.c."""

    def __init__(self, path):
        with open(path, 'wb') as f:
            f.write(bytes(40))
        with open(path, 'r+b') as f:
            self.map = mmap.mmap(f.fileno(), 40)

    def arm(self, pid, number, error=0, kinds=ALL):
        self.map[32:40] = bytes(8)
        self.map[:32] = struct.pack('=4q', pid, number, error, kinds)

    def disarm(self):
        """Which kind of call it was, or None when there were not so many."""
        self.map[24:32] = bytes(8)
        fired, = struct.unpack('=q', self.map[32:40])
        return KINDS[fired - 1] if fired else None


@unittest.skipUnless(os.path.exists(PRELOAD), 'the preloaded calls are not built')
class FileCalls(unittest.TestCase):
    def setUp(self):
        fd, self.page = tempfile.mkstemp()
        os.close(fd)
        self.addCleanup(os.unlink, self.page)
        self.calls = Calls(self.page)
        self.server = Server(fronts=1, options=('canary.interval=0s',))
        self.server.env.update(LD_PRELOAD=PRELOAD, SOUK_TEST_CALLS=self.page, SOUK_TEST_CALLS_DIR=self.server.data)
        self.server.start()
        self.addCleanup(self.server.remove)
        self.addCleanup(self.server.stop)
        self.put('shop', range(COUNT))

    # --- what is done -----------------------------------------------------------------------------

    def souk(self, *words, **more):
        return self.server.run(*words, check=False, env=CLEAN, **more)

    def put(self, catalog, numbers, text='green lamp number'):
        lines = ''.join(json.dumps(product(i, text)) + '\n' for i in numbers)
        done = self.souk('import', '--catalog', catalog, '--ack', 'visible', '--quiet', '-', input=lines)
        self.assertEqual(done.returncode, 0, done.stderr)

    def create(self, turn):
        schema = '{"fields":[{"name":"title","type":"text"},{"name":"price","type":"integer"}]}'
        return self.souk('catalog', 'create', f'new{turn}', '--schema', '-', input=schema)

    def rebuild(self, turn):
        return self.souk('catalog', 'rebuild', 'shop', '--timeout', 20000)

    def alter(self, turn):
        schema = {'fields': [{'name': f'extra{turn}', 'type': 'integer'}]}
        return self.souk('catalog', 'alter', 'shop', '--schema', '-', '--timeout', 20000, input=json.dumps(schema))

    def drop(self, turn):
        return self.souk('catalog', 'drop', f'old{turn}', '--timeout', 20000)

    def change(self, turn):
        return self.souk('put', 'shop', json.dumps(product(turn % COUNT, 'blue lamp number')), '--ack', 'visible', '--timeout', 20000)

    # --- and what must be true then ------------------------------------------------------------------

    def takes_changes(self):
        return self.souk('put', 'shop', json.dumps(product(0)), '--ack', 'visible').returncode == 0

    def whole(self, what):
        wait_until(self.takes_changes, 20, f'changes are taken after {what}')
        found = self.server.search('shop', 'lamp', '-k', 0, '--no-cache', env=CLEAN)['found']
        self.assertEqual(found, COUNT, what)
        self.server.check_data()

    def nothing_left(self):
        """Of what was dropped or cut off nothing stays on the disk; what could not be removed, and an edition that was replaced, goes
        some seconds later."""
        catalogs = os.path.join(self.server.data, 'catalogs')
        names = {json.loads(line)['name'] for line in self.souk('catalog', 'list', '--json').stdout.splitlines()}
        editions = [name for name in os.listdir(os.path.join(catalogs, 'shop')) if name.startswith('e-')]
        self.left = set(os.listdir(catalogs)) ^ names, editions
        return not self.left[0] and len(editions) <= 2

    def made_again(self, operation, turn, what):
        """What was cut off can be asked for again, and is made at last."""
        def made():
            done = operation(turn)
            there = 'EXISTS' in done.stderr or 'UNKNOWN_CATALOG' in done.stderr
            return done.returncode == 0 or (operation in (self.create, self.drop) and there)
        wait_until(made, 20, f'{what}: made again')

    def numbers(self):
        """1, 2, 3, ... or 1, 2, 3, 5, 8, 12, ..."""
        n = 1
        while True:
            yield n
            n += 1 if LONG else max(1, n // 2)

    def each_call(self, operation, error=0, kinds=ALL):
        told = []
        for turn, number in enumerate(self.numbers()):
            if operation == self.drop:
                self.put(f'old{turn}', range(3))
            writer = self.server.pid('writer 0')
            self.calls.arm(writer, number, error, kinds)
            done = operation(turn)
            kind = self.calls.disarm()
            if not kind:
                self.assertEqual(done.returncode, 0, done.stderr)
                self.souk('catalog', 'drop', f'new{turn}')
                break
            what = f'{operation.__name__}, call {number}, {kind}'
            told.append(kind)
            if not error:
                self.server.replaced('writer 0', writer, 10)
            else:
                self.assertEqual(self.server.pid('writer 0'), writer, f'{what}: the writer fell')
                if done.returncode:
                    self.assertRegex(done.stderr, r'[A-Z]+_?[A-Z]+', what)
                if self.safe():
                    self.server.kill_child('writer 0')
                    self.server.replaced('writer 0', writer, 10)
            self.made_again(operation, turn, what)
            self.whole(what)
            if operation in (self.create, self.drop):
                self.souk('catalog', 'drop', f'new{turn}')
        try:
            wait_until(self.nothing_left, 15, 'nothing is left behind')
        except AssertionError:
            self.fail(f'{operation.__name__}: left behind: {self.left}')
        return told

    def safe(self):
        return any(v not in (0, 3) for k, v in self.server.stats(env=CLEAN).items() if k.endswith('.write_state'))

    def test_the_writer_dies_before_any_call(self):
        for operation in self.create, self.change, self.rebuild, self.alter, self.drop:
            with self.subTest(operation.__name__):
                told = self.each_call(operation)
                print(operation.__name__, *told)
                self.assertGreater(len(told), 3)

    def test_any_call_fails(self):
        paths = sum(1 << KINDS.index(k) for k in ('open', 'rename', 'remove', 'mkdir', 'truncate'))
        for name, error in ERRORS.items():
            for operation in self.create, self.rebuild, self.alter, self.drop:
                with self.subTest(f'{operation.__name__}, {name}'):
                    print(operation.__name__, name, *self.each_call(operation, error, paths))

    def test_a_follower_dies_before_any_call_of_a_copy(self):
        """Its leader's catalog is another history each time; whichever of its processes ends before whichever call, it serves one of
        the two whole, and has the leader's in the end."""
        leader = self.server
        leader.env = CLEAN
        leader.stop()
        leader.start()
        follower = Server('--follow', leader.address, fronts=1, options=('canary.interval=0s',))
        follower.env = {**os.environ, 'LD_PRELOAD': PRELOAD, 'SOUK_TEST_CALLS': self.page, 'SOUK_TEST_CALLS_DIR': follower.data}
        follower.start()
        self.addCleanup(follower.remove)
        self.addCleanup(follower.stop)

        def found(server, words):
            done = server.run('search', 'shop', words, '--match', 'all', '-k', 0, '--json', '--no-cache', check=False, env=CLEAN)
            return json.loads(done.stdout)['found'] if done.returncode == 0 else -1

        def exported(server):
            return sorted(server.run('export', '--catalog', 'shop', env=CLEAN).stdout.splitlines())
        wait_until(lambda: found(follower, 'lamp') == COUNT, 20, 'it follows')
        turn = 0
        for victim in 'writer 0', 'replica 0':
            told = []
            for number in self.numbers():
                leader.stop()
                os.unlink(leader.data + '/STORE')  # as if a copy of the directory became a leader: a stream of its own
                pid = follower.pid(victim)
                self.calls.arm(pid, number)
                leader.start()
                turn += 1
                self.put('shop', [COUNT - 1], f'turn{turn} lamp')
                wait_until(lambda t=turn: found(follower, f'turn{t}') == 1, 30, f'{victim}, call {number}: it has the leader\'s')
                kind = self.calls.disarm()
                if kind:
                    told.append(kind)
                    follower.replaced(victim, pid, 10)
                what = f'{victim}, call {number}, {kind}'
                wait_until(lambda: follower.stats(env=CLEAN)['follow.state_name'] == 'following', 20, what)
                self.assertEqual(found(follower, 'lamp'), COUNT, what)
                self.assertEqual(exported(leader), exported(follower), what)
                keys = [[s.stats(env=CLEAN)[f'catalog.shop.{k}'] for k in ('logged', 'sequence', 'products')] for s in (leader, follower)]
                self.assertEqual(*keys, what)
                follower.check_data()
                if not kind:
                    break
            print(victim, *told)
            self.assertGreater(len(told), 5)
        wait_until(lambda: set(os.listdir(follower.data + '/catalogs')) == {'shop'}, 15, 'nothing is left behind')


if __name__ == '__main__':
    unittest.main()
