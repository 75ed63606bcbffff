"""Idempotency over the wire: a bulk or an item that is sent again changes nothing and is answered as before; over a restart,
a killed writer, another level of ack and an altered schema alike. Another body with the same key is a conflict."""
import json
import os
import unittest

from souk_system import Server, wait_until
from souk_wire import STATUSES, TAGS, Connection, Reader, Refused, delete, field, fields, patch, upsert

FIELDS = [{'name': 'title', 'type': 'text'}, {'name': 'n', 'type': 'integer'}]


class Keys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(fronts=1).start()
        cls.schema('s.json', FIELDS)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    @classmethod
    def schema(cls, name, rows):
        path = os.path.join(cls.server.data, name)
        with open(path, 'w', encoding='utf-8') as f:
            json.dump({'fields': rows}, f)
        return path

    def setUp(self):
        self.catalog = self.id().rpartition('.')[2][:60]
        self.server.souk('catalog', 'create', self.catalog, '--schema', os.path.join(self.server.data, 's.json'))
        self.connect()

    def tearDown(self):
        self.c.close()

    def connect(self):
        self.c = Connection(('127.0.0.1', self.server.port))

    def put(self, *items, key=b'', ack=1):
        """(applied, failed, replayed, {item: status}) of a PUT."""
        body = self.c.put(self.catalog, items, ack, key).body
        told = {}
        for tag, value in fields(body):
            if tag == TAGS['PUT']['RESULT']:
                r = Reader(value)
                item = r.varint()
                told[item] = STATUSES[r.varint()]
        self.sequence = field(body, 'PUT', 'SEQUENCE')
        return tuple(field(body, 'PUT', n, 0) for n in ('APPLIED', 'FAILED', 'REPLAYED')) + (told,)

    def product(self, key):
        got = self.server.run('get', self.catalog, key, check=False)
        return json.loads(got.stdout).get('product') if got.returncode == 0 else None

    def restart(self):
        self.c.close()
        self.server.stop()
        self.server.start()
        self.connect()

    # --- bulks ------------------------------------------------------------------------------------

    def test_a_bulk_again(self):
        items = [upsert('a', {'n': 1}), patch('nobody', {'n': 1}), upsert('b', {'n': 2})]
        first = self.put(*items, key=b'k')
        self.assertEqual(first, (2, 1, 0, {1: 'NOT_FOUND'}))
        sequence = self.sequence
        self.put(upsert('a', {'n': 9}))
        for ack in (1, 2, 0):  # what the sender waits for does not make another bulk
            with self.subTest(ack=ack):
                self.assertEqual(self.put(*items, key=b'k', ack=ack), first[:2] + (1,) + first[3:])
                self.assertEqual(self.sequence, sequence)
        with self.assertRaises(Refused) as caught:
            self.put(upsert('a', {'n': 2}), key=b'k')
        self.assertEqual(caught.exception.name, 'CONFLICT')
        self.restart()
        self.assertEqual(self.put(*items, key=b'k', ack=2)[2], 1)
        self.assertEqual(self.product('a')['n'], 9)

    def test_a_bulk_again_after_the_schema_was_altered(self):
        items = [upsert('a', {'title': 'chair', 'n': 1})]
        self.put(*items, key=b'k')
        self.put(upsert('a', {'n': 9}), ack=2)
        self.server.souk('catalog', 'alter', self.catalog, '--schema', self.schema('more.json', [{'name': 'extra', 'type': 'integer'}]))
        self.assertEqual(self.put(*items, key=b'k')[:3], (1, 0, 1))
        self.assertEqual(self.product('a')['n'], 9)

    def test_an_import_again_after_the_schema_was_altered(self):
        path = os.path.join(self.server.data, 'file.jsonl')
        with open(path, 'w', encoding='utf-8') as f:
            f.write('\n'.join(json.dumps({'id': f'p{i}', 'n': i, **({'colour': 'red'} if i == 1500 else {})}) for i in range(3000)))
        load = ('import', '--catalog', self.catalog, path, '--errors', path + '.errors')
        first = self.server.run(*load, check=False)
        self.assertEqual(first.returncode, 5, first.stderr)
        with open(path + '.errors', encoding='utf-8') as f:
            self.assertEqual([json.loads(line)['line'] for line in f], [1501])
        self.server.souk('catalog', 'alter', self.catalog, '--schema', self.schema('colour.json', [{'name': 'colour', 'type': 'keyword'}]))
        again = json.loads(self.server.souk(*load))
        self.assertEqual((again['failed'], again['applied']), (0, 3000))
        self.assertEqual(again['replayed_bulks'], 1)  # the one before the line that goes in now
        self.assertEqual(self.product('p1500')['colour'], 'red')

    def test_an_import_again_with_other_windows(self):
        path = os.path.join(self.server.data, 'windows.jsonl')
        with open(path, 'w', encoding='utf-8') as f:
            f.write('{"id":"a","n":1}\n')
        self.server.souk('import', '--catalog', self.catalog, path)
        again = json.loads(self.server.souk('import', '--catalog', self.catalog, path, '--ttl', '60000'))
        self.assertEqual((again['failed'], again['applied'], again['replayed_bulks']), (0, 1, 0))

    # --- items ------------------------------------------------------------------------------------

    def test_an_item_again(self):
        items = [upsert('a', {'n': 1}, idempotency=b'k1'), upsert('b', {'n': 1}), delete('nobody', idempotency=b'k2')]
        self.assertEqual(self.put(*items), (2, 1, 0, {2: 'NOT_FOUND'}))
        self.put(upsert('a', {'n': 9}), upsert('nobody', {'n': 7}), ack=2)
        before = self.sequence
        # Told as before; of the item that failed nothing is kept: it is decided again.
        self.assertEqual(self.put(items[0]), (1, 0, 0, {}))
        self.assertEqual(self.sequence, before)
        self.assertEqual(self.product('a')['n'], 9)
        self.assertEqual(self.put(*items, ack=2), (3, 0, 0, {}))
        self.assertEqual(self.sequence, before + 2)
        self.assertEqual([self.product(p) and self.product(p)['n'] for p in ('a', 'b', 'nobody')], [9, 1, None])

    def test_another_item_with_the_same_key(self):
        self.put(upsert('a', {'n': 1}, version=3, idempotency=b'k'), ack=2)
        for other in (upsert('a', {'n': 2}, version=3, idempotency=b'k'), upsert('b', {'n': 1}, version=3, idempotency=b'k'),
                      upsert('a', {'n': 1}, version=4, idempotency=b'k'), patch('a', {'n': 1}, version=3, idempotency=b'k'),
                      delete('a', version=3, idempotency=b'k')):
            with self.subTest(other=other):
                self.assertEqual(self.put(other, upsert('c', {'n': 1})), (1, 1, 0, {0: 'CONFLICT'}))
        self.assertEqual(self.product('a')['n'], 1)

    def test_a_key_twice_in_one_bulk(self):
        one, other = upsert('a', {'n': 1}, idempotency=b'k'), upsert('a', {'n': 2}, idempotency=b'k')
        self.assertEqual(self.put(one, one, other, upsert('b', {'n': 5}), ack=2), (3, 1, 0, {2: 'CONFLICT'}))
        self.assertEqual((self.product('a')['n'], self.product('b')['n']), (1, 5))

    def test_bulks_and_items_have_keys_of_their_own(self):
        self.assertEqual(self.put(upsert('a', {'n': 1}, idempotency=b'k'), key=b'k'), (1, 0, 0, {}))
        self.assertEqual(self.put(upsert('a', {'n': 1}, idempotency=b'k'), key=b'k'), (1, 0, 1, {}))
        self.assertEqual(self.put(upsert('a', {'n': 1}, idempotency=b'k'), upsert('b', {'n': 1}), key=b'k2'), (2, 0, 0, {}))

    def test_keys_of_items_outlive_the_writer_a_restart_and_a_new_edition(self):
        def again():
            got = self.put(*[upsert(f'p{i}', {'n': i}, idempotency=b'k%d' % i) for i in range(500)], ack=2)
            return got[:2] + (self.sequence - before,)

        self.put(*[upsert(f'p{i}', {'n': i}, idempotency=b'k%d' % i) for i in range(500)])
        self.put(upsert('p1', {'n': -1}))
        before = self.sequence
        self.assertEqual(again(), (500, 0, 0))
        old = self.server.kill_child('writer 0')
        self.server.replaced('writer 0', old)
        wait_until(lambda: str(self.server.stats().get('server.writer_ready')) == '1', 10, 'the writer is back')
        self.assertEqual(again(), (500, 0, 0))
        self.restart()
        self.assertEqual(again(), (500, 0, 0))
        self.server.souk('catalog', 'rebuild', self.catalog)
        self.assertEqual(again()[:2], (500, 0))
        self.assertEqual(self.product('p1')['n'], -1)

    # --- versions ---------------------------------------------------------------------------------

    def test_what_is_older_than_a_delete_does_not_come_back(self):
        ignored = lambda *items, ack=2: self.put(*items, ack=ack)[:2] == (0, 0)
        self.put(upsert('a', {'n': 1}, version=10), upsert('b', {'n': 1}, version=10), ack=2)
        self.put(delete('a', version=12), ack=2)
        self.assertTrue(ignored(upsert('a', {'n': 2}, version=11)), 'the delete is applied')
        self.put(delete('b', version=12), ack=0)
        self.assertTrue(ignored(upsert('b', {'n': 2}, version=11), ack=0), 'or not yet, alike')
        for turn in ('a killed writer', 'a restart', 'a new edition'):
            if turn == 'a restart':
                self.restart()
            elif turn == 'a new edition':
                self.server.souk('catalog', 'rebuild', self.catalog)
            else:
                self.server.replaced('writer 0', self.server.kill_child('writer 0'))
                wait_until(lambda: str(self.server.stats().get('server.writer_ready')) == '1', 10, 'the writer is back')
            self.assertTrue(ignored(upsert('a', {'n': 2}, version=11), upsert('b', {'n': 2}, version=11)), turn)
        self.assertIsNone(self.product('a'))
        self.assertEqual(self.put(upsert('a', {'n': 3}, version=12), upsert('b', {'n': 3}, version=13), ack=2)[0], 2, 'what is newer comes')
        self.put(upsert('a', {'n': 4}), ack=2)  # a change without a version leaves none
        self.assertEqual(self.put(upsert('a', {'n': 5}, version=3), ack=2)[0], 1)
        self.put(delete('b'), ack=2)            # a delete too
        self.assertEqual(self.put(upsert('b', {'n': 5}, version=3), ack=2)[0], 1)
        self.assertEqual((self.product('a')['n'], self.product('b')['n']), (5, 5))

    def test_a_delete_that_overtook_its_product_is_remembered(self):
        status = lambda *items, ack=2: self.put(*items, ack=ack)
        for ack in (0, 2):  # not applied yet when the upsert comes, and applied
            i = f'early{ack}'
            self.assertEqual(status(delete(i, version=12, idempotency=b'd%d' % ack), ack=ack)[:2], (0, 1), 'there was nothing to delete')
            self.assertEqual(status(upsert(i, {'n': 1}, version=11), ack=ack)[:2], (0, 0), 'ignored')
            self.assertEqual(status(delete(i, version=12, idempotency=b'd%d' % ack), ack=ack)[:2], (0, 1), 'sent again')
            self.assertEqual(status(delete(i, version=14), ack=ack)[:2], (0, 1))
            self.assertEqual(status(delete(i, version=13), ack=ack)[:2], (0, 1))
            self.assertEqual(status(upsert(i, {'n': 2}, version=13), ack=ack)[:2], (0, 0), 'the newest delete counts')
            self.assertEqual(status(delete('never'), ack=ack)[:2], (0, 1))
            self.assertEqual(status(upsert('x', {'n': 1}), delete(i, version=15), upsert('y', {'n': 1}), ack=2)[:2], (2, 1))
        self.restart()
        for i in ('early0', 'early2'):
            self.assertEqual(status(upsert(i, {'n': 3}, version=14))[:2], (0, 0))
            self.assertEqual(status(upsert(i, {'n': 4}, version=15))[:2], (1, 0))
            self.assertEqual(self.product(i)['n'], 4)
        before = self.sequence
        status(delete('told', version=2))
        self.assertEqual(self.sequence, before + 1)
        status(delete('told', version=2), delete('told', version=1))  # tells nothing new
        self.assertEqual(self.sequence, before + 1)
        self.server.check_data()


if __name__ == '__main__':
    unittest.main()
