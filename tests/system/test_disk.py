"""What the disk does to changes: full and free again, a failing sync, a damaged log. Reads go on through all of it.
A full disk needs root for a small tmpfs, a failing sync needs strace: skipped with a message without them."""
import glob
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

from souk_disk import Tmpfs
from souk_system import Server, wait_until
from souk_wire import Connection

SAFE_MODE = 2  # enum write_state of server/shared.h
BIG = 'a long text about nothing in particular, different in every product: '


def product(i):
    return {'id': f'p{i}', 'title': f'Green lamp number {i}', 'text': BIG + ' '.join(str(i * k % 99991) for k in range(60))}


def put(server, i, *options, check=False):
    if i == 0 and not server.run('catalog', 'describe', 'shop', check=False).stdout:
        server.import_lines('shop', [product(i)])
    return server.run('put', 'shop', json.dumps(product(i)), *options, check=check)


def state(server):
    stats = server.stats()
    return next(v for k, v in stats.items() if k.endswith('shop.write_state'))


class Full(unittest.TestCase):
    def test_a_full_disk_is_told_and_recovered_from(self):
        with Tmpfs(220) as disk:
            data = os.path.join(disk.path, 'data')
            os.mkdir(data)
            with Server(data=data) as server:
                server.import_lines('shop', [product(i) for i in range(3000)])
                filler = disk.fill(2 << 20)
                acked, refused = [], None
                for i in range(3000, 3400):
                    done = put(server, i)
                    if done.returncode == 0:
                        acked.append(i)
                    elif 'NO_SPACE' in done.stderr:
                        refused = done.stderr
                        break
                self.assertIsNotNone(refused, 'the disk never was full')
                # reads go on, and the state is to be seen
                self.assertEqual(len(server.search('shop', 'lamp')['hits']), 10)
                wait_until(lambda: put(server, 9999).returncode != 0, 5, 'changes are refused')
                os.unlink(filler)
                wait_until(lambda: put(server, 5000).returncode == 0, 20, 'room is used again')
                put(server, 5001, '--ack', 'visible', check=True)
                for i in [0, 2999, *acked[:3], *acked[-3:], 5000]:
                    self.assertEqual(server.json('get', 'shop', f'p{i}')['product']['title'], f'Green lamp number {i}')
                server.check_data()
                # what was acked while it was full is there after a crash, too
                server.kill()
                server.start()
                wait_until(lambda: put(server, 5002, '--ack', 'visible').returncode == 0, 20, 'the writer is back')
                for i in acked:
                    self.assertEqual(server.json('get', 'shop', f'p{i}')['id'], f'p{i}')

    def test_deletes_are_taken_by_a_full_disk(self):
        with Tmpfs(260) as disk:
            data = os.path.join(disk.path, 'data')
            os.mkdir(data)
            with Server(data=data) as server:
                server.import_lines('shop', [product(i) for i in range(4000)])
                wait_until(lambda: os.path.exists(os.path.join(data, 'catalogs', 'shop', 'reserve')), 30, 'the reserve is made')
                filler = disk.fill(0)
                with open(filler, 'ab', buffering=0) as f:  # to the last byte
                    try:
                        while True:
                            f.write(b'x' * 4096)
                    except OSError:
                        pass
                self.assertLess(os.statvfs(disk.path).f_bavail, 8)
                # one that is there and goes with the others: the log may have room for it yet
                wait_until(lambda: 'NO_SPACE' in put(server, 1).stderr, 5, 'products are refused')
                wait_until(lambda: state(server) == 1, 5, 'it is told')
                for i in range(0, 2000, 100):
                    gone = server.run('delete', 'shop', *[f'p{k}' for k in range(i, i + 100)], '--ack', 'visible', check=False)
                    self.assertEqual(gone.returncode, 0, gone.stderr)
                server.souk('delete', 'shop', '--filter', 'id = p2000')
                wait_until(lambda: server.search('shop', '', '-k', 0)['found'] == 1999, 10, 'deletes are visible')
                self.assertEqual(len(server.search('shop', 'lamp')['hits']), 10)
                os.unlink(filler)
                wait_until(lambda: put(server, 9999, '--ack', 'visible').returncode == 0, 20, 'room is used again')
                self.assertEqual(server.search('shop', '', '-k', 0)['found'], 2000)
                server.check_data()

    def test_no_room_for_the_next_log_file_is_told_too(self):
        with Tmpfs(120) as disk:
            data = os.path.join(disk.path, 'data')
            os.mkdir(data)
            with Server(data=data) as server:
                server.souk('catalog', 'create', 'shop', '--schema', '-', input='{"fields":[{"name":"title","type":"text"},'
                            '{"name":"text","type":"text"}]}')
                filler = disk.fill(1 << 20)
                wait_until(lambda: 'NO_SPACE' in server.run('put', 'shop', json.dumps(product(1)), check=False).stderr, 5, 'it is told')
                os.unlink(filler)
                wait_until(lambda: put(server, 1).returncode == 0, 10, 'room is used again')


