"""The souk command line: what it refuses before it asks a server, and how it says so."""
import json
import os
import re
import subprocess
import tempfile
import unittest

from souk_system import BIN, SOURCE, Server


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.server.import_lines('shop', [{'id': '1', 'title': 'red shoe', 'price': 5}, {'id': '2', 'title': 'blue shoe', 'price': 7}])

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def refused(self, *arguments, says=(), code=2):
        done = self.server.run(*arguments, check=False)
        self.assertEqual(done.returncode, code, (arguments, done.stdout, done.stderr))
        for word in says:
            self.assertIn(word, done.stderr, arguments)
        return done.stderr

    # --- options ----------------------------------------------------------------------------------

    def test_numbers_out_of_bounds_are_refused_with_their_bounds(self):
        for option in ('--ttl', '--swr', '--sie'):
            for value in ('abc', '-1', '1.5', '', ' 5', '+5', '99999999999999999', '9' * 40):
                self.refused('put', 'shop', '{"id":"9"}', f'{option}={value}', says=(option, '0 to 3153600000000'))
        self.assertEqual(self.server.run('get', 'shop', '9', check=False).returncode, 4)
        self.refused('search', 'shop', '-k', 'many', says=('--k', '4294967295'))
        self.refused('search', 'shop', '--offset', '4294967296', says=('--offset', '4294967295'))
        self.refused('ping', '--timeout', '3600001', says=('--timeout', '3600000'))
        self.refused('wait', 'shop', '-3')
        self.server.souk('put', 'shop', '{"id":"8"}', '--ttl', '5000', '--swr', '0', '--ack', 'visible')
        self.server.souk('delete', 'shop', '8', '--ack', 'visible')

    def test_options_a_command_does_not_know_are_named(self):
        self.refused('search', 'shop', 'x', '--schema', 'y', says=("'search'", '--schema'))
        self.refused('ping', '--ttl', '5', says=("'ping'", '--ttl'))
        self.refused('get', 'shop', '1', '--facet', 'brand', says=("'get'", '--facet'))

    def test_surplus_words_are_named(self):
        for words in (('ping', 'extra'), ('stats', 'extra'), ('info', 'extra'), ('catalog', 'list', 'extra'),
                      ('catalog', 'describe', 'shop', 'extra'), ('put', 'shop', '{"id":"9"}', 'extra'), ('wait', 'shop', '1', 'extra'),
                      ('upstream', 'remove', 'shop', 'a', 'extra'), ('eval', 'shop', 'extra', '--queries', 'q', '--qrels', 'r'), ('synonyms', 'list', 'shop', 'extra'),
                      ('rules', 'get', 'shop', 'a', 'extra'), ('queries', 'shop', 'extra'), ('export', '--catalog', 'shop', 'extra')):
            self.refused(*words, says=("'extra'",))

    def test_what_is_wrong_is_named(self):
        self.refused('put', 'shop', '{"id":"9"}', '--ack', 'bogus', says=('--ack', 'visible'))
        self.refused('delete', 'shop', '9', '--ack', 'bogus', says=('--ack', 'visible'))
        self.refused('search', 'shop', 'shoe', '--queries', 'q', says=('--queries',))
        self.refused('eval', 'shop', '--queries', 'q', '--qrels', 'r', '-k', '5', says=("'eval'", '--k'))
        self.refused('fetch', says=("unknown command 'fetch'",))
        for port in '99999', '65536', '0', 'http', '-1', '':
            self.refused('--server', f'127.0.0.1:{port}', 'ping', says=('127.0.0.1:', 'port'))

    def test_a_delete_by_filter_is_visible_when_it_was_asked_to_be(self):
        rows = [{'id': f'd{i}', 'title': 'lamp', 'price': i} for i in range(20000)]
        self.server.import_lines('many', rows)
        for turn in range(3):
            told = self.server.json('delete', 'many', '--filter', f'price >= {15000 - turn * 4000}', '--ack', 'visible')
            self.assertEqual(told['deleted'], 5000 if turn == 0 else 4000)
            self.assertEqual(self.server.search('many', '', '-k', 0)['found'], 15000 - turn * 4000)

    def test_a_setting_without_a_name_is_refused(self):
        """It was taken, and then every search of the catalog went round and round in it."""
        for kind in ('synonyms', 'stopwords', 'rules', 'profile'):
            text = 'query shoe\nhide 1' if kind == 'rules' else 'near 1' if kind == 'profile' else 'shoe, boot'
            self.refused(kind, 'set', 'shop', '', text, says=('a setting has a name',), code=4)
            self.assertEqual(self.server.souk(kind, 'list', 'shop'), '')
        self.assertEqual(self.server.search('shop', 'shoe')['found'], 2)

    def test_an_empty_filter_deletes_nothing(self):
        for text in ('', '  '):
            self.refused('delete', 'shop', '--filter', text, says=('--filter',))
        self.assertEqual(self.server.search('shop')['found'], 2)

    def test_files_of_eval_that_are_not_as_they_should_be_are_refused(self):
        def evaluate(queries, qrels):
            with tempfile.TemporaryDirectory() as folder:
                paths = [os.path.join(folder, name) for name in ('q', 'r')]
                for path, text in zip(paths, (queries, qrels)):
                    with open(path, 'wb') as f:
                        f.write(text)
                return self.server.run('eval', 'shop', '--queries', paths[0], '--qrels', paths[1], '--json', check=False)
        good = b'q1\tshoe\n\nq2\tboot\n', b'q1\t1\t3\texact\nq1\t2\t0\n\nother\t1\t2\n'
        self.assertEqual(json.loads(evaluate(*good).stdout)['queries'], 1)
        for queries, qrels, code, says in (
                (b'q1 shoe\n', good[1], 2, '"line":1'), (b'q1\tshoe\n\tx\n', good[1], 2, '"line":2'), (good[0], b'q1\t1\n', 2, '"line":1'),
                (good[0], b'q1\t1\t3\nq1\t2\tx\n', 2, '"line":2'), (good[0], b'q1\t1\t4\n', 2, 'grade'), (good[0], b'q1\t1\t-1\n', 2, 'grade'),
                (good[0], b'q1\t1\t2.5\n', 2, 'grade'), (good[0], b'q1\t1\t\n', 2, 'grade'), (good[0], b'q1\t1\t3\nq1\t1\t0\n', 2, 'two grades'),
                (good[0], b'q9\t1\t3\n', 2, 'above 0'), (good[0], b'', 2, 'above 0'), (b'', good[1], 2, 'above 0'), (b'q1\tshoe\nq1\t\xff\n', good[1], 4, '"line":2')):
            done = evaluate(queries, qrels)
            self.assertEqual((done.returncode, done.stdout), (code, ''), (queries, qrels, done.stderr))
            self.assertIn(says, done.stderr)

    # --- tables -----------------------------------------------------------------------------------

    def test_what_steers_a_terminal_is_not_printed(self):
        evil = 'lamp \x1b[31mred\x1b[0m\x07 \u009b2J two\nlines \x7f end'
        self.server.import_lines('evil', [{'id': '1', 'title': evil, 'brand': 'b\x1b]0;x\x07'}])
        out = self.server.souk('search', 'evil', 'lamp', '--facet', 'brand', '--highlight', 'title', '--explain')
        self.assertIn('lamp  [31mred', out)
        self.assertNotRegex(out, '[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f]')
        self.assertNotIn('\nlines', out)
        self.assertEqual(self.server.search('evil', 'lamp')['hits'][0]['product']['title'], evil)
        out = self.server.souk('suggest', 'evil', 'lam', '--products', '3')
        self.assertNotRegex(out, '[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f]')

    # --- what is told -----------------------------------------------------------------------------

    def test_every_command_of_the_help_is_on_the_man_page(self):
        commands = set(re.findall(r'^  souk ([a-z-]+) ?', self.server.souk('--help').split('Examples')[0], re.M))
        with open(os.path.join(SOURCE, 'docs', 'man', 'souk.1.scd'), encoding='utf-8') as f:
            page = f.read().partition('# COMMANDS')[2].partition('# EXIT')[0]
        self.assertGreater(len(commands), 15)
        self.assertEqual([c for c in commands if f'*{c}' not in page], [])

    def test_help_of_a_command_tells_its_own_options_and_an_example(self):
        told = self.server.souk('put', '--help')
        self.assertRegex(told, r"^Usage: souk put CATALOG")
        self.assertIn('--patch', told)
        self.assertIn('--server', told)
        self.assertNotIn('--facet', told)
        self.assertRegex(told, r'Example:\n  souk put shop ')
        self.refused('fetch', '--help', says=("unknown command 'fetch'",))

    def test_a_refused_export_leaves_the_file_as_it_was(self):
        path = os.path.join(self.server.data, 'kept.jsonl')
        with open(path, 'w') as f:
            f.write('earlier\n')
        self.refused('export', '--catalog', 'nowhere', '-o', path, code=4)
        with open(path) as f:
            self.assertEqual(f.read(), 'earlier\n')
        self.server.souk('export', '--catalog', 'shop', '-o', path)
        with open(path) as f:
            self.assertEqual(sum(1 for _ in f), 2)

    # --- errors -----------------------------------------------------------------------------------

    def test_the_place_of_a_filter_error_is_told_once(self):
        told = self.refused('search', 'shop', '--filter', 'price <', code=4)
        self.assertEqual(told.count('at byte'), 1, told)

    def test_errors_are_json_when_json_is_asked_for(self):
        for words, error in ((('search', 'nowhere', '--json'), 'UNKNOWN_CATALOG'), (('ping', 'extra', '--json'), 'INVALID'),
                             (('search', 'shop', '--filter', 'nofield = 1', '--json'), 'UNKNOWN_FIELD')):
            done = self.server.run(*words, check=False)
            self.assertEqual(done.stdout, '')
            told = json.loads(done.stderr)
            self.assertEqual((told['error'], told['class'], told['retryable']), (error, 'client', False))
            self.assertTrue(told['message'])
            self.assertLessEqual({'field', 'retry_after_ms'}, set(told))

    def test_json_is_told_when_json_is_asked_for(self):
        self.server.souk('synonyms', 'set', 'shop', 'seats', 'sofa, couch')
        self.server.souk('stopwords', 'set', 'shop', 'few', 'the a')
        for words in (('--version',), ('ping',), ('info',), ('stats',), ('degrade', 'status'), ('catalog', 'list'), ('catalog', 'describe', 'shop'),
                      ('wait', 'shop', '0'), ('upstream', 'list'), ('safe-mode', 'status', '--catalog', 'shop'), ('search', 'shop'),
                      ('delete', 'shop', '--filter', 'id = nothing')):
            out = self.server.run(*words, '--json').stdout
            self.assertTrue(out.strip(), words)
            for line in out.splitlines():
                json.loads(line)
        self.assertIsInstance(self.server.json('degrade', 'status')['level'], int)
        told = [json.loads(line) for line in self.server.run('catalog', 'settings', 'shop').stdout.splitlines()]
        self.assertEqual([(t['kind'], t['key']) for t in told], [('synonyms', 'seats'), ('stopwords', 'few')])
        done = subprocess.run([os.path.join(BIN, 'soukd'), '--version', '--json'], capture_output=True, text=True, check=True)
        self.assertEqual(json.loads(done.stdout)['version'], self.server.json('--version')['version'])

    def test_what_is_done_in_part_has_a_code_of_its_own(self):
        one = self.server.search('shop')['hits'][0]['id']
        for ids, code in ((one,), 0), ((one, 'nothing'), 5), (('nothing',), 4):
            self.assertEqual(self.server.run('get', 'shop', *ids, check=False).returncode, code, ids)

    def test_a_line_of_a_query_file_that_is_none_is_told(self):
        done = self.server.run('search', 'shop', '--queries', '/dev/stdin', input='q1\tred\n\nno tab\nq2\tblue\n', check=False)
        self.assertEqual(done.returncode, 5, done.stderr)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([(t['qid'], t.get('found'), t.get('error')) for t in told], [('q1', 1, None), ('no tab', None, 'SYNTAX'), ('q2', 1, None)])
        self.assertIn('line 3', done.stderr)


if __name__ == '__main__':
    unittest.main()
