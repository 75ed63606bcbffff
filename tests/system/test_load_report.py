"""The files of souk-load: JSON against its schema, .hgrm, interval log, the page in a browser."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from souk_histogram import decode_histogram
from souk_system import BIN, SLACK, SOURCE, Server, products

LOAD = os.path.join(BIN, 'souk-load')
CHROMIUM = shutil.which('chromium')
CHROMIUM_OPTIONS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
                    '--disable-component-update', '--disable-sync']


def schema_faults(value, schema, root, at='report'):
    """The part of JSON Schema that the report's schema uses; yields what does not fit."""
    if '$ref' in schema:
        yield from schema_faults(value, root['$defs'][schema['$ref'].rsplit('/', 1)[1]], root, at)
        return
    kinds = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'null': type(None), 'integer': int, 'number': (int, float)}
    wanted = schema.get('type', [])
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if wanted and not any(isinstance(value, kinds[k]) and (k == 'boolean') == isinstance(value, bool) for k in wanted):
        yield f'{at}: {value!r} is not {wanted}'
        return
    if 'const' in schema and value != schema['const'] or 'enum' in schema and value not in schema['enum']:
        yield f'{at}: {value!r}'
    if isinstance(value, (int, float)) and value < schema.get('minimum', value):
        yield f'{at}: {value} is too small'
    if isinstance(value, dict):
        extra = schema.get('additionalProperties', True)
        yield from (f'{at}.{k} is missing' for k in schema.get('required', []) if k not in value)
        for k, v in value.items():
            if k in schema.get('properties', {}):
                yield from schema_faults(v, schema['properties'][k], root, f'{at}.{k}')
            elif extra is False:
                yield f'{at}.{k} is not in the schema'
            elif isinstance(extra, dict):
                yield from schema_faults(v, extra, root, f'{at}.{k}')
    if isinstance(value, list):
        if not schema.get('minItems', 0) <= len(value) <= schema.get('maxItems', len(value)):
            yield f'{at}: {len(value)} items'
        for i, v in enumerate(value):
            yield from schema_faults(v, schema.get('items', {}), root, f'{at}[{i}]')


