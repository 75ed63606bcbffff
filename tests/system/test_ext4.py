"""Real disks: an ext4 that fills with what the server itself writes while products run out, and one that loses writes.
Needs root and loop devices: skipped with a message without them."""
import contextlib
import json
import os
import subprocess
import tempfile
import time
import unittest

from souk_disk import Disk, Tmpfs, missing
from souk_system import BIN, SLACK, Server, wait_until
from test_disk import SAFE_MODE, product

MISSING = missing()
SCHEMA = {'ttl_ms': 8000, 'swr_ms': 0, 'sie_ms': 0, 'fields': [{'name': 'title', 'type': 'text', 'searchable': True},
                                                               {'name': 'text', 'type': 'text', 'searchable': True}]}


class Searches:
    """Steady searches of what never runs out; each must be answered."""

    def __init__(self, server, folder):
        queries = os.path.join(folder, 'queries.tsv')
        with open(queries, 'w') as f:
            f.writelines(words + '\n' for words in ('lamp', 'red lamp', 'red'))
        self.load = subprocess.Popen([os.path.join(BIN, 'souk-load'), '-s', server.address, '-c', 'keep', '-q', queries, '-r', '100', '-C', '4',
                                      '-d', '120', '--no-cache', '--class', 'critical', '--json', '--quiet'], stdout=subprocess.PIPE, text=True)

    def end(self):
        self.load.send_signal(2)
        return json.loads(self.load.communicate(timeout=60)[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.load.poll() is None:
            self.load.kill()
            self.load.communicate()


@unittest.skipIf(MISSING, MISSING)
class Ext4(unittest.TestCase):
    def keep(self, server):
        """A small catalog whose searches cost little: what is slow then is not for want of a core."""
        server.import_lines('keep', [{'id': f'k{i}', 'title': f'red lamp number {i}'} for i in range(300)])

    def push(self, server, catalog, first, count=500):
        with tempfile.NamedTemporaryFile('w', suffix='.jsonl') as f:
            f.writelines(json.dumps(product(i)) + '\n' for i in range(first, first + count))
            f.flush()
            return server.run('import', '--catalog', catalog, f.name, '--patience', '1', '--quiet', check=False)

    def figure(self, server, name):
        return next(v for k, v in server.stats(server=server.admin).items() if k == f'catalog.{name}')

    def all_answered(self, report):
        failed = {k: v for k, v in report.get('errors', {}).items() if k != 'OVERLOADED'}  # the machine may be busy
        self.assertEqual(failed, {})
        self.assertGreater(report['requests']['ok'], 0.9 * report['requests']['sent'])

    def test_a_disk_it_fills_itself_goes_on_serving_evicting_and_then_writing(self):
        with tempfile.TemporaryDirectory() as folder, Disk('700M') as disk, contextlib.ExitStack() as under:
            data = os.path.join(disk.path, 'data')
            os.mkdir(data)
            with Server(data=data) as server:
                self.keep(server)
                server.souk('catalog', 'create', 'shop', '--schema', '-', input=json.dumps(SCHEMA))
                searches, at, refused = under.enter_context(Searches(server, folder)), 0, None
                self.assertEqual(self.push(server, 'shop', 0).returncode, 0)
                disk.fill(96 << 20)
                filler = os.path.join(disk.path, 'filler')
                while not refused and at < 200000:
                    done = self.push(server, 'shop', at)
                    at += 500
                    refused = done.stderr if done.returncode else None
                self.assertIn('NO_SPACE', refused)
                before = self.figure(server, 'shop.evicted_ttl')
                # what runs out leaves a full disk
                wait_until(lambda: self.figure(server, 'shop.evicted_ttl') > before + 100, 20, 'expired products are removed')
                wait_until(lambda: server.search('shop', '', '-k', 0, '--no-cache')['found'] == 0, 20, 'nothing expired is shown')
                self.assertEqual(len(server.search('keep', 'lamp', '--no-cache')['hits']), 10)
                os.unlink(filler)
                wait_until(lambda: self.push(server, 'shop', 500000, 100).returncode == 0, 30, 'room is used again')
                self.assertEqual(self.figure(server, 'shop.write_state'), 0)
                self.assertEqual(server.search('keep', '', '-k', 0)['found'], 300)
                self.all_answered(searches.end())
                server.check_data()

    def test_a_disk_that_loses_writes_means_safe_mode_and_loses_no_ack(self):
        """Sectors beyond what lies below have no place: the kernel tells it when it writes them, the journal is given up."""
        with tempfile.TemporaryDirectory() as folder, Tmpfs(110) as below, Disk('500M', below.path) as disk, \
                contextlib.ExitStack() as under:
            data = os.path.join(disk.path, 'data')
            os.mkdir(data)
            server = Server(data=data)
            server.log_path = os.path.join(folder, 'soukd.log')
            server.start()
            try:
                self.keep(server)
                acked, done = 0, self.push(server, 'shop', 0)
                while not done.returncode and acked < 100000:
                    acked += 500
                    done = self.push(server, 'shop', acked)
                self.assertNotEqual(done.returncode, 0, 'the disk never failed')
                searches = under.enter_context(Searches(server, folder))
                wait_until(lambda: self.figure(server, 'shop.write_state') == SAFE_MODE, 30, 'safe mode')
                self.assertIn('READ_ONLY', server.run('put', 'shop', json.dumps(product(999999)), check=False).stderr)
                self.assertEqual(server.search('shop', 'lamp', '-k', 1)['safe_mode'], 'storage')
                time.sleep(2 * SLACK)
                self.all_answered(searches.end())
                below.grow(600)
                # an error that was told once is never forgotten by those who saw it
                self.assertIn('READ_ONLY', server.run('put', 'shop', json.dumps(product(999999)), check=False).stderr)
                server.kill()
                disk.unmount()
                disk.mount()
                server.start()
                wait_until(lambda: server.run('put', 'shop', json.dumps(product(999999)), '--ack', 'visible', check=False).returncode == 0, 20,
                           'changes are taken again')
                ids = {json.loads(line)['id'] for line in server.souk('export', '--catalog', 'shop').splitlines()}
                self.assertEqual({f'p{i}' for i in range(acked)} - ids, set())
                server.check_data()
            finally:
                server.kill()
                server.log.close()


if __name__ == '__main__':
    unittest.main()
