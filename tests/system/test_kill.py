"""kill -9 of every process at random moments while three writers ingest and one searches: every acked item is there
exactly once, index_check is clean. SOUK_KILL_ROUNDS (200) rounds; SOUK_SEED repeats a run."""
import os
import random
import time
import unittest

from souk_ledger import Ledger
from souk_system import BIN, SEED, SLACK, Server, wait_until

ROUNDS = int(os.environ.get('SOUK_KILL_ROUNDS', '200' if SLACK == 1 else '50'))
EARLY = os.path.join(os.path.dirname(BIN), 'tests', 'soukd_ack_early')
SCHEMA = '{"fields":[{"name":"title","type":"text"},{"name":"price","type":"float"}]}'


def one_round(server, draw):
    """Kills one process, or all of them, and returns its name."""
    victim = draw.choice(['writer 0'] * 4 + ['front 0', 'front 1', 'fetcher 0', 'admin 0', 'all'])
    time.sleep(draw.random() * 0.08)
    if victim == 'all':
        server.kill()
        server.start()
    else:
        pid = server.children().get(victim)
        if pid:
            server.kill_child(victim)
            server.replaced(victim, pid, 10)
    return victim


def settle(server):
    """Everything logged is visible."""
    def put():
        return server.run('put', 'shop', '{"id":"settled","title":"last","price":1}', '--ack', 'visible', check=False).returncode == 0
    wait_until(put, 20, 'the writer takes changes')
    server.souk('delete', 'shop', 'settled', '--ack', 'visible')


class Kill(unittest.TestCase):
    def run_rounds(self, server, rounds, stop_when_lost=False):
        draw, counts, wrong = random.Random(SEED), {}, []
        server.import_lines('shop', [{'id': 'x', 'title': 'first', 'price': 1.5}])
        server.souk('delete', 'shop', 'x', '--ack', 'visible')
        ledger = Ledger(server, 'shop', seed=SEED).start()
        for number in range(rounds):
            name = one_round(server, draw)
            counts[name] = counts.get(name, 0) + 1
            if stop_when_lost and number % 5 == 4:
                ledger.finish()
                try:
                    settle(server)
                    wrong += ledger.contradictions()
                except AssertionError as refused:  # a log that ends before the index is refused
                    wrong.append(str(refused))
                if wrong:
                    break
                states, ledger = ledger.states, Ledger(server, 'shop', seed=SEED + number)
                ledger.states = states
                ledger.start()
            if number % 50 == 49 and not stop_when_lost:
                server.check_data()
        ledger.finish()
        if not stop_when_lost:
            settle(server)
            wrong += ledger.contradictions()
        return ledger, counts, wrong

    def test_every_acked_item_is_there_exactly_once(self):
        print(f'seed {SEED}, {ROUNDS} rounds')
        with Server() as server:
            ledger, counts, wrong = self.run_rounds(server, ROUNDS)
            print(f'killed {counts}; {ledger.acked} items acked, {ledger.searches} searches')
            self.assertEqual(wrong[:20], [])
            self.assertGreater(ledger.acked, ROUNDS)
            self.assertGreater(ledger.searches, ROUNDS)
            server.check_data()

    @unittest.skipIf(SLACK > 1, 'the release build shows that the check can fail')
    @unittest.skipUnless(os.path.exists(EARLY), 'the build with the fault is missing')
    def test_a_writer_that_acks_before_its_sync_is_caught(self):
        with Server(soukd=EARLY) as server:
            _, _, wrong = self.run_rounds(server, 60, stop_when_lost=True)
            self.assertTrue(wrong, 'items were acked too early, and nothing was missed')


if __name__ == '__main__':
    unittest.main(verbosity=2)
