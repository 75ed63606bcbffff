"""Another schema, another edition: built while changes go on and searches are served, once at a time, over crashes."""
import json
import threading
import time
import unittest

from souk_system import SLACK, Server, wait_until


def product(i):
    return {'id': f'p{i}', 'title': f'green lamp number {i} of a long row of lamps', 'price': i,
            'text': ' '.join(f'word{i * k % 5003}' for k in range(40))}


COUNT = 12000


class Editions(unittest.TestCase):
    def setUp(self):
        self.server = Server(fronts=1).start()
        self.addCleanup(self.server.remove)
        self.addCleanup(self.server.stop)
        self.server.import_lines('shop', [product(i) for i in range(COUNT)])

    def put(self, i, *options, **more):
        return self.server.run('put', 'shop', json.dumps(product(i)), *options, **more)

    def describe(self):
        return self.server.json('catalog', 'describe', 'shop')

    def alter(self, schema, **more):
        return self.server.run('catalog', 'alter', 'shop', '--schema', '-', '--timeout', 120000, input=json.dumps(schema), **more)

    def in_background(self, call):
        told = []
        thread = threading.Thread(target=lambda: told.append(call()))
        thread.start()
        self.addCleanup(thread.join)
        return thread, told

    def state(self):
        return next(v for k, v in self.server.stats().items() if k.endswith('shop.write_state'))

    def changes_go_on(self, change):
        """Puts while `change` is made: how long the slowest took to be visible, and how long the change."""
        began = time.monotonic()
        thread, told = self.in_background(change)
        slowest, puts = 0, 0
        while thread.is_alive() and time.monotonic() - began < 100:
            at = time.monotonic()
            self.put(COUNT + puts, '--ack', 'visible')
            slowest, puts = max(slowest, time.monotonic() - at), puts + 1
            self.assertEqual(len(self.server.search('shop', 'lamp')['hits']), 10)
        thread.join()
        self.assertEqual(told[0].returncode, 0, told[0].stderr)
        self.assertEqual(self.server.search('shop', '', '-k', 0)['found'], COUNT + puts)
        self.server.check_data()
        return slowest, time.monotonic() - began, puts

    def test_changes_are_visible_while_an_edition_is_built(self):
        slowest, took, puts = self.changes_go_on(lambda: self.alter({'fields': [{'name': 'price', 'type': 'float'}]}))
        self.assertGreater(puts, 2, 'the alteration was over before anything was put')
        self.assertLess(slowest, took / 2, f'{puts} puts in {took:.2f} s')
        self.assertEqual({f['name']: f['type'] for f in self.describe()['schema']['fields']}['price'], 'float')
        self.assertEqual(self.describe()['edition'], 2)
        self.put(5, '--ack', 'visible')
        slowest, took, puts = None, None, self.server.souk('catalog', 'rebuild', 'shop', '--timeout', 120000)
        self.assertEqual(self.describe()['edition'], 3)
        self.assertEqual(self.state(), 0)

    def test_of_two_alterations_of_one_schema_the_second_is_refused_or_merged(self):
        for turn in range(3):
            two = [self.in_background(lambda n=n: self.alter({'fields': [{'name': f'extra{turn}{n}', 'type': 'integer'}]}, check=False))
                   for n in range(2)]
            for thread, _ in two:
                thread.join()
            fields = [f['name'] for f in self.describe()['schema']['fields']]
            for n, (_, told) in enumerate(two):
                if told[0].returncode == 0:
                    self.assertIn(f'extra{turn}{n}', fields, told)
                else:
                    self.assertTrue('CONFLICT' in told[0].stderr or 'IN_PROGRESS' in told[0].stderr, told[0].stderr)
            self.assertTrue(any(told[0].returncode == 0 for _, told in two))
        self.assertGreater(self.describe()['schema']['version'], 1)

    def test_what_does_not_fit_the_schema_to_come_is_refused_and_nothing_acked_is_lost(self):
        refused = self.alter({'fields': [{'name': 'price', 'type': 'keyword'}]}, check=False)
        self.assertEqual(refused.returncode, 4, refused.stdout)
        self.assertIn('SCHEMA_MISMATCH', refused.stderr)
        self.assertIn('values that products have', refused.stderr)
        self.assertEqual((self.state(), self.describe()['edition']), (0, 1))
        self.put(1, '--ack', 'visible')
        # an integer field that no product has becomes a keyword: puts that give it meanwhile
        self.alter({'fields': [{'name': 'code', 'type': 'integer', 'filter': True}]})
        thread, told = self.in_background(lambda: self.alter({'fields': [{'name': 'code', 'type': 'keyword'}]}, check=False))
        acked, said = 0, set()
        while thread.is_alive():
            done = self.server.run('put', 'shop', json.dumps({**product(acked), 'code': 7}), check=False)
            acked += done.returncode == 0
            said.update([json.loads(done.stdout)['results'][0]['error']] if done.returncode == 4 and done.stdout else [])
        thread.join()
        # whether the new schema comes is not known before: what fits the old one is not wrong for good
        self.assertIn('IN_PROGRESS', said)
        self.assertLessEqual(said, {'IN_PROGRESS', 'SCHEMA_MISMATCH'})
        self.put(COUNT, '--ack', 'visible')
        r = self.server.search('shop', '', '-k', 0, '--filter', 'exists(code)')
        self.assertEqual(r['found'], acked)
        self.server.check_data()

    def test_a_rebuild_that_was_cut_off_is_made_by_the_next_writer(self):
        self.in_background(lambda: self.alter({'fields': [{'name': 'price', 'type': 'float'}]}, check=False))
        wait_until(lambda: self.state() == 3, 20, 'it is being built')
        self.put(COUNT)
        self.server.kill_child('writer 0')
        wait_until(lambda: self.describe()['edition'] == 2, 60, 'the next writer made it')
        self.assertEqual({f['name']: f['type'] for f in self.describe()['schema']['fields']}['price'], 'float')
        self.assertEqual(self.server.search('shop', '', '-k', 0)['found'], COUNT + 1)
        wait_until(lambda: self.state() == 0, 10, 'it is told')
        self.alter({'fields': [{'name': 'more', 'type': 'integer'}]})

    def test_a_catalog_can_be_dropped_while_an_edition_is_built(self):
        self.in_background(lambda: self.server.run('catalog', 'rebuild', 'shop', check=False))
        wait_until(lambda: self.state() == 3, 20, 'it is being built')
        self.server.souk('catalog', 'drop', 'shop')
        self.server.import_lines('shop', [product(1)], '--ack', 'visible')
        self.assertEqual(self.server.search('shop', 'lamp')['found'], 1)

    def test_four_rebuilds_at_once_are_made_one_after_the_other(self):
        """They take longer than a request usually waits; who says how long he waits is told when it is over."""
        with Server() as s:
            lines = [{'id': f'p{i}', 'title': f'lamp {i}', 'text': ' '.join(f'{(i * 131 + k) * 2654435761 % 2**32:x}' for k in range(60))}
                     for i in range(3000)]
            for i in range(4):
                s.import_lines(f'c{i}', lines)
            hasty = s.run('catalog', 'rebuild', 'c0', '--timeout', 50, check=False)
            self.assertIn('DEADLINE', hasty.stderr)
            self.assertIn('IN_PROGRESS', s.run('catalog', 'rebuild', 'c0', check=False).stderr)
            rebuilds = [s.spawn('catalog', 'rebuild', f'c{i}') for i in range(1, 4)]
            for r in rebuilds:
                out, err = r.communicate(timeout=200 * SLACK)
                self.assertEqual(r.returncode, 0, err)
                self.assertGreaterEqual(json.loads(out)['edition'], 2)
            wait_until(lambda: s.json('catalog', 'describe', 'c0')['edition'] >= 2, 30, 'and the one nobody waited for')


if __name__ == '__main__':
    unittest.main()
