"""Traces: what a traced request tells, through all processes, to a collector that holds it against the format."""
import json
import os
import re
import time
import unittest
import urllib.request

from souk_collector import Collector
from souk_system import SLACK, Server, free_port, products, resident_bytes, wait_until
from souk_upstream import BadUpstream, create, define
from souk_upstream import products as upstream_products
from souk_wire import FLAGS, STATUSES, Connection, put_body, tlv, upsert, varint

TRACE, PARENT = '4bf92f3577b34da6a3ce929d0e0e47', '00f067aa0ba902b7'


def traceparent(number, sampled=True):
    """The text and the trace id of a trace of its own."""
    trace = TRACE + f'{number:02x}'
    return f'00-{trace}-{PARENT}-{"01" if sampled else "00"}', trace


def field(trace, flags=1, parent=PARENT):
    value = bytes.fromhex(trace) + bytes.fromhex(parent) + bytes([flags])
    return varint(100) + varint(len(value)) + value


def named(spans, name):
    found = [s for s in spans if s.name == name]
    if len(found) != 1:
        raise AssertionError(f'one span {name} in {spans}')
    return found[0]


class Traced(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.collector = Collector()
        cls.http = free_port()
        cls.server = Server(options=[f'trace.endpoint={cls.collector.base}', f'server.http=127.0.0.1:{cls.http}']).start()
        cls.server.import_lines('shop', products(300))

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()
        cls.collector.__exit__()

    def tearDown(self):
        self.assertEqual(self.collector.faults, [])

    def search(self, number, *options, sampled=True, **more):
        text, trace = traceparent(number, sampled)
        self.server.search('shop', 'red', '--traceparent', text, *options, **more)
        return trace

    # --- a search -----------------------------------------------------------------------------------

    def test_a_search_tells_its_stages(self):
        trace = self.search(1, '--no-cache')
        spans = self.collector.wait(trace, lambda s: len(s) >= 3)
        root = named(spans, 'search') if len([s for s in spans if s.name == 'search']) == 1 else \
            next(s for s in spans if s.kind == 2)
        self.assertEqual((root.kind, root.parent, root.code), (2, PARENT, 0))
        said = root.attributes
        self.assertEqual((said['db.system.name'], said['db.operation.name'], said['db.collection.name']), ('souk', 'search', 'shop'))
        self.assertEqual((said['souk.class'], said['souk.degrade.level']), ('critical', 0))
        self.assertEqual(said['db.response.returned_rows'], 10)
        self.assertEqual(said['souk.hits.fresh'] + said['souk.hits.stale'] + said['souk.hits.stale_if_error'], 10)
        self.assertGreater(said['souk.found'], 9)
        self.assertEqual((root.resource['souk.role'], root.resource['service.name']), ('front', 'souk'))
        children = [s for s in spans if s is not root]
        self.assertLessEqual({'search', 'encode'}, {s.name for s in children})
        for s in children:
            self.assertEqual((s.parent, s.kind), (root.id, 1))
            self.assertTrue(root.start <= s.start <= s.end <= root.end, (root.start, root.end, s.start, s.end, s))
        self.assertEqual(len({s.id for s in spans}), len(spans))
        engine = next(s for s in children if s.name == 'search')
        self.assertGreater(engine.attributes['souk.blocks.decoded'] + engine.attributes['souk.postings'], 0)

    def test_nothing_a_shopper_typed_is_told(self):
        text, trace = traceparent(2)
        self.server.search('shop', 'secretword', '--traceparent', text)
        spans = self.collector.wait(trace, lambda s: len(s) >= 2)
        self.assertNotIn('secretword', json.dumps([[s.name, s.attributes] for s in spans]))

    def test_the_cache_says_what_it_had(self):
        options = ['--filter', 'price < 77777']
        first = self.search(3, *options)
        root = next(s for s in self.collector.wait(first, lambda s: any(x.kind == 2 for x in s)) if s.kind == 2)
        self.assertTrue(root.attributes['souk.cache'].startswith('miss'), root.attributes)
        for number in range(4, 12):  # two fronts, and a page that is quick is not kept
            trace = self.search(number, *options)
            spans = self.collector.wait(trace, lambda s: any(x.kind == 2 for x in s))
            root = next(s for s in spans if s.kind == 2)
            self.assertEqual(root.attributes['db.response.returned_rows'], 10)
            if root.attributes['souk.cache'] == 'hit':
                self.assertEqual([s.name for s in spans if s.kind == 1 and s.name != 'queue'], ['cache'])
                return
        self.fail('never from the cache')

    def test_equal_searches_of_different_traces_share_a_page(self):
        """The context is no part of what is looked up: else the cache would be of no use for traced requests."""
        def hits():
            rows = self.server.stats()
            return sum(int(v) for k, v in rows.items() if k.startswith('cache.hit'))
        with Connection(('127.0.0.1', self.server.port)) as c:
            body = tlv('SEARCH', 'CATALOG', 'shop') + tlv('SEARCH', 'TEXT', 'red') + tlv('SEARCH', 'FILTER', 'price < 66666')
            seen = []
            for number in range(20, 26):
                reply = c.call('SEARCH', field(TRACE + f'{number:02x}') + body, flags=FLAGS['TRACE'])
                seen.append(tlv('HITS', 'CACHE', 1) in reply.body)
        self.assertIn(True, seen)

    def test_a_search_that_is_not_sampled_tells_nothing(self):
        trace = self.search(30, sampled=False)
        after = self.search(31)
        self.collector.wait(after, lambda s: len(s) >= 2)
        time.sleep(0.3)
        self.assertEqual(self.collector.of(trace), [])

    def test_an_error_is_an_error(self):
        text, trace = traceparent(32)
        self.server.run('search', 'nowhere', 'red', '--traceparent', text, check=False)
        root = next(s for s in self.collector.wait(trace, lambda s: any(x.kind == 2 for x in s)) if s.kind == 2)
        self.assertEqual((root.code, root.attributes['error.type']), (2, 'unknown_catalog'))

    def test_the_environment_counts(self):
        text, trace = traceparent(33)
        self.server.run('search', 'shop', 'red', env={**os.environ, 'TRACEPARENT': text})
        self.collector.wait(trace, lambda s: len(s) >= 2)
        self.server.run('search', 'shop', 'red', env={**os.environ, 'TRACEPARENT': 'nonsense'})
        self.assertNotEqual(self.server.run('search', 'shop', 'red', '--traceparent', 'nonsense', check=False).returncode, 0)

    def test_several_searches_are_one_span(self):
        trace = TRACE + '34'
        part = tlv('SEARCH', 'CATALOG', 'shop') + tlv('SEARCH', 'TEXT', 'red')
        with Connection(('127.0.0.1', self.server.port)) as c:
            c.call('MULTI_SEARCH', field(trace) + (varint(20) + varint(len(part)) + part) * 3, flags=FLAGS['TRACE'])
        spans = self.collector.wait(trace, lambda s: len(s) >= 2)
        self.assertEqual(named(spans, 'multi_search').attributes['souk.items'], 3)

    # --- contexts that are none ---------------------------------------------------------------------

    def test_a_context_that_is_none_changes_nothing(self):
        body = tlv('SEARCH', 'CATALOG', 'shop') + tlv('SEARCH', 'TEXT', 'red')
        good = bytes.fromhex(TRACE + '40') + bytes.fromhex(PARENT) + b'\1'
        odd = [good[:24], good + b'\1', b'', bytes(25), bytes(16) + good[16:], good[:16] + bytes(8) + b'\1']
        with Connection(('127.0.0.1', self.server.port)) as c:
            for value in odd:
                c.call('SEARCH', varint(100) + varint(len(value)) + value + body, flags=FLAGS['TRACE'])
            c.call('SEARCH', body, flags=FLAGS['TRACE'])
            c.call('SEARCH', field(TRACE + '40') + body)  # without the flag: a tag nobody knows
            self.assertEqual(c.call('PING', field(TRACE + '40') + b'hi', flags=FLAGS['TRACE']).body, b'hi')
            cut = c.call('SEARCH', b'\x64\x19abc', check=False, flags=FLAGS['TRACE'])
            self.assertNotEqual(cut.status, 0)
        spans = self.collector.wait(TRACE + '40', lambda s: s)
        self.assertEqual([s.name for s in spans], ['ping'])

    def test_flags_nobody_knows_are_tolerated(self):
        with Connection(('127.0.0.1', self.server.port)) as c:
            body = tlv('SEARCH', 'CATALOG', 'shop') + tlv('SEARCH', 'TEXT', 'red')
            c.call('SEARCH', field(TRACE + '41', 0xff) + body, flags=FLAGS['TRACE'])
        self.collector.wait(TRACE + '41', lambda s: len(s) >= 2)

    # --- through the other processes ----------------------------------------------------------------

    def test_a_change_is_followed_into_the_writer(self):
        trace = TRACE + '50'
        with Connection(('127.0.0.1', self.server.port)) as c:
            body = put_body('shop', [upsert('traced', {'title': 'red traced', 'price': 1.5})])
            c.call('PUT', field(trace) + body, flags=FLAGS['TRACE'])
        spans = self.collector.wait(trace, lambda s: {'decide', 'log', 'apply', 'writer'} <= {x.name for x in s})
        front = next(s for s in spans if s.name == 'put' and s.resource['souk.role'] == 'front')
        writer = next(s for s in spans if s.name == 'put' and s.resource['souk.role'] == 'writer')
        self.assertEqual((front.parent, writer.parent), (PARENT, front.id))
        self.assertEqual((front.kind, writer.kind), (2, 2))
        self.assertEqual((front.attributes['souk.items'], front.attributes['souk.applied']), (1, 1))
        self.assertEqual(writer.attributes['souk.sequence'], front.attributes['souk.sequence'])
        self.assertEqual(named(spans, 'writer').parent, front.id)
        stages = [named(spans, name) for name in ('decide', 'log', 'apply')]
        self.assertEqual({s.parent for s in stages}, {writer.id})
        self.assertTrue(stages[0].end <= stages[1].start <= stages[1].end <= stages[2].start, stages)

    def test_a_read_through_goes_on_to_the_upstream(self):
        up = BadUpstream(upstream_products(5))
        headers, good = [], up.good

        def noted(conn, path, got):
            headers.append((path, got.get('traceparent')))
            return good(conn, path, got)
        up.mode = noted
        try:
            create(self.server, 'through')
            define(self.server, 'through', 'first', up.definition(changes='', many=''))
            wait_until(lambda: 'first' in self.server.run('upstream', 'list', 'through', '--json').stdout, 10, 'the provider')
            text, trace = traceparent(0x60)
            self.server.souk('get', 'through', 'p3', '--traceparent', text, '--timeout', '5000')
            spans = self.collector.wait(trace, lambda s: {'GET', 'upstream'} <= {x.name for x in s})
            front, call = named(spans, 'get'), named(spans, 'GET')
            self.assertEqual((front.parent, call.parent), (PARENT, front.id))
            self.assertEqual((front.resource['souk.role'], call.resource['souk.role'], call.kind), ('front', 'fetcher', 3))
            said = call.attributes
            self.assertEqual((said['http.request.method'], said['http.response.status_code'], said['server.address'],
                              said['server.port'], said['souk.provider']), ('GET', 200, '127.0.0.1', up.port, 'first'))
            self.assertEqual(named(spans, 'upstream').parent, front.id)
            self.assertIn(('/p/p3', f'00-{trace}-{call.id}-01'), headers)
            # not sampled: handed on as it came, and told by nobody
            text, quiet = traceparent(0x61, sampled=False)
            self.server.souk('get', 'through', 'p4', '--traceparent', text, '--timeout', '5000')
            self.assertIn(('/p/p4', text), headers)
            self.server.souk('get', 'through', 'p2', '--timeout', '5000')
            self.assertIn(('/p/p2', None), headers)
            # an upstream that fails
            up.mode = up.status(404)
            text, gone = traceparent(0x62)
            self.server.run('get', 'through', 'nothere', '--traceparent', text, '--timeout', '5000', check=False)
            call = named(self.collector.wait(gone, lambda s: 'GET' in {x.name for x in s}), 'GET')
            self.assertEqual((call.code, call.attributes['error.type']), (2, '404'))
            self.assertEqual(self.collector.of(quiet), [])
        finally:
            up.stop()

    # --- what operators see -------------------------------------------------------------------------

    def page(self, path):
        with urllib.request.urlopen(f'http://127.0.0.1:{self.http}{path}', timeout=10) as r:
            return r.read().decode()

    def test_the_pages_count_spans(self):
        self.collector.wait(self.search(0x70), lambda s: len(s) >= 2)
        wait_until(lambda: json.loads(self.page('/status.json'))['traces']['exported'] >= 2, 10, 'spans are counted')
        told = json.loads(self.page('/status.json'))['traces']
        self.assertEqual((told['dropped'], told['failed'], told['rejected']), (0, 0, 0))
        metric = re.search(r'souk_trace_spans_total\{outcome="exported"\} (\d+)', self.page('/metrics'))
        self.assertGreaterEqual(int(metric.group(1)), 2)


    def test_exemplars_lead_from_a_bucket_to_a_trace(self):
        """OpenMetrics for who asks for it: counters by their family, an exemplar within its bucket, the end."""
        trace = self.search(0x71, '--no-cache')
        root = next(s for s in self.collector.wait(trace, lambda s: any(x.kind == 2 for x in s)) if s.kind == 2)
        request = urllib.request.Request(f'http://127.0.0.1:{self.http}/metrics',
                                         headers={'Accept': 'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.5'})
        with urllib.request.urlopen(request, timeout=10) as r:
            text, kind = r.read().decode(), r.headers['Content-Type']
        self.assertTrue(kind.startswith('application/openmetrics-text; version=1.0.0'), kind)
        self.assertTrue(text.endswith('\n# EOF\n'))
        types, last, found = {}, {}, []
        for line in text.splitlines()[:-1]:
            if line.startswith('# TYPE '):
                _, _, name, what = line.split()
                self.assertNotIn(name, types)
                types[name] = what
            elif not line.startswith('#'):
                match = re.fullmatch(r'([a-z_]+)(\{[^}]*\})? (\S+)(?: # (\{[^}]*\}) (\S+) (\S+))?', line)
                self.assertTrue(match, line)
                family = next(f for f in (match[1], re.sub('_total$', '', match[1]), re.sub('_(bucket|sum|count)$', '', match[1]))
                              if f in types)
                self.assertEqual(types[family] == 'counter', match[1].endswith('_total'), line)
                le = re.search('op="([^"]*)",le="([^"]*)"', match[2] or '')
                if match[4]:
                    self.assertTrue(match[1].endswith('_bucket'), line)
                    self.assertTrue(last.get(le[1], 0) < float(match[5]) <= float(le[2]), line)
                    self.assertAlmostEqual(float(match[6]), time.time(), delta=600)
                    found.append((le[1], match[4], float(match[5])))
                if le:
                    self.assertRegex(le[2], r'[.e]|Inf')
                    last[le[1]] = float(le[2])
        self.assertEqual([(op, labels) for op, labels, _ in found if op == 'search'], [('search', f'{{trace_id="{trace}"}}')])
        took = next(v for op, _, v in found if op == 'search')
        self.assertLess(abs(took - (root.end - root.start) / 1e9), 0.001)
        self.assertNotIn('trace_id', self.page('/metrics'))


class Roots(unittest.TestCase):
    def test_a_ratio_begins_traces(self):
        with Collector() as c, Server(fronts=1, options=[f'trace.endpoint={c.base}', 'trace.ratio=1', 'trace.slow=1ms']) as server:
            server.import_lines('shop', products(50))
            server.search('shop', 'red')
            wait_until(lambda: any(s.name == 'search' and s.kind == 2 for s in c.spans), 10, 'a root')
            root = next(s for s in c.spans if s.name == 'search' and s.kind == 2)
            self.assertIsNone(root.parent)
            self.assertEqual(c.faults, [])

    def test_no_ratio_no_trace_and_no_endpoint_nothing_at_all(self):
        with Collector() as c:
            with Server(fronts=1, options=[f'trace.endpoint={c.base}']) as server:
                server.import_lines('shop', products(50))
                server.search('shop', 'red')
                time.sleep(0.5)
                self.assertEqual(c.calls, 0)
            with Server(fronts=1, options=['trace.ratio=1']) as server:
                server.import_lines('shop', products(50))
                server.search('shop', 'red', '--traceparent', traceparent(1)[0])
                time.sleep(0.5)
            self.assertEqual(c.calls, 0)

    def test_a_part_is_a_part(self):
        with Collector() as c, Server(fronts=1, options=[f'trace.endpoint={c.base}', 'trace.ratio=0.25']) as server:
            server.import_lines('shop', products(50))
            with Connection(('127.0.0.1', server.port)) as conn:
                for _ in range(400):
                    conn.search('shop', 'red')
            time.sleep(1)
            roots = [s for s in c.spans if s.name == 'search' and s.kind == 2]
            self.assertTrue(50 <= len(roots) <= 150, len(roots))
            for s in roots:  # the number in the id is below the ratio
                self.assertLess(int(s.trace[16:], 16) >> 1, (1 << 63) * 0.2501)

    def test_what_waits_is_chosen_once(self):
        """A request that is run again when what it waits for is there, or its time is over, is the same request."""
        with Collector() as c, Server(fronts=1, options=[f'trace.endpoint={c.base}', 'trace.ratio=0.25']) as server:
            server.import_lines('shop', products(50))
            body = tlv('WAIT', 'CATALOG', 'shop') + tlv('WAIT', 'SEQUENCE', 10**9)
            with Connection(('127.0.0.1', server.port)) as conn:
                for _ in range(20):
                    asked = [conn.send('WAIT', body, deadline_ms=50) for _ in range(20)]
                    self.assertEqual({STATUSES[conn.read().status] for _ in asked}, {'DEADLINE'})
            time.sleep(1)
            roots = [s for s in c.spans if s.name == 'wait' and s.kind == 2]
            self.assertTrue(60 <= len(roots) <= 138, len(roots))

    def test_a_follower_that_waits_for_news_is_not_slow(self):
        """It asks anew each second, and is answered when that is over: nothing anybody would look for."""
        with Collector() as c, Server(fronts=1, options=[f'trace.endpoint={c.base}', 'trace.ratio=1']) as leader:
            leader.import_lines('shop', products(50))
            with Server(fronts=1, options=[f'replication.follow={leader.address}']):
                wait_until(lambda: sum(s.name == 'log_read' and s.kind == 2 for s in c.spans) > 3, 20, 'it asks')
            self.assertGreater(max(s.end - s.start for s in c.spans if s.name == 'log_read'), 9 * 10**8)
            self.assertNotIn('log_read answered', leader.log_text())

    def test_slow_and_failed_ones_are_told_with_their_ids(self):
        with Collector() as c, Server(fronts=1, options=[f'trace.endpoint={c.base}', 'trace.slow=1ms']) as server:
            server.import_lines('shop', products(50))
            text, trace = traceparent(1)
            server.souk('put', 'shop', '-', '--ack', 'visible', '--traceparent', text,
                        input=json.dumps({'id': 'slow', 'title': 'red', 'description': 'wool and silk ' * 50000}) + '\n')
            front = wait_until(lambda: next((s for s in c.of(trace) if s.name == 'put' and s.resource['souk.role'] == 'front'),
                                            None), 10, 'the span')
            line = next(json.loads(l) for l in server.log_text().splitlines() if trace in l)
            self.assertEqual((line['trace_id'], line['span_id'], line['component']), (trace, front.id, 'front'))


class BadCollectors(unittest.TestCase):
    """A collector that is dead, slow or lying touches no search."""

    def outcome(self, port):
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/status.json', timeout=10) as r:
            return json.loads(r.read())['traces']

    def flood(self, server, count, number):
        """Milliseconds of each traced search, sorted."""
        took = []
        body = tlv('SEARCH', 'CATALOG', 'shop') + tlv('SEARCH', 'TEXT', 'red') + tlv('SEARCH', 'NO_CACHE', 1)
        with Connection(('127.0.0.1', server.port)) as c:
            for i in range(count):
                start = time.monotonic()
                c.call('SEARCH', field(TRACE + f'{number:02x}') + body, flags=FLAGS['TRACE'])
                took.append((time.monotonic() - start) * 1000)
        return sorted(took)

    def try_out(self, answer, count, options=(), collector=None):
        http = free_port()
        with Collector(answer) as c:
            endpoint = collector or c.base
            with Server(fronts=1, options=[f'trace.endpoint={endpoint}', f'server.http=127.0.0.1:{http}', *options]) as server:
                server.import_lines('shop', products(200))
                self.flood(server, 50, 1)
                before = resident_bytes(server.pid('fetcher 0'))
                took = self.flood(server, count, 2)
                self.assertLess(took[int(len(took) * 0.99)], 50 * SLACK, took[-5:])
                after = resident_bytes(server.pid('fetcher 0'))
                self.assertLess(after - before, 32 << 20)
                yield server, c, lambda: self.outcome(http)

    def test_one_that_never_answers(self):
        for server, c, outcome in self.try_out(lambda n: None, 3000, ['trace.timeout=500ms']):
            told = outcome()
            self.assertGreater(told['dropped'], 1000)
            self.assertEqual(told['exported'], 0)
            wait_until(lambda: outcome()['retries'] > 0, 10, 'it is tried again')
            self.assertEqual(len(server.search('shop', 'red')['hits']), 10)

    def test_one_that_is_not_there(self):
        port = free_port()
        for server, c, outcome in self.try_out(None, 3000, collector=f'http://127.0.0.1:{port}'):
            self.assertGreater(outcome()['dropped'], 1000)
            wait_until(lambda: outcome()['retries'] >= 3, 20, 'it is tried again')
            self.assertEqual(server.log_text().count('the collector of traces'), 1)

    def test_one_that_answers_500_is_not_asked_again(self):
        for server, c, outcome in self.try_out(lambda n: (500, {}, b'oh no'), 500):
            wait_until(lambda: outcome()['failed'] > 1000, 10, 'they are given up')
            self.assertEqual((outcome()['retries'], outcome()['exported']), (0, 0))
            self.assertEqual(c.faults, [])

    def test_one_that_answers_garbage_or_much(self):
        for body in (b'\x00\xff{{{', b'[' * 60000, b'x' * 3_000_000):
            for server, c, outcome in self.try_out(lambda n: (200, {}, body), 300):
                wait_until(lambda: sum(outcome()[k] for k in ('exported', 'failed')) > 600, 10, 'they are gone')
                self.assertEqual(outcome()['rejected'], 0)

    def test_partial_success_is_counted(self):
        for rejected in (b'"3"', b'3'):
            body = b'{"partialSuccess":{"rejectedSpans":' + rejected + b',"errorMessage":"no"}}'
            for server, c, outcome in self.try_out(lambda n: (200, {}, body if n == 0 else b'{}'), 100):
                wait_until(lambda: outcome()['rejected'] == 3, 10, 'three are counted')

    def test_one_that_has_had_enough_is_obeyed(self):
        """429 and 503 with Retry-After: the same spans come again, not before."""
        def answer(n):
            return (429, {'Retry-After': '2'}, b'') if n == 0 else (503, {}, b'') if n == 1 else (200, {}, b'{}')
        for server, c, outcome in self.try_out(answer, 50):
            wait_until(lambda: outcome()['exported'] > 100, 20, 'they are told at last')
            self.assertGreaterEqual(c.at[1] - c.at[0], 1.9)
            self.assertEqual(outcome()['failed'], 0)
            self.assertEqual(outcome()['retries'], 2)
            self.assertEqual(c.faults, [])

    def test_a_process_that_dies_is_replaced_and_goes_on(self):
        with Collector() as c, Server(fronts=1, options=[f'trace.endpoint={c.base}']) as server:
            server.import_lines('shop', products(50))
            for number, name in enumerate(('fetcher 0', 'front 0', 'writer 0', 'fetcher 0', 'front 0'), 1):
                old = server.pid(name)
                for _ in range(20):
                    server.search('shop', 'red', '--traceparent', traceparent(100 + number)[0])
                server.kill_child(name)
                server.replaced(name, old)
                wait_until(server.ready, 20, 'soukd answers')
                server.search('shop', 'red', '--traceparent', traceparent(number)[0])
                c.wait(traceparent(number)[1], lambda s: len(s) >= 2)
            self.assertEqual(c.faults, [])

    def test_it_is_turned_on_while_it_runs(self):
        with Collector() as c:
            path = None
            with Server(fronts=1) as plain:
                path = plain.data + '.yaml'
                with open(path, 'w') as f:
                    f.write('trace:\n  endpoint: ""\n')
            try:
                with Server('--config', path, fronts=1) as server:
                    server.import_lines('shop', products(50))
                    server.search('shop', 'red', '--traceparent', traceparent(1)[0])
                    with open(path, 'w') as f:
                        f.write(f'trace:\n  endpoint: {c.base}/\n')
                    server.process.send_signal(1)

                    def seen():
                        server.search('shop', 'red', '--traceparent', traceparent(2)[0])
                        return c.of(traceparent(2)[1])
                    wait_until(seen, 10, 'a span')
                    self.assertEqual(c.of(traceparent(1)[1]), [])
                    self.assertEqual(c.faults, [])
            finally:
                os.unlink(path)


if __name__ == '__main__':
    unittest.main(verbosity=2)
