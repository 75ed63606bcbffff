"""Each degrade level, pinned by hand: exactly its features are off, and replies say which."""
import unittest

import souk_wire as wire
from souk_system import Server, wait_until

RICH = ['--facet', 'color', '--highlight', 'title', '-k', '20', '--offset', '90']


class Degrade(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(fronts=2).start()
        cls.server.import_lines('shop', [{'id': str(i), 'title': f'running shoe {i}', 'color': ['red', 'blue'][i % 2]}
                                         for i in range(200)], '--ack', 'visible')

    @classmethod
    def tearDownClass(cls):
        cls.server.souk('degrade', 'auto')
        cls.server.stop()
        cls.server.remove()

    def pin(self, level):
        self.server.souk('degrade', 'pin', level)
        want = 0 if level == 'auto' else level
        wait_until(lambda: all(str(v) == str(want) for k, v in self.server.json('degrade', 'status').items()
                               if k.startswith('front.') and k.endswith('.level')), 5, f'all fronts at level {level}')

    def left_out(self, level, *query):
        """Pins and searches; what the reply says was left out, and the reply."""
        self.pin(level)
        reply = self.server.search('shop', *query, '--no-cache')
        return set(reply['degraded']), reply

    def test_each_level_leaves_out_exactly_its_features(self):
        expected = [set(), {'highlights'}, {'highlights', 'typo_distance', 'deep_pages'},
                    {'highlights', 'typo_distance', 'deep_pages', 'facets'},
                    {'highlights', 'deep_pages', 'facets', 'typos', 'relaxed'}]
        for level, words in enumerate(expected):
            with self.subTest(level=level):
                degraded, reply = self.left_out(level, 'running shoe', *RICH)
                self.assertEqual(degraded, words)
                self.assertEqual(reply.get('level', 0), level)
                self.assertEqual(reply['found'], 200)
                self.assertEqual(len(reply['hits']), 20 if level < 2 else 10)
                self.assertEqual(bool(reply['facets']), level < 3)
                self.assertEqual('highlight' in str(reply['hits'][0]), level < 1)

    def test_a_plain_search_loses_nothing_before_level_2(self):
        for level in 0, 1:
            degraded, reply = self.left_out(level, 'shoe', '-k', '5')
            self.assertEqual(degraded, set())
            self.assertEqual(len(reply['hits']), 5)

    def test_typos_are_found_up_to_level_3(self):
        for level in 0, 1, 2, 3:
            self.assertGreater(self.left_out(level, 'runing')[1]['found'], 0, f'level {level}')
        self.assertEqual(self.left_out(4, 'runing')[1]['found'], 0)

    def test_two_edits_are_found_up_to_level_1(self):
        self.assertGreater(self.left_out(1, 'ruming shue', '--match', 'any', '--typos', '2')[1]['found'], 0)

    def status(self, connection, opcode, body, **options):
        return wire.STATUSES[connection.call(opcode, body, check=False, **options).status]

    def test_what_is_not_a_page_goes_at_its_own_level(self):
        """SUGGEST at C1; SCAN and background searches that are not cached at C4; each works one level before."""
        search = wire.tlv('SEARCH', 'CATALOG', 'shop') + wire.tlv('SEARCH', 'TEXT', 'shoe') + wire.tlv('SEARCH', 'NO_CACHE', 1)
        asked = {'SUGGEST': (1, wire.tlv('SUGGEST', 'CATALOG', 'shop') + wire.tlv('SUGGEST', 'TEXT', 'run'), 0),
                 'SCAN': (4, wire.tlv('SCAN', 'CATALOG', 'shop'), 0),
                 'SEARCH': (4, search, wire.FLAGS['CLASS_BACKGROUND'])}
        for level in range(5):
            self.pin(level)
            with wire.Connection(('127.0.0.1', self.server.port)) as c:
                for opcode, (off, body, flags) in asked.items():
                    with self.subTest(level=level, opcode=opcode):
                        self.assertEqual(self.status(c, opcode, body, flags=flags), 'OVERLOADED' if level >= off else 'OK')
                self.assertEqual(self.status(c, 'SEARCH', search), 'OK')

    def test_synonyms_are_looked_up_up_to_level_1(self):
        self.server.souk('synonyms', 'set', 'shop', 'shoes', 'sneaker => shoe')
        self.addCleanup(self.server.souk, 'synonyms', 'remove', 'shop', 'shoes')
        self.pin(0)
        wait_until(lambda: self.server.search('shop', 'sneaker', '--no-cache')['found'] == 200, 5, 'the synonym holds')
        for level in range(5):
            self.assertEqual(self.left_out(level, 'sneaker')[1]['found'], 200 if level < 2 else 0, f'level {level}')

    def test_a_level_that_does_not_exist_is_refused(self):
        self.assertNotEqual(self.server.run('degrade', 'pin', '5', check=False).returncode, 0)
        self.assertNotEqual(self.server.run('degrade', 'up', check=False).returncode, 0)

    def test_a_cursor_holds_whatever_the_level(self):
        for before in range(5):
            cursor = self.left_out(before, 'running shoe', '-k', '5')[1]['cursor']
            for level in 0, 4:
                reply = self.left_out(level, 'running shoe', '-k', '5', '--cursor', cursor)[1]
                self.assertEqual(len(reply['hits']), 5, (before, level))

    def test_auto_ends_the_pin(self):
        self.pin(3)
        self.assertEqual(self.server.json('degrade', 'status')['pinned'], 3)
        self.server.souk('degrade', 'auto')
        self.assertEqual(self.server.json('degrade', 'status')['pinned'], 'no')
        self.pin('auto')

    def test_the_level_of_every_front_is_in_the_stats(self):
        self.pin(2)
        rows = self.server.stats()
        levels = [v for k, v in rows.items() if k.endswith('front.degrade')]
        self.assertEqual(levels, [2, 2])


if __name__ == '__main__':
    unittest.main(verbosity=2)
