"""A server with many catalogs: what each of them costs while little happens in it, and what all of them cost at the end."""
import os
import time
import unittest

from souk_system import SLACK, Server, products, wait_until
from souk_wire import Connection, upsert

CATALOGS = 40


def spares(server):
    """Catalogs whose next file of the log is being made or is there."""
    catalogs = server.data + '/catalogs'
    return [name for name in os.listdir(catalogs) if os.path.exists(f'{catalogs}/{name}/log/next.tmp')]


class ManyCatalogs(unittest.TestCase):
    def put(self, server, name, text, count=1):
        with Connection(('127.0.0.1', server.port), 60) as c:
            for i in range(CATALOGS):
                for k in range(count):
                    c.put(f'c{i}', [upsert(f'{name}{k}', {'title': text})])

    def test_few_changes_make_no_large_files_and_many_files_under_way_hold_up_no_end(self):
        with Server(options=['canary.interval=0s']) as s:
            for i in range(CATALOGS):
                s.import_lines(f'c{i}', products(5, seed=i))
            self.put(s, 'few', 'red lamp', 3)
            self.assertEqual(spares(s), [])
            self.put(s, 'large', 'word ' * 150000, 2)
            self.put(s, 'next', 'red lamp')
            wait_until(lambda: len(spares(s)) > CATALOGS // 2, 10, 'next files are being made')
            began = time.monotonic()
            self.assertEqual(s.stop(), 0)
            took = time.monotonic() - began
            print(f'TERM with {CATALOGS} catalogs: {took:.2f} s')
            self.assertLess(took, 3 * SLACK)  # a busy machine; left alone 0.2 s
            s.start()
            for i in range(CATALOGS):
                wait_until(lambda i=i: s.run('get', f'c{i}', 'next0', check=False).returncode == 0, 10, 'all is there')
            s.check_data()


if __name__ == '__main__':
    unittest.main()
