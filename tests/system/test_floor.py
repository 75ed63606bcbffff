"""The writer runs when no front wants the processor; beside one that never rests it goes on all the same."""
import os
import subprocess
import tempfile
import time
import unittest

from souk_system import BIN, SLACK, SOURCE, Server

CATALOG = os.path.join(SOURCE, 'data', 'esci-us.jsonl.zst')


class Floor(unittest.TestCase):
    def test_an_import_goes_on_beside_a_front_that_never_rests(self):
        cores = sorted(os.sched_getaffinity(0))
        server = Server(fronts=1).start()
        self.addCleanup(server.remove)
        self.addCleanup(server.stop)
        server.souk('import', '--catalog', 'shop', CATALOG, '--quiet', '--ack', 'visible')
        for pid in server.children().values():  # all of them share a core
            for tid in os.listdir(f'/proc/{pid}/task'):
                os.sched_setaffinity(int(tid), cores[:1])
        with tempfile.NamedTemporaryFile('w', suffix='.tsv') as queries:
            queries.writelines(w + '\n' for w in ('running shoes', 'coffee mug', 'phone case', 'water bottle'))
            queries.flush()
            load = subprocess.Popen([os.path.join(BIN, 'souk-load'), '-s', server.address, '-c', 'shop', '-q', queries.name, '--no-cache',
                                     '-k', '100', '--facet', 'brand', '--closed-loop', '64', '-d', str(20 * SLACK), '--quiet'],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    preexec_fn=lambda: os.sched_setaffinity(0, cores[-1:]))
            try:
                time.sleep(1)
                start = time.monotonic()
                server.run('import', '--catalog', 'shop', CATALOG, '--quiet', '--again', '--ack', 'visible', timeout=60 * SLACK)
                self.assertIsNone(load.poll(), 'the load ended first')
                self.assertLess(time.monotonic() - start, 15 * SLACK)
            finally:
                load.kill()
                load.wait()


if __name__ == '__main__':
    unittest.main(verbosity=2)
