#!/usr/bin/env python3
"""The pages of an index are in a front's page tables before searches meet them: at a start, behind commits, in a new
edition."""
import os
import tempfile
import unittest

from souk_system import Server, wait_until

FIELDS = ('{"fields": [{"name": "title", "type": "text", "searchable": true, "stored": true},'
          ' {"name": "price", "type": "float", "filter": true, "sort": true, "stored": true}]}')
WORDS = 9973


def mapped(pid, path):
    """Bytes of the file that are in the page tables of the process."""
    found = False
    with open(f'/proc/{pid}/smaps') as f:
        for line in f:
            if line.rstrip().endswith(path):
                found = True
            elif found and line.startswith('Rss:'):
                return int(line.split()[1]) * 1024
    return 0


class MapAhead(unittest.TestCase):
    def missing(self, s, edition):
        """What a front lacks of the file of an edition, in bytes, once it had a moment."""
        path = f'{s.data}/catalogs/shop/e-{edition:06d}/data.mdb'
        wait_until(lambda: s.stats()['catalog.shop.edition'] == edition, 20)
        s.search('shop', 'w7')
        front = s.children()['front 0']
        missing = lambda: os.path.getsize(path) - mapped(front, path)  # noqa: E731
        try:
            wait_until(lambda: missing() < 1 << 20, 1)
        except AssertionError:
            pass
        return missing()

    def put(self, s, word, count):
        s.import_lines('shop', [{'id': f'{word}{i}', 'title': ' '.join(f'w{(i * 31 + k * k * 7) % WORDS}' for k in range(12)), 'price': i}
                                for i in range(count)])
        wait_until(lambda: s.stats()['catalog.shop.lag'] == 0, 60)

    def test_a_front_has_the_whole_file_mapped(self):
        with Server(fronts=1) as s, tempfile.NamedTemporaryFile('w', suffix='.json') as f:
            f.write(FIELDS)
            f.flush()
            s.souk('catalog', 'create', 'shop', '--schema', f.name)
            self.put(s, 'p', 60000)
            s.stop()
            s.start()
            self.assertLess(self.missing(s, 1), 1 << 20, 'behind a start')
            self.put(s, 'q', 30000)
            self.assertLess(self.missing(s, 1), 1 << 20, 'behind commits')
            s.souk('catalog', 'rebuild', 'shop')
            self.assertLess(self.missing(s, 2), 1 << 20, 'in a new edition')


if __name__ == '__main__':
    unittest.main()
