"""souk import with real processes: kinds of files, what is inferred, what is refused, kills in the middle, and going
on where it stopped."""
import gzip
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from souk_system import BIN, Server, shared_data, wait_until


def lines(count, start=0):
    return [{'id': f'p{i}', 'title': f'Blue chair number {i}', 'price': i % 90 + 0.5, 'stock': i % 7}
            for i in range(start, start + count)]


class Import(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.folder = tempfile.mkdtemp(prefix='souk-import-')

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def path(self, name, text, mode='w'):
        path = os.path.join(self.folder, name)
        with open(path, mode, **({} if 'b' in mode else {'encoding': 'utf-8'})) as f:
            f.write(text)
        return path

    def jsonl(self, name, products):
        return self.path(name, ''.join(json.dumps(p, ensure_ascii=False) + '\n' for p in products))

    def load(self, catalog, path, *options, check=True, **more):
        done = self.server.run('import', '--catalog', catalog, path, *options, check=check, **more)
        return done if not check else json.loads(done.stdout)

    def lines_of(self, path):
        with open(path, encoding='utf-8') as f:
            return [json.loads(line) for line in f]

    def fields(self, catalog):
        described = self.server.json('catalog', 'describe', catalog)['schema']
        return {f['name']: f for f in described['fields']}

    # --- kinds of files ---------------------------------------------------------------------------

    def test_every_kind_of_file_gives_the_same_catalog(self):
        products = lines(1500)
        text = ''.join(json.dumps(p) + '\n' for p in products)
        csv = 'id,title,price,stock\n' + ''.join(f'{p["id"]},"{p["title"]}",{p["price"]},{p["stock"]}\n' for p in products)
        files = [self.path('a.jsonl', text), self.path('a.jsonl.gz', gzip.compress(text.encode()), 'wb'),
                 self.path('a.csv', csv), self.path('a.csv.gz', gzip.compress(csv.encode()), 'wb')]
        if shutil.which('zstd'):
            for name in ('a.jsonl', 'a.csv'):
                subprocess.run(['zstd', '-qf', os.path.join(self.folder, name)], check=True)
                files.append(os.path.join(self.folder, name + '.zst'))
        want = None
        for number, path in enumerate(files):
            catalog = f'kind{number}'
            self.assertEqual(self.load(catalog, path)['applied'], 1500, path)
            export = sorted(self.server.souk('export', '--catalog', catalog).splitlines())
            want = want or export
            self.assertEqual(export, want, path)
        for name, piped in (('stdin', text), ('stdin_csv', csv)):
            self.server.souk('import', '--catalog', name, '-', input=piped)
            self.assertEqual(sorted(self.server.souk('export', '--catalog', name).splitlines()), want)

    def test_of_a_packed_file_that_is_cut_off_what_was_read_stays(self):
        text = ''.join(json.dumps(p) + '\n' for p in lines(2000)).encode()
        files = {'gz': gzip.compress(text)}
        if shutil.which('zstd'):
            files['zst'] = subprocess.run(['zstd', '-qc', '-B16384'], input=text, capture_output=True, check=True).stdout
        for kind, packed in files.items():
            for turn in ('new', 'old'):  # the schema is inferred, then there
                done = self.load(f'cut_{kind}', self.path(f'cut.jsonl.{kind}', packed[:-200], 'wb'), check=False)
                self.assertEqual(done.returncode, 5, (kind, turn, done.stderr))
                self.assertIn('cut off', done.stderr)
                told = json.loads(done.stdout)
                self.assertTrue(kind == 'zst' or 0 < told['applied'] < 2000, told)
                self.assertEqual(self.server.search(f'cut_{kind}', '', '-k', 0)['found'], told['applied'])
        done = self.load('cut_none', self.path('none.jsonl.gz', files['gz'][:12], 'wb'), check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn('cut off', done.stderr)

    def test_a_byte_order_mark_is_no_part_of_the_first_line(self):
        mark = b'\xef\xbb\xbf'
        for name, text in (('bom_json', b'{"id":"1","title":"chair"}\n'), ('bom_csv', b'id,title\n1,chair\n'), ('bom_quoted', b'"id","title"\n1,chair\n')):
            for suffix in ('txt', 'csv' if 'json' not in name else 'jsonl'):
                self.load(f'{name}_{suffix}', self.path(f'{name}.{suffix}', mark + text, 'wb'))
                self.assertEqual(self.server.json('get', f'{name}_{suffix}', '1')['product'], {'id': '1', 'title': 'chair'})

    def test_csv_may_be_parted_by_semicolons_or_tabs(self):
        for name, mark in (('semicolon', ';'), ('tab', '\t')):
            rows = [['id', 'title', 'price'], ['1', f'"a, b{mark} c"', '1.5'], ['2', 'd', '2']]
            self.load(name, self.path(f'{name}.csv', ''.join(mark.join(r) + '\n' for r in rows)))
            self.assertEqual(self.server.json('get', name, '1')['product'], {'id': '1', 'title': f'a, b{mark} c', 'price': 1.5})

    def test_columns_of_csv_without_a_name_are_left_out(self):
        path = self.path('unnamed.csv', '\n \n id ,title,,\n1,chair,,\n2,lamp,x,y\n3,desk\n')
        self.load('unnamed', path)
        self.assertEqual(list(self.fields('unnamed')), ['title'])
        self.assertEqual(sorted(h['id'] for h in self.server.search('unnamed', '')['hits']), ['1', '2', '3'])

    def test_a_header_of_csv_that_spoils_every_line_is_told_once(self):
        for name, text, says in (('noid', 'title,brand\nchair,Acme\n', 'no column id'), ('upper', 'ID,title\n1,chair\n', 'no column id'),
                                 ('twice', '\nid,title,title\n1,a,b\n', 'twice'), ('mac', 'id,title\r1,chair\r', 'control character'),
                                 ('json', '{"id":1}\n', 'no column id'), ('latin', b'id,gr\xf6\xdfe\n1,2\n', 'UTF-8')):
            with self.subTest(name=name):
                path = self.path(f'{name}.csv', text, 'wb' if isinstance(text, bytes) else 'w')
                done = self.load(f'header_{name}', path, check=False)
                self.assertNotIn(done.returncode, (0, 5))
                self.assertIn(says, done.stderr)
                self.assertFalse(os.path.exists(path + '.errors.jsonl'))
                self.assertNotIn(f'header_{name}', self.server.souk('catalog', 'list'))

    def test_quoted_cells_of_csv_may_hold_commas_quotes_and_line_ends(self):
        path = self.path('q.csv', 'id,title\n1,"a ""fine"", long\nchair"\n2,plain\n')
        self.assertEqual(self.load('quoted', path)['applied'], 2)
        self.assertEqual(self.server.json('get', 'quoted', '1')['product']['title'], 'a "fine", long\nchair')

    def test_a_quote_that_is_never_closed_costs_one_look_and_tells_which_lines_it_took(self):
        rows = [f'{i},{chr(34) if i == 500 else ""}lamp {i},a text of some words behind it' for i in range(1, 60001)]
        path = self.path('stray.csv', 'id,title,note\n' + '\n'.join(rows) + '\n')
        done = self.load('stray', path, check=False, timeout=20)
        self.assertEqual((done.returncode, json.loads(done.stdout)['applied']), (5, 499), done.stderr)
        told = self.lines_of(path + '.errors.jsonl')
        self.assertEqual([e['line'] for e in told], [501])
        self.assertIn('the record is lines 501 to 60001', told[0]['message'])

    def test_the_first_cell_without_a_column_is_told(self):
        path = self.path('more.csv', 'id,title\n1,chair\n2,chair,blue,7\n')
        self.assertEqual(self.load('more', path, check=False).returncode, 5)
        told = self.lines_of(path + '.errors.jsonl')
        self.assertEqual([(e['line'], e['column']) for e in told], [(3, 3)])

    # --- what is inferred -------------------------------------------------------------------------

    def test_types_widen_and_fields_may_come_late(self):
        products = [{'id': str(i), 'title': f'thing {i}', 'whole': i, 'half': i, 'code': i} for i in range(1200)]
        products[-1] |= {'half': 0.5, 'code': 'A-1', 'late': True}
        self.load('widen', self.jsonl('widen.jsonl', products))
        fields = self.fields('widen')
        self.assertEqual({n: fields[n]['type'] for n in ('whole', 'half', 'code', 'late')},
                         {'whole': 'integer', 'half': 'float', 'code': 'keyword', 'late': 'boolean'})
        self.assertEqual(self.server.search('widen', '', '--filter', 'code = "7"')['found'], 1)
        self.assertEqual(self.server.search('widen', '', '--filter', 'late = true')['found'], 1)

    def test_numbers_in_keywords_stay_as_they_are_written(self):
        lines = ['{"id":"1","title":"a","code":1.50,"serial":18446744073709551617,"tags":[1.10,"x"]}',
                 '{"id":"2","title":"b","code":"A","serial":98765432109876543210,"tags":["y"]}']
        self.load('written', self.path('written.jsonl', '\n'.join(lines) + '\n'))
        fields = self.fields('written')
        self.assertEqual((fields['code']['type'], fields['serial']['type']), ('keyword', 'keyword'))
        for words in 'code = "1.50"', 'serial = "18446744073709551617"', 'tags = "1.10"':
            self.assertEqual(self.server.search('written', '', '--filter', words)['found'], 1, words)

    def test_one_odd_line_does_not_decide_for_the_others(self):
        products = [{'id': str(i), 'price': i, 'attrs': {'size': i}} for i in range(20)]
        products[7]['price'] = {'eur': 7}
        products[9]['attrs'] = 'none'
        done = self.load('odd', self.jsonl('odd.jsonl', products), check=False)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertEqual(json.loads(done.stdout)['applied'], 18)
        types = {name: f['type'] for name, f in self.fields('odd').items()}
        self.assertEqual((types['price'], types['attrs']), ('integer', 'attributes'))

    def test_one_long_value_makes_no_prose_of_short_ones(self):
        rows = [{'id': str(i), 'maker': f'maker {i % 5}', 'story': 'it was a dark and stormy night over the sea'} for i in range(60)]
        rows.append({'id': 'odd', 'maker': 'words ' * 500})
        self.load('prose', self.jsonl('prose.jsonl', rows))
        self.assertEqual({n: f['type'] for n, f in self.fields('prose').items()}, {'maker': 'keyword', 'story': 'text'})

    def test_a_name_no_field_can_have_is_told(self):
        done = self.load('names', self.jsonl('names.jsonl', [{'id': '1', 'title': 'x', 'shoe size': 5}]), check=False)
        self.assertIn("'shoe size'", done.stderr)

    def test_a_nested_object_is_one_field_of_attributes(self):
        products = [{'id': '1', 'title': 'ink', 'attrs': {'type': 'Original', 'volume': 175, 'box': {'width': 56}}},
                    {'id': '2', 'title': 'ink', 'attrs': {'type': 'Compatible', 'volume': 'large'}},
                    {'id': '3', 'title': 'ink', 'attrs': {'volume': 12.5, 'tags': ['a', 'b']}}]
        self.load('attrs', self.jsonl('attrs.jsonl', products))
        self.assertEqual(self.fields('attrs')['attrs']['type'], 'attributes')
        self.assertEqual(self.server.search('attrs', '', '--filter', 'attrs.type = "Original"')['found'], 1)
        self.assertEqual(self.server.search('attrs', '', '--filter', 'attrs.volume >= 12')['found'], 2)
        self.assertEqual(self.server.search('attrs', '', '--filter', 'attrs.box.width = 56')['found'], 1)
        self.assertEqual(self.server.search('attrs', 'compatible')['hits'][0]['id'], '2')
        facet = self.server.search('attrs', 'ink', '--facet', 'attrs.type')['facets']['attrs.type']['values']
        self.assertEqual({v['value']: v['count'] for v in facet}, {'Original': 1, 'Compatible': 1})

    def test_an_array_of_objects_is_attributes_with_every_value_under_its_path(self):
        products = [{'id': '1', 'title': 'shirt', 'variants': [{'sku': 'A-1', 'size': 'S', 'stock': {'shop': 3}}, {'sku': 'B-77', 'size': 'M', 'stock': {'shop': 5}}]},
                    {'id': '2', 'title': 'table', 'attrs': {'parts': [{'w': 10}, {'w': 20, 'c': 'red'}], 'tags': [['a'], ['b', 'c']]}},
                    {'id': '3', 'title': 'socks', 'sizes': [['S', 'M'], ['L']], 'variants': []},
                    *({'id': f'e{i}', 'title': 'bare', 'variants': [], 'attrs': []} for i in range(5))]
        path = self.jsonl('nested.jsonl', products)
        self.assertEqual(self.load('nested', path)['applied'], 8)
        types = {name: f['type'] for name, f in self.fields('nested').items()}
        self.assertEqual(types, {'title': 'text', 'variants': 'attributes', 'attrs': 'attributes', 'sizes': 'keyword_list'})
        product = {i: self.server.json('get', 'nested', i)['product'] for i in '123'}
        self.assertEqual(product['1']['variants'], {'sku': ['A-1', 'B-77'], 'size': ['S', 'M'], 'stock.shop': [3, 5]})
        self.assertEqual(product['2']['attrs'], {'parts.w': [10, 20], 'parts.c': 'red', 'tags': ['a', 'b', 'c']})
        self.assertEqual(product['3'], {'id': '3', 'title': 'socks', 'sizes': ['S', 'M', 'L']})
        self.server.souk('put', 'nested', json.dumps({'id': '9', 'title': 'put', 'variants': [{'sku': 'C-5'}, {'sku': 'C-6'}]}), '--ack', 'visible')
        self.assertEqual(self.server.json('get', 'nested', '9')['product']['variants'], {'sku': ['C-5', 'C-6']})
        for f in ('variants.sku = "B-77"', 'variants.stock.shop = 5', 'attrs.parts.w >= 15', 'sizes = L'):
            self.assertEqual(self.server.search('nested', '', '--filter', f)['found'], 1, f)
        self.assertEqual([h['id'] for h in self.server.search('nested', 'b-77')['hits']], ['1'])
        exported = self.path('nested2.jsonl', self.server.souk('export', '--catalog', 'nested'))
        self.load('nested2', exported)  # what was exported is the same again
        self.assertEqual(sorted(self.server.souk('export', '--catalog', 'nested2').split('\n')),
                         sorted(self.server.souk('export', '--catalog', 'nested').split('\n')))

    def test_categories_written_in_one_cell_are_paths(self):
        path = self.path('paths.csv', 'id,title,category,kind\n1,boot,Shoes > Boots,a > b\n2,lamp,Home > Light > Lamps,c\n3,sock,Socks,d\n')
        self.load('paths', path)
        types = {name: f['type'] for name, f in self.fields('paths').items()}
        self.assertEqual((types['category'], types['kind']), ('path', 'keyword'))
        self.assertEqual(self.server.search('paths', '', '--filter', 'category under "Home > Light"')['found'], 1)
        facet = self.server.search('paths', '', '--facet', 'category')['facets']['category']['values']
        self.assertEqual({v['value'] for v in facet}, {'Shoes', 'Shoes > Boots', 'Home', 'Home > Light', 'Home > Light > Lamps', 'Socks'})
        self.load('flat', self.path('flat.csv', 'id,category\n1,Shoes\n2,Home\n3,A > B\n'))
        self.assertEqual(self.fields('flat')['category']['type'], 'keyword')

    def test_a_pipe_is_read_like_a_file(self):
        path = os.path.join(self.folder, 'pipe')
        os.mkfifo(path)
        writer = subprocess.Popen(['sh', '-c', f'printf \'{{"id":"1","title":"piped"}}\\n\' > {path}'])
        self.assertEqual(self.load('piped', path)['applied'], 1)
        writer.wait()
        self.assertEqual(self.server.search('piped', 'piped')['found'], 1)

    def test_a_file_without_a_product_makes_no_catalog(self):
        for name, text, lines, status in (('void.jsonl', '', 0, 2), ('head.csv', 'id,title\n', 0, 2), ('bad.jsonl', '{"title":"no id"}\n', 1, 5)):
            path = self.path(name, text)
            done = self.load('void', path, check=False)
            self.assertEqual((done.returncode, json.loads(done.stdout)['lines']), (status, lines), done.stderr)
            self.assertIn('was not created', done.stderr)
            self.assertEqual(os.path.exists(path + '.errors.jsonl'), lines > 0)
        self.assertEqual(self.load('void', self.jsonl('full.jsonl', [{'id': '1', 'title': 'x'}]))['applied'], 1)
        self.load('void', self.path('void2.jsonl', ''))  # nothing to add to what is there

    def test_icecat_with_its_thousands_of_keys(self):
        path = shared_data('icecat', 'products.jsonl.zst')
        if not path:
            self.skipTest('the shared data is not there')
        told = self.load('icecat', path, '--quiet')
        self.assertEqual(told['failed'], 0)
        self.assertGreater(self.server.search('icecat', '', '--filter', 'attrs.type = "Original"')['found'], 10)
        self.assertLess(len(self.fields('icecat')), 40)

    def test_alter_adds_a_field_and_changes_weights_online(self):
        self.load('alter', self.jsonl('alter.jsonl', lines(300)))
        described = self.server.json('catalog', 'describe', 'alter')['schema']
        described['fields'] = [dict(f, **({'weight': 9} if f['name'] == 'title' else {})) for f in described['fields']]
        described['fields'].append({'name': 'colour', 'type': 'keyword', 'filter': True, 'facet': True})
        self.server.souk('catalog', 'alter', 'alter', '--schema', self.path('alter.json', json.dumps(described)))
        self.assertEqual(self.fields('alter')['title']['weight'], 9)
        self.server.souk('put', 'alter', '--patch', '{"id":"p7","colour":"red"}', '--ack', 'visible')
        self.assertEqual([h['id'] for h in self.server.search('alter', '', '--filter', 'colour = red')['hits']], ['p7'])
        self.assertEqual(self.server.search('alter', 'chair')['found'], 300)

    def test_alter_with_a_part_of_the_schema_leaves_the_rest(self):
        self.load('part', self.jsonl('part.jsonl', lines(30)))
        before = self.fields('part')
        part = {'fields': [{'name': 'colour', 'type': 'keyword'}, {'name': 'title', 'weight': 7}]}
        told = self.server.json('catalog', 'alter', 'part', '--schema', self.path('part.json', json.dumps(part)))
        self.assertEqual((told['name'], told['products']), ('part', 30))
        self.assertEqual(told, self.server.json('catalog', 'describe', 'part'))
        after = self.fields('part')
        self.assertEqual(after.pop('colour')['type'], 'keyword')
        self.assertEqual(after, before | {'title': before['title'] | {'weight': 7}})
        bare = self.path('bare.json', '{"fields":[{"name":"size"}]}')
        self.assertEqual(self.server.run('catalog', 'alter', 'part', '--schema', bare, check=False).returncode, 2)
        self.assertEqual(self.server.json('catalog', 'drop', 'part'), {'name': 'part'})

    # --- what is refused --------------------------------------------------------------------------

    def test_a_schema_of_which_nothing_would_come_is_refused(self):
        title = {'name': 'title', 'type': 'text'}
        wrong = {'every product has an id': {'name': 'id', 'type': 'keyword'},
                 'it is relevance': {'name': '_score', 'type': 'float'},
                 'a keyword can have': title | {'sort': True}, 'a keyword': title | {'filter': True},
                 'not english': title | {'language': 'english'}, 'not en-US': title | {'language': 'en-US'}}
        self.load('sound', self.jsonl('sound.jsonl', lines(3)))
        for command, name in (('create', 'unsound'), ('alter', 'sound')):
            for told, field in wrong.items():
                done = self.server.run('catalog', command, name, '--schema',
                                       self.path('wrong.json', json.dumps({'fields': [field]})), check=False)
                self.assertEqual(done.returncode, 4, (command, field, done.stdout))
                self.assertIn(told, done.stderr)

    def test_a_schema_file_that_says_what_nobody_reads_is_refused(self):
        title = {'name': 'title', 'type': 'text'}
        wrong = {"'wieght'": {'fields': [title | {'wieght': 3}]}, "'feilds'": {'feilds': [], 'fields': [title]},
                 'sort of field title is true or false': {'fields': [title | {'sort': 'yes'}]},
                 'weight of field title is a number': {'fields': [title | {'weight': '3'}]},
                 'ttl_ms of the schema': {'ttl_ms': '60s', 'fields': [title]},
                 'max_products of the schema': {'max_products': -1, 'fields': [title]},
                 "unknown type 'string' of field 'title': text, keyword, integer, float, boolean, timestamp, keyword_list, path or attributes":
                 {'fields': [title | {'type': 'string'}]}}
        for at, (told, schema) in enumerate(wrong.items()):
            done = self.server.run('catalog', 'create', f'wrong{at}', '--schema',
                                   self.path('wrong.json', json.dumps(schema)), check=False)
            self.assertNotEqual(done.returncode, 0, schema)
            self.assertIn(told, done.stderr)

    def test_bad_lines_are_told_with_line_and_column_and_the_rest_goes_in(self):
        good = [json.dumps(p) for p in lines(2500)]
        bad = {700: '{"id":"x", "title" "no colon"}', 1400: '{"id":"y","title":"cut', 2100: '["not an object"]'}
        for line, text in bad.items():
            good[line - 1] = text
        path = self.path('bad.jsonl', '\n'.join(good) + '\n')
        side = os.path.join(self.folder, 'side.jsonl')
        done = self.load('bad', path, '--errors', side, check=False)
        self.assertEqual(done.returncode, 5, done.stderr)
        told = self.lines_of(side)
        self.assertEqual(sorted(t['line'] for t in told), sorted(bad))
        first = next(t for t in told if t['line'] == 700)
        self.assertEqual(first['column'], 20)
        self.assertEqual(first['error'], 'SYNTAX')
        self.assertEqual(self.server.search('bad', '')['found'], 2497)

    def test_a_line_that_is_too_long_is_one_rejected_line(self):
        path = os.path.join(self.folder, 'long.jsonl')
        with open(path, 'w', encoding='utf-8') as f:
            f.write('{"id":"1","title":"before"}\n{"id":"2","title":"')
            for _ in range(40):
                f.write('x' * (1 << 20))
            f.write('"}\n{"id":"3","title":"after"}\n')
        side = os.path.join(self.folder, 'long.errors')
        done = self.load('long', path, '--errors', side, check=False)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertEqual([(t['line'], t['error']) for t in self.lines_of(side)], [(2, 'TOO_LARGE')])
        self.assertEqual(sorted(h['id'] for h in self.server.search('long', '')['hits']), ['1', '3'])

    def test_a_product_that_is_too_large_takes_no_other_with_it(self):
        for size in (1_000_001, 16_776_000):
            rows = [{'id': f'{size}-{i}', 'title': 'small'} for i in range(300)]
            rows.insert(200, {'id': 'large', 'title': 'x' * size})
            path = self.jsonl(f'large{size}.jsonl', rows)
            done = self.load('oversize', path, check=False)
            self.assertEqual((done.returncode, json.loads(done.stdout)['applied']), (5, 300), done.stderr)
            told = self.lines_of(path + '.errors.jsonl')
            self.assertEqual([(e['line'], e['error']) for e in told], [(201, 'TOO_LARGE')])
            self.assertIn('1,000,000 bytes', told[0]['message'])

    def test_bulks_are_as_large_as_the_server_takes_them(self):
        with Server(options=['limits.frame=64KiB', 'limits.items=100'], fronts=1) as server:
            rows = [*lines(3000), *({'id': f'text{i}', 'title': 'word ' * (i * 1200)} for i in range(1, 11)), {'id': 'whale', 'title': 'y' * 66000}]
            path = self.jsonl('limits.jsonl', rows)
            done = server.run('import', '--catalog', 'shop', path, '--quiet', '--patience', 5, check=False)
            self.assertEqual((done.returncode, json.loads(done.stdout)['applied']), (5, 3010), done.stderr)
            self.assertIn('65536 bytes', self.lines_of(path + '.errors.jsonl')[0]['message'])
            self.assertEqual(server.search('shop', '', '-k', 0)['found'], 3010)
            whale = server.run('put', 'shop', '-', input=json.dumps(rows[-1]), check=False)
            self.assertEqual(whale.returncode, 4)
            self.assertIn('TOO_LARGE', whale.stderr)

    def test_a_line_that_is_rejected_gives_the_schema_no_fields(self):
        done = self.load('noid', self.jsonl('noid.jsonl', [{'id': '1', 'title': 'chair'}, {'title': 'lost', 'ghost': 1}, {'id': '', 'ghost': 2}]),
                         '--errors', os.path.join(self.folder, 'noid.errors'), check=False)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertEqual(list(self.fields('noid')), ['title'])

    def test_values_the_schema_refuses_are_told_with_line_and_column(self):
        self.load('strict', self.jsonl('strict1.jsonl', lines(10)))
        more = lines(1200, 10)
        more[600]['price'] = 'cheap'
        done = self.load('strict', self.jsonl('strict2.jsonl', more), '--errors', os.path.join(self.folder, 'strict.errors'),
                         check=False)
        self.assertEqual(done.returncode, 5)
        told = self.lines_of(os.path.join(self.folder, 'strict.errors'))
        self.assertEqual([(t['line'], t['error'], t['field']) for t in told], [(601, 'SCHEMA_MISMATCH', 'price')])
        self.assertEqual(told[0]['column'], json.dumps(more[600]).index('"cheap"') + 1)
        with open(os.path.join(self.folder, 'strict.csv'), 'w', encoding='utf-8') as f:
            f.write('id,title,price\nc1,chair,5\nc2,"a, b",dear\n')
        self.load('strict', os.path.join(self.folder, 'strict.csv'), '--errors', os.path.join(self.folder, 'strict.errors'), check=False)
        told = self.lines_of(os.path.join(self.folder, 'strict.errors'))
        self.assertEqual([(t['line'], t['column'], t['error']) for t in told], [(3, 3, 'SCHEMA_MISMATCH')])
        self.assertEqual(self.server.search('strict', '')['found'], 1210)

    def test_of_a_csv_the_number_of_the_cell_is_told(self):
        path = self.path('open.csv', 'id,title,note\n1,chair,good\n2,table,"never closed\n3,desk,x\n')
        done = self.load('open', path, check=False)
        self.assertEqual(done.returncode, 5, done.stderr)
        told = self.lines_of(path + '.errors.jsonl')
        self.assertEqual([(t['line'], t['column'], t['message']) for t in told], [(3, 3, 'a quoted cell is not closed (the record is lines 3 to 4)')])

    def test_numbers_that_are_too_large_are_told_as_that(self):
        self.load('large', self.jsonl('large1.jsonl', [{'id': '1', 'title': 'chair', 'sold': 5}]))
        for text, says in (('9223372036854775808', 'cannot hold a number beyond 64 bits'), ('1.5', 'cannot hold a fraction'),
                           ('1e999', 'one too large'), ('12abc', 'SYNTAX')):
            done = self.server.run('put', 'large', '{"id":"2","sold":%s}' % text, check=False)
            self.assertIn(says, done.stdout + done.stderr)

    def test_every_line_that_does_not_fit_has_a_column(self):
        self.load('columns', self.jsonl('columns1.jsonl', [{'id': '1', 'title': 'chair', 'tags': ['a']}]))
        path = self.path('columns2.jsonl', '{"id":"2","tags":["a",{"b":1}]}\n{"id":"3","weight":5}\n{"id":true}\n  {"title":"x"}\n')
        done = self.load('columns', path, '--errors', os.path.join(self.folder, 'columns.errors'), check=False)
        self.assertEqual(done.returncode, 5, done.stderr)
        told = self.lines_of(os.path.join(self.folder, 'columns.errors'))
        self.assertEqual([(t['line'], t['column'], t['error'], t['field']) for t in told],
                         [(1, 18, 'SCHEMA_MISMATCH', 'tags'), (2, 20, 'UNKNOWN_FIELD', 'weight'), (3, 7, 'INVALID', 'id'), (4, 3, 'INVALID', 'id')])

    # --- the order of lines -----------------------------------------------------------------------

    def test_the_later_line_of_one_id_wins(self):
        products = [{'id': f'p{i % 700}', 'title': f'chair {i}', 'n': i} for i in range(7000)]
        self.load('later', self.jsonl('later.jsonl', products))
        self.assertEqual(self.server.search('later', '')['found'], 700)
        self.assertEqual(self.server.search('later', '', '--filter', 'n >= 6300')['found'], 700)

    # --- stopping and going on --------------------------------------------------------------------

    def test_the_same_file_again_changes_nothing_and_a_stopped_import_goes_on(self):
        path = self.jsonl('resume.jsonl', lines(60000))
        running = self.server.spawn('import', '--catalog', 'resume', path)
        wait_until(lambda: self.server.run('search', 'resume', '-k', '1', '--json', check=False).stdout.find('"hits":[{') > 0, 20,
                   'the first products are there')
        running.send_signal(signal.SIGKILL)
        running.communicate()
        told = self.load('resume', path)
        self.assertEqual(told['applied'], 60000)
        self.assertEqual(self.server.search('resume', '')['found'], 60000)
        before = self.server.search('resume', '')['sequence']
        again = self.load('resume', path)
        self.assertEqual((again['applied'], again['replayed_bulks']), (60000, 60))
        self.assertIn('--again', self.load('resume', path, check=False).stderr)  # it says that it did nothing
        self.assertEqual(self.server.search('resume', '')['sequence'], before)

    def test_a_terminal_sees_a_bar_with_rate_and_time_left(self):
        path = self.jsonl('bar.jsonl', lines(60000))
        parent, child = pty.openpty()
        process = subprocess.Popen([os.path.join(BIN, 'souk'), '--server', self.server.address, 'import', '--catalog', 'bar', path],
                                   stdout=subprocess.DEVNULL, stderr=child)
        os.close(child)
        text = b''
        while True:
            if select.select([parent], [], [], 30)[0]:
                try:
                    piece = os.read(parent, 4096)
                except OSError:
                    break
                if not piece:
                    break
                text += piece
        process.wait()
        os.close(parent)
        self.assertEqual(process.returncode, 0)
        self.assertRegex(text.decode(), r'\[=*>? *\] +\d+ %  \d+ products  \d+/s')
        self.assertIn('100 %  60000 products', text.decode())


class ImportThroughKills(unittest.TestCase):
    def test_fronts_and_the_writer_are_killed_while_it_runs(self):
        with Server() as server, tempfile.NamedTemporaryFile('w', suffix='.jsonl') as f:
            for product in lines(300000):
                f.write(json.dumps(product) + '\n')
            f.flush()
            running = server.spawn('import', '--catalog', 'shop', f.name, '--quiet')
            kills, deadline = 0, time.monotonic() + 15
            victims = ['writer 0', 'front 0', 'front 1']
            while running.poll() is None and time.monotonic() < deadline:
                name = victims[kills % 3]
                pid = server.children().get(name)
                if pid:
                    server.kill_child(name)
                    server.replaced(name, pid, 10)
                    kills += 1
                time.sleep(0.05)
            out, error = running.communicate(timeout=60)
            self.assertEqual(running.returncode, 0, error)
            told = json.loads(out)
            self.assertGreater(kills, 2)
            self.assertEqual((told['applied'], told['failed']), (300000, 0))
            self.assertEqual(server.search('shop', '')['found'], 300000)
            self.assertIsNone(re.search('corrupt', server.log_text(), re.I))
            server.check_data()


if __name__ == '__main__':
    unittest.main()
