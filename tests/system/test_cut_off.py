#!/usr/bin/env python3
"""An index file that is cut off under the server: its catalog is told as damaged, the others go on."""
import glob
import json
import os
import shutil
import unittest

from souk_system import Server, wait_until
from test_eviction import create, lines


class CutOff(unittest.TestCase):
    def setUp(self):
        self.server = Server().start()
        for name in ('shop', 'other'):
            create(self.server, name)
        self.server.import_lines('shop', lines(0, 20000))
        self.server.import_lines('other', lines(0, 200))

    def tearDown(self):
        self.server.stop()
        self.server.remove()

    def put(self, catalog, number):
        return self.server.run('put', catalog, json.dumps(lines(number, 1)[0]), '--ack', 'visible', check=False)

    def search(self, catalog):
        return self.server.run('search', catalog, 'lamp', '--no-cache', '--count-to', '0', '--json', check=False)

    def found(self, catalog):
        done = self.search(catalog)
        return json.loads(done.stdout)['found'] if done.returncode == 0 else 0

    def starts(self):
        return sum(v for k, v in self.server.stats().items() if k.endswith('.starts'))

    def assert_told_and_others_go_on(self):
        s = self.server
        wait_until(lambda: 'CORRUPT' in self.search('shop').stderr, 10, 'the damage is told')
        wait_until(lambda: self.put('other', 5000).returncode == 0, 10, 'others are written')
        wait_until(lambda: self.found('other') == 201, 10, 'and found')
        wait_until(lambda: s.stats().get('catalog.shop.write_state') == 2, 10, 'operators are told')
        self.assertIn('CORRUPT', self.put('shop', 5000).stderr)
        self.assertEqual({c['name']: c['generation'] > 0 for c in map(json.loads, s.souk('catalog', 'list').splitlines())},
                         {'shop': False, 'other': True})

    def test_its_catalog_is_lost_the_others_are_not(self):
        s = self.server
        file = glob.glob(f'{s.data}/catalogs/shop/e-*/data.mdb')[0]
        shutil.copy(file, s.data + '/kept')
        os.truncate(file, os.path.getsize(file) // 3)
        self.assert_told_and_others_go_on()
        # each of five (the replica opens none) may still have it open, and dies of it once at most
        for _ in range(50):
            self.search('shop')
            self.assertEqual(self.found('other'), 201)
        self.assertLessEqual(self.starts(), 6 + 5)
        # a start from the cut file is told, too, without a process that dies
        s.stop()
        s.start()
        self.assert_told_and_others_go_on()
        self.assertEqual(self.starts(), 6)
        # the whole file back: all is as it was, and what is logged is replayed
        s.stop()
        shutil.copy(s.data + '/kept', file)
        s.start()
        self.assertEqual(self.found('shop'), 20000)
        self.assertEqual(self.put('shop', 30000).returncode, 0)
        self.assertEqual(self.found('shop'), 20001)

    def test_it_can_be_dropped_and_made_again(self):
        s = self.server
        s.stop()
        file = glob.glob(f'{s.data}/catalogs/shop/e-*/data.mdb')[0]
        os.truncate(file, 4 * 4096)
        s.start()
        self.assert_told_and_others_go_on()
        s.souk('catalog', 'drop', 'shop')
        self.assertIn('UNKNOWN_CATALOG', self.search('shop').stderr)
        self.assertIn('UNKNOWN_CATALOG', s.run('catalog', 'drop', 'shop', check=False).stderr)
        create(s, 'shop')
        s.import_lines('shop', lines(0, 300))
        wait_until(lambda: self.found('shop') == 300, 5)
        self.assertEqual(s.stats()['catalog.shop.write_state'], 0)


if __name__ == '__main__':
    unittest.main()
