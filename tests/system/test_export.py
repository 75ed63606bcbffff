"""SCAN and `souk export` of a catalog that changes meanwhile: nothing that is there all the time is missing."""
import json
import unittest

from souk_system import Server
from souk_wire import TAGS, Connection, Refused, field, fields, tlv, upsert

COUNT = 3000


class Export(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(fronts=1).start()
        cls.server.import_lines('shop', [{'id': f'p{i}', 'title': f'chair {i}', 'text': 'wood ' * 200, 'n': i} for i in range(COUNT)])

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def touch(self, c, numbers):
        """Changes titles, which gives the products new places."""
        c.put('shop', [upsert(f'p{i}', {'title': f'table {i}', 'n': i}) for i in numbers], ack=2)

    def part(self, c, at, limit=100):
        body = tlv('SCAN', 'CATALOG', 'shop') + tlv('SCAN', 'LIMIT', limit) + (tlv('SCAN', 'FROM', at) if at else b'')
        reply = c.call('SCAN', body).body
        return sum(tag == TAGS['SCAN']['ITEM'] for tag, _ in fields(reply)), field(reply, 'SCAN', 'FROM')

    def test_a_scan_does_not_go_on_in_another_edition(self):
        with Connection(('127.0.0.1', self.server.port)) as c:
            items, at = self.part(c, 0)
            self.assertEqual(items, 100)
            self.touch(c, range(50))
            self.assertEqual(self.part(c, at)[0], 100)  # within the edition it goes on
            self.server.souk('catalog', 'rebuild', 'shop')
            with self.assertRaises(Refused) as caught:
                self.part(c, at)
            self.assertEqual(caught.exception.name, 'MOVED')
            total, at = self.part(c, 0, 1000)
            while at:
                items, at = self.part(c, at, 1000)
                total += items
            self.assertEqual(total, COUNT)

    def test_an_export_through_changes_and_an_edition_has_every_product_once(self):
        export = self.server.spawn('export', '--catalog', 'shop')  # fills its pipe and waits
        first = export.stdout.readline()
        with Connection(('127.0.0.1', self.server.port)) as c:
            self.touch(c, range(0, COUNT, 2))
        self.server.souk('catalog', 'rebuild', 'shop')
        rest, told = export.stdout.read(), export.stderr.read()
        self.assertEqual(export.wait(60), 0, told)
        export.stdout.close(), export.stderr.close()
        ids = [json.loads(line)['id'] for line in [first, *rest.splitlines()]]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(set(ids), {f'p{i}' for i in range(COUNT)})


if __name__ == '__main__':
    unittest.main()
