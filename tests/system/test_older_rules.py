"""An edition that other rules of words made: it is served as it is, takes changes, and is made anew behind."""
import json
import os
import threading
import unittest

from souk_system import BIN, Server, wait_until

OLDER = os.path.join(os.path.dirname(BIN), 'tests', 'soukd_older_rules')
COUNT = 9000


def product(i, title='lamp'):
    return {'id': f'p{i}', 'title': f'{title} number {i} of a long row', 'text': ' '.join(f'word{i * k % 5003}' for k in range(40))}


@unittest.skipUnless(os.path.exists(OLDER), 'the test build is not built')
class OlderRules(unittest.TestCase):
    def setUp(self):
        older = Server(soukd=OLDER, fronts=1).start()
        older.import_lines('shop', [*(product(i) for i in range(COUNT)), product(COUNT, 'rice 5㎏'), product(COUNT + 1, 'rice 5kg')])
        self.assertEqual(self.found(older, 'rice'), 2)
        self.assertEqual(self.found(older, '5kg'), 1)
        older.run('put', 'shop', json.dumps(product(COUNT + 2, 'rice 5㎏')), '--ack', 'visible')
        self.assertEqual(older.stop(), 0)
        older.log.close()
        self.server = Server(data=older.data, fronts=1)
        self.server.keep_data = False
        self.addCleanup(self.server.remove)

    def found(self, server, words):
        return server.search('shop', words, '--match', 'all', '-k', 0)['found']

    def edition(self):
        return self.server.json('catalog', 'describe', 'shop')['edition']

    def test_it_is_searched_and_changed_until_the_new_one_is_there(self):
        self.server.start()
        self.addCleanup(self.server.stop)
        wait_until(lambda: 'made anew behind' in self.server.log_text(), 10, 'it is told')
        over, wrong, searches = threading.Event(), [], 0

        def change():  # a product that the other rules gave other words goes, another comes
            self.server.run('delete', 'shop', f'p{COUNT + 2}', '--ack', 'visible')
            self.server.run('put', 'shop', json.dumps(product(COUNT + 3, 'rice 5㎏')), '--ack', 'visible')
            over.set()

        thread = threading.Thread(target=change)
        thread.start()
        while not over.is_set() or self.edition() == 1:
            searches += 1
            for words, low, high in (('lamp', COUNT, COUNT), ('rice', 2, 3), ('5kg', 1, 3)):
                found = self.found(self.server, words)
                if not low <= found <= high:
                    wrong.append((words, found))
        thread.join()
        self.assertGreater(searches, 1)
        self.assertEqual(wrong, [])
        wait_until(lambda: self.edition() == 2, 60, 'it is made anew')
        for words in ('5kg', '5㎏', 'rice 5kg'):
            wait_until(lambda: self.found(self.server, words) == 3, 5, f'{words} finds all')
        self.assertEqual(self.found(self.server, 'lamp'), COUNT)
        self.server.check_data()

    def test_the_new_one_is_not_made_again(self):
        self.server.start()
        wait_until(lambda: self.edition() == 2, 60, 'it is made anew')
        self.assertEqual(self.server.stop(), 0)
        warnings = self.server.log_text().count('made anew behind')
        self.server.start()
        self.addCleanup(self.server.stop)
        self.assertEqual(self.found(self.server, '5kg'), 3)
        self.assertEqual((self.edition(), self.server.log_text().count('made anew behind')), (2, warnings))


if __name__ == '__main__':
    unittest.main()