class FullMap(unittest.TestCase):
    def test_a_full_map_takes_deletes_and_then_products_again(self):
        with Server(options=['index.map=48MiB']) as server:
            server.import_lines('shop', [product(i) for i in range(200)])
            taken, done = 200, None
            while taken < 60000:
                with tempfile.NamedTemporaryFile('w', suffix='.jsonl') as f:
                    f.writelines(json.dumps(product(i)) + '\n' for i in range(taken, taken + 1000))
                    f.flush()
                    done = server.run('import', '--catalog', 'shop', f.name, '--patience', '1', '--quiet', check=False)
                if done.returncode != 0:
                    break
                taken += 1000
            self.assertIn('NO_SPACE', done.stderr)
            self.assertEqual(len(server.search('shop', 'lamp')['hits']), 10)
            self.assertIn('NO_SPACE', put(server, 999999).stderr)
            found = server.search('shop', '')['found']
            self.assertGreater(found, 1000)
            for i in range(0, taken, 1000):  # half of them
                gone = server.run('delete', 'shop', *[f'p{k}' for k in range(i, i + 500)], check=False)
                self.assertNotIn('NO_SPACE', gone.stderr)
            server.run('delete', 'shop', 'p501', '--ack', 'visible')
            self.assertLess(server.search('shop', '')['found'], found - 900)
            wait_until(lambda: put(server, 999999, '--ack', 'visible').returncode == 0, 20, 'products are taken again')
            self.assertEqual(server.json('get', 'shop', 'p999999')['id'], 'p999999')
            server.check_data()


class FailingSync(unittest.TestCase):
    def test_a_failed_sync_ends_acks_for_good_and_reads_go_on(self):
        if not shutil.which('strace'):
            self.skipTest('strace is not installed')
        with Server() as server:
            server.import_lines('shop', [product(i) for i in range(200)])
            put(server, 200, '--ack', 'visible', check=True)
            tracer = subprocess.Popen(['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync',
                                       '-e', 'inject=fdatasync:error=EIO:when=1', '-p', str(server.pid('writer 0'))],
                                      stderr=subprocess.DEVNULL)
            try:
                wait_until(lambda: put(server, 201).returncode != 0, 10, 'the sync fails')
            finally:
                tracer.terminate()
                tracer.wait()
            done = put(server, 202)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn('READ_ONLY', done.stderr)
            self.assertEqual(server.search('shop', 'lamp')['hits'][0]['product']['title'][:10], 'Green lamp')
            self.assertEqual(state(server), SAFE_MODE)
            self.assertIn('takes no more changes', server.log_text())
            old = server.kill_child('writer 0')
            server.replaced('writer 0', old)
            wait_until(lambda: put(server, 203, '--ack', 'visible').returncode == 0, 10, 'a new writer takes changes')
            server.check_data()