class Report(unittest.TestCase):
    """One run with everything in it, looked at from all sides."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='souk-load-')
        cls.mix = cls.path('mix.json')
        with open(cls.path('queries.tsv'), 'w') as f:
            f.write('red shoe\nblue lamp\ngreen <b>table</b>\n')
        with open(cls.mix, 'w') as f:
            json.dump({'catalog': 'shop', 'operations': [
                {'name': 'browse', 'op': 'search', 'weight': 4, 'class': 'critical', 'deadline_ms': 500, 'queries': 'queries.tsv', 'pick': 'zipf:1',
                 'facets': ['brand:5', 'price:stats'], 'filters': ['', 'price < 200'], 'misspelt': 0.2, 'unseen': 0.1, 'return': 'title,price'},
                {'name': 'typing', 'op': 'search', 'weight': 2, 'queries': 'queries.tsv', 'typing': True, 'k': 5, 'no_cache': True},
                {'op': 'suggest', 'weight': 2, 'queries': 'queries.tsv', 'typing': True},
                {'op': 'get', 'weight': 2, 'batch': 3, 'missing': 0.1, 'pick': 'zipf'},
                {'op': 'multi_search', 'weight': 1, 'queries': 'queries.tsv', 'searches': [{'k': 3}, {'k': 0, 'facets': 'brand'}]},
                {'op': 'put', 'weight': 1, 'class': 'sheddable', 'batch': 2, 'patch': {'stock': [0, 50]}, 'integer': True}]}, f)
        with Server(fronts=1) as server:
            server.import_lines('shop', products(200))
            cls.done = subprocess.run(
                [LOAD, '--server', server.address, '--mix', cls.mix, '--rate', '400', '--duration', '3', '--arrivals', 'spike:800@1+1,poisson',
                 '--processes', '2', '--interval', '500', '--verify', '--threshold', 'p50<10s', '--threshold', 'critical.errors<100%', '--json',
                 '--hgrm', cls.path('r.hgrm'), '--interval-log', cls.path('r.hlog'), '--html', cls.path('r.html'), '--output', cls.path('r.json')],
                capture_output=True, text=True, timeout=60 * SLACK)
        cls.report = json.loads(cls.done.stdout) if cls.done.stdout else None

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    def test_every_operation_was_answered_and_verified(self):
        self.assertEqual(self.done.returncode, 0, (self.done.stderr, self.report and self.report['verify']))
        self.assertEqual([o['name'] for o in self.report['operations']], ['browse', 'typing', 'suggest', 'get', 'multi_search', 'put'])
        for o in self.report['operations']:
            self.assertGreater(o['requests']['ok'], 20, o)
            self.assertEqual(o['errors'], {}, o['name'])
        self.assertEqual(self.report['verify']['checked'], self.report['requests']['ok'])
        self.assertEqual(self.report['verify']['wrong'], 0)
        self.assertTrue(self.report['server_cpu'])

    def test_the_json_fits_its_schema_and_the_file_is_the_same(self):
        with open(os.path.join(SOURCE, 'docs', 'load-report.schema.json')) as f:
            schema = json.load(f)
        self.assertEqual(list(schema_faults(self.report, schema, schema)), [])
        with open(self.path('r.json')) as f:
            self.assertEqual(json.load(f), self.report)
        broken = {**self.report, 'load': {**self.report['load'], 'loop': 'ajar'}, 'more': 1}
        self.assertEqual(len(list(schema_faults(broken, schema, schema))), 2)

    def test_hgrm_opens_as_a_plotter_reads_it(self):
        with open(self.path('r.hgrm')) as f:
            lines = f.read().splitlines()
        self.assertEqual(lines[0].split(), ['Value', 'Percentile', 'TotalCount', '1/(1-Percentile)'])
        rows = [line.split() for line in lines[1:] if line.strip() and not line.startswith('#')]
        values, percentiles, totals = ([float(r[i]) for r in rows] for i in range(3))
        for column in (values, percentiles, totals):
            self.assertEqual(column, sorted(column))
        self.assertEqual(percentiles[-1], 1)
        self.assertEqual(totals[-1], self.report['latency']['count'])
        foot = '\n'.join(line for line in lines if line.startswith('#'))
        self.assertRegex(foot, r'#\[Mean +=.*, StdDeviation +=.*\]\n#\[Max +=.*, Total count +=.*\]\n#\[Buckets = .*, SubBuckets +=.*\]')

    def test_interval_log_decodes_to_the_same_counts(self):
        with open(self.path('r.hlog')) as f:
            lines = f.read().splitlines()
        self.assertIn('#[Histogram log format version 1.3]', lines)
        rows = [line.split(',') for line in lines if line[0] not in '#"']
        whole = {}
        for start, length, most, packed in rows:
            for value, n in decode_histogram(packed).items():
                whole[value] = whole.get(value, 0) + n
        self.assertEqual(sum(whole.values()), self.report['latency']['count'])
        self.assertLessEqual(max(whole), self.report['latency']['max_us'])
        seen, want = 0, self.report['latency']['count'] / 2
        for value in sorted(whole):
            seen += whole[value]
            if seen >= want:
                break
        self.assertAlmostEqual(value, self.report['latency']['p50_us'], delta=2 + value * 0.002)

    def test_the_page_asks_for_nothing(self):
        with open(self.path('r.html')) as f:
            page = f.read()
        self.assertEqual(re.findall(r'\b(?:src|href)\s*=|@import|url\(|fetch\(|XMLHttpRequest|WebSocket|import\(', page), [])
        self.assertEqual([u for u in re.findall(r'https?://[^\s"\'<]+', page) if u != 'http://www.w3.org/2000/svg'], [])
        self.assertNotIn('<b>table', page)

    @unittest.skipUnless(CHROMIUM, 'Chromium is not installed: the page is not tried in a browser')
    def test_the_page_draws_itself_in_chromium(self):
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run([CHROMIUM, *CHROMIUM_OPTIONS, f'--user-data-dir={home}', '--virtual-time-budget=3000', '--dump-dom',
                                   'file://' + self.path('r.html')], capture_output=True, text=True, timeout=90 * SLACK)
        drawn = re.search(r'data-drawn="(\d+)"', done.stdout)
        self.assertTrue(drawn, done.stdout[-500:] + done.stderr[-500:])
        self.assertGreaterEqual(int(drawn.group(1)), 12)
        for chart in ('Rates', 'Response time', 'Percentile spectrum', 'Freshness and degraded replies', 'Degrade level', 'Server CPU'):
            self.assertTrue(re.search(f'data-chart="{chart}"><h2>{chart}</h2><svg', done.stdout), chart)
        drawn = re.sub(r'<script.*?</script>', '', done.stdout, flags=re.S)
        self.assertEqual(re.findall('.{30}(?:NaN|undefined).{30}', drawn), [])


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(fronts=1).start()
        cls.server.import_lines('shop', products(100))
        cls.folder = tempfile.TemporaryDirectory(prefix='souk-load-')

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()
        cls.folder.cleanup()

    def path(self, name, text=None):
        path = os.path.join(self.folder.name, name)
        if text is not None:
            with open(path, 'w') as f:
                f.write(text)
        return path

    def load(self, *arguments, code=0):
        done = subprocess.run([LOAD, *map(str, arguments), '--server', self.server.address, '--catalog', 'shop', '--json'],
                              capture_output=True, text=True, timeout=100 * SLACK)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout[-800:])
        return json.loads(done.stdout) if done.stdout else done.stderr

    def test_find_max_ends_between_what_held_and_what_failed(self):
        found = self.load('find-max', '--slo', 'goodput<150', '--rate', 50, '--seconds', 0.3)
        self.assertGreaterEqual(found['max_rate'], 125)
        self.assertLess(found['max_rate'], 160)
        self.assertTrue(any(p['holds'] for p in found['probes']) and any(not p['holds'] for p in found['probes']))

    def test_replay_keeps_the_recorded_times(self):
        log = self.path('log.tsv', ''.join(f'{1000 + i * 10}\tsearch\tred shoe {i}\n' for i in range(100)))
        r = self.load('--replay', log, '--speed', 2)
        self.assertEqual(r['requests']['offered'], 100)
        self.assertAlmostEqual(r['load']['duration_s'], 0.495, delta=0.01)
        self.assertEqual(r['load']['arrivals'], 'replay')
        self.load('--replay', self.path('bad.tsv', '5\tsearch\ta\n4\tsearch\tb\n'), code=2)

    def test_compare_finds_the_slower_one_and_no_difference_in_itself(self):
        def report(name, scale):
            intervals = [{'start_s': i, 'length_s': 1.0, 'ok': 1000 + i % 7, 'good': 1000 + i % 7, 'p50_us': int((100 + i * 3 % 11) * scale),
                          'p99_us': int((900 + i * 7 % 31) * scale), 'p99_9_us': 2000 + i * 5 % 97} for i in range(20)]
            return self.path(name, json.dumps({'intervals': intervals}))
        a, b = report('a.json', 1), report('b.json', 1.2)

        def compare(x, y, code):
            done = subprocess.run([LOAD, 'compare', x, y, '--json'], capture_output=True, text=True)
            self.assertEqual(done.returncode, code, done.stderr)
            return {f['figure']: f for f in json.loads(done.stdout)['figures']}
        figures = compare(a, b, 8)
        self.assertEqual([figures[k]['verdict'] for k in ('p50_us', 'p99_us', 'p99_9_us', 'achieved')], ['worse', 'worse', 'same', 'same'])
        self.assertLess(figures['p50_us']['p'], 1e-4)
        self.assertAlmostEqual(figures['p50_us']['ratio'], 1.2, delta=0.05)
        self.assertEqual(compare(b, a, 0)['p50_us']['verdict'], 'better')
        self.assertEqual({f['verdict'] for f in compare(a, a, 0).values()}, {'same'})

    def test_two_servers_by_turns(self):
        done = subprocess.run([LOAD, 'compare', '--server', self.server.address, '--server', self.server.address, '--catalog', 'shop',
                               '--rate', '100', '--duration', '2', '--json'], capture_output=True, text=True, timeout=60 * SLACK)
        figures = json.loads(done.stdout)['figures']
        self.assertEqual({f['samples_a'] for f in figures} | {f['samples_b'] for f in figures}, {10})

    def test_a_wrong_mix_file_is_told_by_place(self):
        cases = [('{"operations": [}', 'line 1'), ('{"operations": []}', 'operations'),
                 ('{"operations": [{"op": "search", "wieght": 1}]}', 'operations[0].wieght'),
                 ('{"operations": [{"op": "ping"}, {"op": "get", "batch": 0}]}', 'operations[1].batch'),
                 ('{"operations": [{"op": "put", "patch": {"stock": 5}}]}', 'operations[0].patch')]
        for text, said in cases:
            self.assertIn(said, self.load('--mix', self.path('m.json', text), code=2), text)


if __name__ == '__main__':
    unittest.main()
