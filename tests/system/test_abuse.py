"""Clients that misbehave: each is dealt with, and the others do not notice."""
import json
import os
import random
import resource
import signal
import socket
import struct
import tempfile
import threading
import time
import unittest

import souk_wire as wire
from souk_system import SANITIZED, SEED, SLACK, Server, wait_until

OPTIONS = ['limits.first_frame=700ms', 'limits.slow=1s', 'limits.slow_rate=4KiB', 'cache.size=0']


def rss_kb(pid):
    with open(f'/proc/{pid}/status') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmRSS'))


def cpu_seconds(pid):
    with open(f'/proc/{pid}/stat') as f:
        row = f.read().rsplit(')', 1)[1].split()
    return (int(row[11]) + int(row[12])) / os.sysconf('SC_CLK_TCK')


class Abuse(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(fronts=1, options=OPTIONS).start()
        cls.server.import_lines('shop', [{'id': str(i), 'title': f'running shoe number {i}', 'text': 'word ' * 100}
                                         for i in range(500)], '--ack', 'visible')
        cls.address = ('127.0.0.1', cls.server.port)
        cls.front = cls.server.pid('front 0')

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def tearDown(self):
        """Whatever was done, the same front serves on."""
        self.assertEqual(self.server.search('shop', 'running shoe')['found'], 500)
        self.assertEqual(self.server.pid('front 0'), self.front)

    def raw(self, data=b'', **options):
        s = socket.create_connection(self.address, 10 * SLACK)
        for name, value in options.items():
            s.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        if data:
            s.sendall(data)
        self.addCleanup(s.close)
        return s

    def closed_within(self, s, seconds):
        """Reads until the end; returns what came."""
        s.settimeout(seconds * SLACK)
        got = b''
        try:
            while part := s.recv(65536):
                got += part
        except ConnectionResetError:
            pass
        return got

    def good_p99(self, seconds, n=100000):
        """Milliseconds of a well-behaved client's slowest hundredth."""
        times, end = [], time.monotonic() + seconds
        with wire.Connection(self.address) as c:
            while time.monotonic() < end and len(times) < n:
                start = time.monotonic()
                c.search('shop', 'running shoe')
                times.append((time.monotonic() - start) * 1000)
        times.sort()
        return times[len(times) * 99 // 100]

    # --- bytes ------------------------------------------------------------------------------------

    def test_garbage_is_answered_with_an_error_and_the_end(self):
        rnd = random.Random(SEED)
        for length in 1, 2, 23, 24, 100, 5000:
            junk = bytes([0x53 ^ 0xff]) + rnd.randbytes(length)
            with self.subTest(length=length, seed=SEED):
                self.closed_within(self.raw(junk), 3)

    def test_a_bad_header_check_ends_the_connection(self):
        got = self.closed_within(self.raw(wire.frame('PING', b'', check=1)), 3)
        self.assertEqual(wire.STATUSES[struct.unpack_from('<H', got, 6)[0]], 'BAD_FRAME')

    def test_a_frame_above_the_limit_is_refused_before_its_body(self):
        head = struct.pack('<HBBHHIII', 0x6b53, 1, wire.OPCODES['PING'], 0, 0, 1, (16 << 20) + 1, 0)
        head += struct.pack('<I', wire.xxh64(head) & 0xffffffff)
        got = self.closed_within(self.raw(head), 3)
        self.assertEqual(wire.STATUSES[struct.unpack_from('<H', got, 6)[0]], 'TOO_LARGE')

    def test_frames_of_no_byte_and_of_a_megabyte_are_served(self):
        with wire.Connection(self.address) as c:
            self.assertEqual(c.call('PING').body, b'')
            big = b'x' * (1 << 20)
            self.assertEqual(c.call('PING', big).body, big)
            self.assertEqual(c.call('PING', b'after').body, b'after')

    def test_a_frame_in_single_bytes_is_served(self):
        s = self.raw()
        for byte in wire.frame('PING', b'slow'):
            s.sendall(bytes([byte]))
        self.assertTrue(s.recv(1000).endswith(b'slow'))

    def test_damaged_bodies_are_refused_and_the_connection_goes_on(self):
        rnd = random.Random(SEED)
        with wire.Connection(self.address) as c:
            for opcode in 'SEARCH', 'GET', 'PUT', 'CATALOG', 'WAIT', 'SCAN', 'MULTI_SEARCH', 'HELLO', 'DEGRADE':
                for n in 1, 5, 50, 500:
                    with self.subTest(opcode=opcode, n=n, seed=SEED):
                        c.call(opcode, rnd.randbytes(n), check=False)
            self.assertEqual(c.call(200, b'', check=False).status, 21)  # an opcode of the future: UNSUPPORTED

    # --- slow ones --------------------------------------------------------------------------------

    def test_who_connects_and_says_nothing_is_closed(self):
        self.assertEqual(self.closed_within(self.raw(), 4), b'')

    def test_a_writer_of_a_byte_now_and_then_is_cut(self):
        s = self.raw(wire.frame('PING'))
        s.recv(24)
        whole, start = wire.frame('PING', b'x' * 5000), time.monotonic()
        with self.assertRaises(OSError):
            for byte in whole:
                s.sendall(bytes([byte]))
                time.sleep(0.05)
        self.assertLess(time.monotonic() - start, 6 * SLACK)

    def test_a_slow_but_steady_writer_is_served(self):
        s = self.raw(wire.frame('PING'))
        s.recv(24)
        whole = wire.frame('PING', b'x' * 40000)
        for at in range(0, len(whole), 2000):
            s.sendall(whole[at:at + 2000])
            time.sleep(0.1)
        got = b''
        while len(got) < len(whole):
            got += s.recv(65536)

    def test_who_never_reads_is_cut_and_costs_little_memory(self):
        before = rss_kb(self.front)
        body = wire.tlv('SEARCH', 'CATALOG', 'shop') + wire.tlv('SEARCH', 'K', 500)
        request = wire.frame('SEARCH', body, deadline_ms=60000)
        s = self.raw(SO_RCVBUF=4096)
        s.settimeout(5 * SLACK)
        sent, start = 0, time.monotonic()
        try:
            while sent < 3000:
                s.sendall(request)
                sent += 1
        except OSError:
            pass
        end = wait_until(lambda: self.gone(s) and time.monotonic(), 15, 'the connection is cut')
        self.assertLess(rss_kb(self.front) - before, 100 * 1024)
        self.assertLess(end - start, 20 * SLACK)

    @unittest.skipIf(SANITIZED, 'a sanitizer keeps what is freed')
    def test_who_reads_slowly_and_asks_on_costs_little_memory(self):
        before = rss_kb(self.front)
        body = wire.tlv('SEARCH', 'CATALOG', 'shop') + wire.tlv('SEARCH', 'K', 500)
        requests = b''.join(wire.frame('SEARCH', body, i + 1, deadline_ms=60000) for i in range(64))
        s = self.raw(SO_RCVBUF=65536)
        s.settimeout(10 * SLACK)

        def ask():
            try:
                while True:
                    s.sendall(requests)
            except OSError:
                pass
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        got = 0
        while got < 80 << 20:  # never all that is there, so there is always more to be sent
            got += len(s.recv(65536))
            time.sleep(0.0005)
        grown = rss_kb(self.front) - before
        s.close()
        asking.join(10 * SLACK)
        self.assertLess(grown, 40 * 1024, 'what was sent is let go of')

    def gone(self, s):
        """True when the peer has closed, without reading what it sent."""
        try:
            s.send(b'')
            mine = f'{s.getsockname()[1]:04X}'
            with open('/proc/net/tcp') as f:
                states = [r.split()[3] for r in f.readlines()[1:] if r.split()[1].endswith(':' + mine)]
            return not states or states[0] != '01'
        except OSError:
            return True

    # --- too many ---------------------------------------------------------------------------------

    def test_a_thousand_pipelined_requests_are_all_answered(self):
        with wire.Connection(self.address) as c:
            body = wire.tlv('SEARCH', 'CATALOG', 'shop') + wire.tlv('SEARCH', 'TEXT', 'shoe') + wire.tlv('SEARCH', 'K', 1)
            c.socket.sendall(b''.join(wire.frame('SEARCH', body, i + 1, 30000) for i in range(1000)))
            ids = sorted(c.read().request_id for _ in range(1000))
        self.assertEqual(ids, list(range(1, 1001)))

    def test_an_abrupt_end_with_a_thousand_requests_under_way(self):
        body = wire.tlv('SEARCH', 'CATALOG', 'shop') + wire.tlv('SEARCH', 'K', 500)
        for _ in range(5):
            s = self.raw(b''.join(wire.frame('SEARCH', body, i + 1) for i in range(1000)))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            s.close()  # RST
        wait_until(lambda: self.server.stats()['queue.critical.waiting'] == 0, 5, 'nobody waits')

    def test_a_chatty_connection_does_not_starve_the_others(self):
        quiet = self.good_p99(0.7)
        body = wire.tlv('SEARCH', 'CATALOG', 'shop') + wire.tlv('SEARCH', 'TEXT', 'shoe') + wire.tlv('SEARCH', 'K', 1)
        burst = b''.join(wire.frame('SEARCH', body, i + 1, 30000) for i in range(400))
        s = self.raw()
        s.setblocking(False)
        times, end, out = [], time.monotonic() + 1.5, b''
        with wire.Connection(self.address) as c:
            while time.monotonic() < end:
                try:  # as much as it takes, as fast as it takes it
                    out = out or burst
                    out = out[s.send(out):]
                except BlockingIOError:
                    pass
                try:
                    while s.recv(1 << 20):
                        pass
                except BlockingIOError:
                    pass
                start = time.monotonic()
                c.search('shop', 'running shoe')
                times.append((time.monotonic() - start) * 1000)
        times.sort()
        self.assertLess(times[len(times) * 99 // 100], max(10 * quiet, 40 * SLACK))

    def test_a_flood_of_connections_leaves_existing_ones_alone(self):
        with wire.Connection(self.address) as c:
            worst = 0
            for i in range(2000):
                s = socket.socket()
                s.setblocking(False)
                s.connect_ex(self.address)
                s.close()
                if i % 20 == 0:
                    start = time.monotonic()
                    c.call('PING')
                    worst = max(worst, time.monotonic() - start)
        self.assertLess(worst, 0.25 * SLACK)

    # --- giving up --------------------------------------------------------------------------------

    def test_a_cancelled_request_that_waits_is_answered_cancelled(self):
        with wire.Connection(self.address) as c:
            wait = c.send('WAIT', wire.tlv('WAIT', 'CATALOG', 'shop') + wire.tlv('WAIT', 'SEQUENCE', 10**9), deadline_ms=20000)
            c.call('PING')
            c.send('CANCEL', request_id=wait)
            self.assertEqual(wire.STATUSES[c.read().status], 'CANCELLED')

    def long_request(self):
        marks = wire.tlv('SEARCH', 'HIGHLIGHT', wire.text('<') + wire.text('>') + wire.varint(1) + wire.text('text'))
        part = b''.join(wire.tlv('SEARCH', *p) for p in (('CATALOG', 'shop'), ('TEXT', 'word'), ('K', 500), ('NO_CACHE', 1))) + marks
        return b''.join(wire.tlv('HITS', 'PART', part) for _ in range(32))

    def test_those_who_wait_and_go_leave_room(self):
        """As many as may wait, for an hour, then gone: who comes next may wait."""
        body = wire.tlv('WAIT', 'CATALOG', 'shop') + wire.tlv('WAIT', 'SEQUENCE', 1 << 40)
        with wire.Connection(self.address) as a, wire.Connection(self.address) as b:
            for c in (a, b):
                for i in range(50):
                    c.socket.sendall(b''.join(wire.frame('WAIT', body, 1 + 100 * i + k, 3600000) for k in range(100)))
                c.call('PING', request_id=1 << 20)
            with wire.Connection(self.address) as other:
                wait_until(lambda: self.outcome(other, body) == 'OVERLOADED', 10, 'all places are taken')
        with wire.Connection(self.address) as other:
            wait_until(lambda: self.outcome(other, body) == 'DEADLINE', 5, 'there is room')

    def outcome(self, connection, body):
        try:
            connection.call('WAIT', body, deadline_ms=50)
            return 'OK'
        except wire.Refused as e:
            return e.name

    def test_a_request_that_runs_is_given_up_when_nobody_wants_it(self):
        """By CANCEL, by the end of its connection: whoever comes next does not wait for the rest of it."""
        self.server.souk('degrade', 'pin', 0)
        self.addCleanup(self.server.souk, 'degrade', 'auto')
        body, search = self.long_request(), wire.tlv('SEARCH', 'CATALOG', 'shop') + wire.tlv('SEARCH', 'K', 1)
        with wire.Connection(self.address, 60) as c:
            took = min(c.call('MULTI_SEARCH', body, deadline_ms=20000).time for _ in range(2)) / 1e6
        self.assertGreater(took, 0.05)
        for how in 'CANCEL', 'gone':
            waited = []
            for _ in range(3):
                with wire.Connection(self.address, 60) as c, wire.Connection(self.address, 60) as other:
                    other.call('SEARCH', search)
                    start = time.monotonic()
                    long = c.send('MULTI_SEARCH', body, deadline_ms=20000)
                    time.sleep(took / 4)
                    if how == 'CANCEL':
                        c.send('CANCEL', request_id=long)
                    if how == 'gone':
                        c.close()
                    other.call('SEARCH', search)
                    waited.append(time.monotonic() - start)
            with self.subTest(how=how):
                self.assertLess(min(waited), 0.7 * took, waited)

    def test_a_deadline_that_has_passed_is_not_served(self):
        with wire.Connection(self.address) as c:
            body = wire.tlv('SEARCH', 'CATALOG', 'shop') + wire.tlv('SEARCH', 'K', 500)
            c.socket.sendall(b''.join(wire.frame('SEARCH', body, i + 1, 1) for i in range(64)))
            names = [wire.STATUSES[c.read().status] for _ in range(64)]
        self.assertIn('DEADLINE', names)
        self.assertTrue(set(names) <= {'OK', 'DEADLINE', 'OVERLOADED'}, set(names))


class Descriptors(unittest.TestCase):
    def test_when_descriptors_run_out_the_rest_is_served_and_nothing_spins(self):
        limit = 64
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        server = Server(fronts=1, prefix=('prlimit', f'--nofile={limit}:{limit}'), options=['limits.first_frame=60s'])
        server.start()
        self.addCleanup(server.remove)
        self.addCleanup(server.stop)
        self.assertGreater(hard, limit)
        server.import_lines('shop', [{'id': '1', 'title': 'shoe'}], '--ack', 'visible')
        address = ('127.0.0.1', server.port)
        first = wire.Connection(address)
        crowd = [socket.create_connection(address) for _ in range(200)]
        time.sleep(0.3)
        front = server.pid('front 0')
        before = cpu_seconds(front)
        time.sleep(1)
        self.assertLess(cpu_seconds(front) - before, 0.3, 'the front spins')
        self.assertGreater(len(first.search('shop', 'shoe')), 10)
        admin = 'unix:' + os.path.join(server.data, 'admin.sock')
        self.assertEqual(server.run('ping', server=admin).returncode, 0)
        self.assertIn('server.uptime_ms', server.run('stats', server=admin).stdout)
        for s in crowd:
            s.close()
        wait_until(lambda: server.run('ping', check=False).returncode == 0, 10, 'served again')
        self.assertEqual(server.pid('front 0'), front)
        first.close()


class Limits(unittest.TestCase):
    def serve(self, *options):
        server = Server(fronts=1, options=options).start()
        self.addCleanup(server.remove)
        self.addCleanup(server.stop)
        server.import_lines('shop', [{'id': str(i), 'title': f'shoe {i}'} for i in range(50)], '--ack', 'visible')
        return server, ('127.0.0.1', server.port)

    def names(self, connection, n, body):
        connection.socket.sendall(b''.join(wire.frame('SEARCH', body, i + 1, 10000) for i in range(n)))
        return [connection.read() for _ in range(n)]

    def test_the_rate_of_a_client_name_is_shared_by_its_connections(self):
        _, address = self.serve('limits.client_rate=50')
        body = wire.tlv('SEARCH', 'CATALOG', 'shop') + wire.tlv('SEARCH', 'TEXT', 'shoe')
        with wire.Connection(address) as a, wire.Connection(address) as b, wire.Connection(address) as other:
            for c in a, b:
                c.call('HELLO', wire.tlv('HELLO', 'NAME', 'greedy'))
            other.call('HELLO', wire.tlv('HELLO', 'NAME', 'modest'))
            replies = self.names(a, 60, body) + self.names(b, 60, body)
            refused = [r for r in replies if r.status]
            self.assertEqual({wire.STATUSES[r.status] for r in refused}, {'RATE_LIMITED'})
            self.assertGreaterEqual(len(refused), 60)
            self.assertLessEqual(len(refused), 75)
            for r in refused:  # a bare header that says when to come again
                self.assertEqual(r.body, b'')
                self.assertGreater(r.time, 0)
            self.assertEqual([r.status for r in self.names(other, 20, body)], [0] * 20)

    def test_the_rate_of_a_connection_is_its_own(self):
        server, address = self.serve('limits.connection_rate=50')
        body = wire.tlv('SEARCH', 'CATALOG', 'shop') + wire.tlv('SEARCH', 'TEXT', 'shoe')
        with wire.Connection(address) as greedy, wire.Connection(address) as modest:
            refused = [r for r in self.names(greedy, 120, body) if r.status]
            self.assertEqual({wire.STATUSES[r.status] for r in refused}, {'RATE_LIMITED'})
            self.assertGreaterEqual(len(refused), 50)
            self.assertLessEqual(len(refused), 72)
            for r in refused:
                self.assertEqual(r.body, b'')
                self.assertGreater(r.time, 0)
                self.assertLessEqual(r.time, 40)
            self.assertEqual([r.status for r in self.names(modest, 20, body)], [0] * 20)
            time.sleep(refused[-1].time / 1000 + 0.2)  # as it was told
            self.assertEqual([r.status for r in self.names(greedy, 5, body)], [0] * 5)
            stats = json.loads(server.run('stats', '--json', server='unix:' + os.path.join(server.data, 'admin.sock')).stdout)
        self.assertEqual(server.stats()['front.limited_connections'], len(refused))
        self.assertEqual(stats['front.limited_connections'], 0)  # the operators' front has none

    def test_requests_under_way_are_bounded_by_client_name(self):
        server, address = self.serve('limits.client_in_flight=3')
        body = wire.tlv('WAIT', 'CATALOG', 'shop') + wire.tlv('WAIT', 'SEQUENCE', 10**9)
        with wire.Connection(address) as c:
            c.call('HELLO', wire.tlv('HELLO', 'NAME', 'waiter'))
            for i in range(5):
                c.send('WAIT', body, deadline_ms=1000)
            names = sorted(wire.STATUSES[c.read().status] for _ in range(5))
        self.assertEqual(names, ['DEADLINE'] * 3 + ['RATE_LIMITED'] * 2)
        self.assertEqual(server.stats()['front.limited_clients'], 2)

    def test_a_full_queue_refuses_with_a_jittered_retry(self):
        _, address = self.serve('limits.queue=16', 'cache.size=0')
        body = wire.tlv('SEARCH', 'CATALOG', 'shop') + wire.tlv('SEARCH', 'TEXT', 'shoe')
        replies = []
        for _ in range(20):
            with wire.Connection(address) as c:
                replies += self.names(c, 64, body)
        refused = [r for r in replies if wire.STATUSES[r.status] == 'OVERLOADED']
        self.assertGreater(len(refused), 100)
        times = {r.time for r in refused}
        self.assertGreater(len(times), 20)
        self.assertTrue(all(50 <= t < 150 for t in times))
        self.assertTrue(all(r.body == b'' for r in refused))

    def test_short_memory_degrades_and_refuses_the_lower_classes_only(self):
        with tempfile.NamedTemporaryFile('w', suffix='.yaml', delete=False) as f:
            f.write('limits:\n  memory: 1GiB\n')
        self.addCleanup(os.unlink, f.name)
        server = Server('-c', f.name, fronts=1).start()
        self.addCleanup(server.remove)
        self.addCleanup(server.stop)
        server.import_lines('shop', [{'id': '1', 'title': 'shoe'}], '--ack', 'visible')
        address = ('127.0.0.1', server.port)
        body = wire.tlv('SEARCH', 'CATALOG', 'shop') + wire.tlv('SEARCH', 'TEXT', 'shoe')
        admin = 'unix:' + os.path.join(server.data, 'admin.sock')
        known = wire.Connection(address)
        self.addCleanup(known.close)
        known.call('PING')
        with open(f.name, 'w') as again:
            again.write('limits:\n  memory: 256KiB\n')
        os.kill(server.process.pid, signal.SIGHUP)
        wait_until(lambda: known.call('PING') and self.level(server, admin) == 3, 5, 'level 3')
        self.assertEqual(known.call('SEARCH', body).status, 0)
        refused = known.call('SEARCH', body, check=False, flags=wire.FLAGS['CLASS_SHEDDABLE'])
        self.assertEqual(wire.STATUSES[refused.status], 'OVERLOADED')

    @unittest.skipIf(SANITIZED, 'a sanitizer keeps what is freed')
    def test_beginnings_of_large_frames_do_not_keep_others_out(self):
        server = Server(fronts=1, options=['limits.memory=64MiB']).start()
        self.addCleanup(server.remove)
        self.addCleanup(server.stop)
        address, front = ('127.0.0.1', server.port), server.pid('front 0')
        many = [wire.Connection(address) for _ in range(16)]
        begin = wire.frame('PUT', b'x' * (15 << 20))[:10 << 20]
        for c in many:
            self.addCleanup(c.close)
            c.call('PING')
        for c in many:
            c.socket.sendall(begin)
        self.assertGreater(rss_kb(front), 100 * 1024)

        def served():
            for c in many:  # faster than limits.slow_rate
                try:
                    c.socket.sendall(b'x' * 8192)
                except OSError:
                    pass
            try:
                with wire.Connection(address, timeout=0.5) as c:
                    return c.call('PING')
            except OSError:
                return None
        time.sleep(1.5)  # the limit is looked at once a second
        wait_until(served, 6, 'others are let in again')
        self.assertLess(rss_kb(front), 100 * 1024)

    @unittest.skipIf(SANITIZED, 'a sanitizer keeps what is freed')
    def test_large_replies_that_nobody_reads_do_not_keep_others_out(self):
        server = Server(fronts=1, options=['limits.memory=64MiB', 'cache.size=0']).start()
        self.addCleanup(server.remove)
        self.addCleanup(server.stop)
        server.import_lines('shop', [{'id': str(i), 'title': f'shoe {i}', 'text': 'word ' * 200} for i in range(1000)], '--ack', 'visible')
        address = ('127.0.0.1', server.port)
        part = wire.tlv('SEARCH', 'CATALOG', 'shop') + wire.tlv('SEARCH', 'K', 1000)
        body = (wire.varint(20) + wire.varint(len(part)) + part) * 16
        for _ in range(8):
            c = wire.Connection(address)
            self.addCleanup(c.close)
            c.send('MULTI_SEARCH', body, deadline_ms=60000)

        def served():
            try:
                with wire.Connection(address, timeout=0.5) as c:
                    return c.call('PING')
            except OSError:
                return None
        start = time.monotonic()
        time.sleep(1.5)
        wait_until(served, 15, 'others are let in again')
        self.assertLess(time.monotonic() - start, 6, 'before limits.slow is over')

    def level(self, server, admin):
        rows = json.loads(server.run('stats', '--json', server=admin).stdout)
        return next(v for k, v in rows.items() if k.endswith('front.degrade'))

    def test_counts_without_hits_wait_behind_pages(self):
        server, address = self.serve()
        before = server.stats()
        body = wire.tlv('SEARCH', 'CATALOG', 'shop') + wire.tlv('SEARCH', 'K', 0) + wire.tlv('SEARCH', 'NO_CACHE', 1)
        with wire.Connection(address) as c:
            c.search('shop', 'shoe')
            for _ in range(50):
                c.call('SEARCH', body)
        served = {q: server.stats()[f'queue.{q}.served'] - before[f'queue.{q}.served'] for q in ('critical', 'default')}
        self.assertLess(served['critical'], 20)
        self.assertGreaterEqual(served['default'], 50)

    def test_the_class_of_the_listener_caps_the_request(self):
        server, address = self.serve('limits.class=sheddable')
        with wire.Connection(address) as c:
            c.search('shop', 'shoe')
        rows = server.stats()
        self.assertEqual(rows['queue.critical.served'], 0)
        self.assertGreater(rows['queue.sheddable.served'], 0)


if __name__ == '__main__':
    unittest.main(verbosity=2)