@unittest.skipUnless(shutil.which('strace'), 'strace is not installed')
class WornDisk(unittest.TestCase):
    def tracing(self, server, call, what):
        tracer = subprocess.Popen(['strace', '-f', '-qq', '-o', '/dev/null', '-e', f'trace={call}', '-e', f'inject={call}:{what}',
                                   '-p', str(server.pid('writer 0'))], stderr=subprocess.DEVNULL)

        def attached():
            tasks = glob.glob(f"/proc/{server.pid('writer 0')}/task/*/status")
            return tasks and all('TracerPid:\t0\n' not in open(t).read() for t in tasks)
        wait_until(attached, 10, 'strace has come')

        def end():
            tracer.terminate()
            tracer.wait()
        return end

    def test_whichever_write_fails_no_ack_is_lost_and_reads_go_on(self):
        for call in ('pwrite64', 'fdatasync'):
            for when in (1, 2, 3, 5):
                with Server() as server, self.subTest(call=call, when=when):
                    server.import_lines('shop', [product(i) for i in range(50)], '--ack', 'visible')
                    end = self.tracing(server, call, f'error=EIO:when={when}+')
                    acked, refused = list(range(50)), 0
                    try:
                        for i in range(50, 90):
                            done = put(server, i)
                            acked += [i] if done.returncode == 0 else []
                            refused += done.returncode != 0
                            if refused > 2:
                                break
                        self.assertGreater(refused, 0, 'nothing failed')
                        if when == 1:
                            self.assertEqual(acked[50:], [], 'acknowledged, and not on the disk')
                        self.assertEqual(len(server.search('shop', 'lamp', '--no-cache')['hits']), 10)
                        self.assertEqual(state(server), SAFE_MODE)
                    finally:
                        end()
                    server.kill()
                    server.start()
                    wait_until(lambda: put(server, 99, '--ack', 'visible').returncode == 0, 20, 'changes are taken again')
                    for i in acked:
                        self.assertEqual(server.json('get', 'shop', f'p{i}')['id'], f'p{i}')
                    server.check_data()

    def test_a_slow_disk_delays_acks_and_no_search(self):
        with Server() as server:
            server.import_lines('shop', [product(i) for i in range(500)], '--ack', 'visible')
            end = self.tracing(server, 'fdatasync', 'delay_enter=500000')
            try:
                wait_until(lambda: self.took(lambda: put(server, 500, check=True)) > 0.5, 10, 'the disk is slow')
                writing = [server.spawn('put', 'shop', json.dumps(product(i)), '--timeout', 5000) for i in range(501, 521)]
                with Connection(('127.0.0.1', server.port)) as c:
                    times = sorted(self.took(lambda: c.search('shop', 'lamp')) for _ in range(200))
                self.assertLess(times[len(times) // 2], 0.1, times[-5:])
                self.assertLess(times[-20], 0.4, times[-20:])
                self.assertEqual([w.wait(30) for w in writing], [0] * 20)
            finally:
                end()
            put(server, 600, '--ack', 'visible', check=True)
            self.assertEqual(server.search('shop', '', '-k', 0)['found'], 522)

    @staticmethod
    def took(what):
        start = time.monotonic()
        what()
        return time.monotonic() - start


class DamagedLog(unittest.TestCase):
    def damage(self, server, where):
        server.stop()
        path = sorted(glob.glob(os.path.join(server.data, 'catalogs', 'shop', 'log', '*.log')))[-1]
        with open(path, 'r+b') as f:
            where(f)
        server.start(ready=False)
        wait_until(lambda: server.run('ping', check=False).returncode == 0, 10, 'soukd answers')

    def test_damage_with_records_behind_means_safe_mode(self):
        with Server() as server:
            for i in range(20):
                put(server, i, '--ack', 'visible', check=True)

            def flip(f):
                f.seek(600)
                byte = f.read(1)
                f.seek(600)
                f.write(bytes([byte[0] ^ 1]))
            self.damage(server, flip)
            self.assertEqual(len(server.search('shop', 'lamp')['hits']), 10)
            wait_until(lambda: 'READ_ONLY' in put(server, 99).stderr, 10, 'changes are refused')
            self.assertEqual(state(server), SAFE_MODE)
            self.assertRegex(server.log_text(), 'damaged at byte')

    def test_a_torn_tail_is_cut_off_with_a_message(self):
        with Server() as server:
            for i in range(20):
                put(server, i, '--ack', 'visible', check=True)

            def tear(f):
                data = f.read()
                end = len(data.rstrip(b'\0'))
                f.seek((end + 7) // 8 * 8)
                f.write(b'\x40\x00\x00\x00\x01\x00\x00\x00half a record')
            self.damage(server, tear)
            wait_until(lambda: put(server, 99, '--ack', 'visible').returncode == 0, 10, 'changes are taken')
            self.assertRegex(server.log_text(), 'cut off')
            self.assertEqual(server.search('shop', '')['found'], 21)


if __name__ == '__main__':
    unittest.main()
