"""Power cuts: the file system under a busy server is shut down without flushing (ext4's shutdown ioctl on a loop
mount), mounted again, and every acked item must be there. SOUK_POWER_CUTS (20) cuts; needs root and loop devices."""
import os
import random
import time
import unittest

from souk_disk import Disk, missing
from souk_ledger import Ledger
from souk_system import BIN, SEED, SLACK, Server
from test_kill import settle

CUTS = int(os.environ.get('SOUK_POWER_CUTS', '20' if SLACK == 1 else '5'))
EARLY = os.path.join(os.path.dirname(BIN), 'tests', 'soukd_ack_early')
MISSING = missing('power cuts')


@unittest.skipIf(MISSING, MISSING)
class PowerCut(unittest.TestCase):
    def cuts(self, count, soukd=None):
        """Cuts the power `count` times; returns the first contradictions and what was acked."""
        draw, disk, acked = random.Random(SEED), Disk(), 0
        server = Server(soukd=soukd, data=os.path.join(disk.path, 'data'))
        os.mkdir(server.data)
        log = os.path.join(disk.folder, 'soukd')
        states = None
        try:
            server.log_path = log
            server.start()
            server.import_lines('shop', [{'id': 'x', 'title': 'first', 'price': 1.5}])
            server.souk('delete', 'shop', 'x', '--ack', 'visible')
            for number in range(count):
                ledger = Ledger(server, 'shop', seed=SEED + number)
                ledger.states = states or ledger.states
                ledger.start()
                time.sleep(0.2 + draw.random() * 0.5)
                disk.cut()
                ledger.finish()
                states, acked = ledger.states, acked + ledger.acked
                server.kill()
                disk.unmount()
                disk.mount()
                try:
                    server.start()
                    settle(server)
                    wrong = [f for f in ledger.contradictions() if 'refused' not in f]
                    server.check_data()
                except AssertionError as e:
                    wrong = [str(e)]
                if wrong:
                    return wrong, acked
            server.stop()
            return [], acked
        finally:
            server.kill()
            server.log.close()
            disk.remove()

    def test_every_acked_item_survives(self):
        print(f'seed {SEED}, {CUTS} cuts')
        wrong, acked = self.cuts(CUTS)
        print(f'{acked} items acked')
        self.assertEqual(wrong[:20], [])
        self.assertGreater(acked, CUTS * 10)

    @unittest.skipUnless(os.path.exists(EARLY), 'the build with the fault is missing')
    def test_a_writer_that_acks_before_its_sync_is_caught(self):
        wrong, _ = self.cuts(10, EARLY)
        self.assertTrue(wrong, 'items were acked too early, and nothing was missed')


if __name__ == '__main__':
    unittest.main(verbosity=2)
