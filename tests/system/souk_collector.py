"""A collector of traces that takes OTLP over HTTP as JSON, and holds what comes against the format strictly. It can be
told to answer badly.

    with Collector() as c:
        ... Server(options=[f'trace.endpoint={c.base}'])
        c.wait(lambda spans: len(spans) > 3)
"""
import http.server
import json
import re
import threading
import time

from souk_system import SLACK, wait_until

HEX = re.compile(r'^[0-9a-f]+$')
DECIMAL = re.compile(r'^-?[0-9]+$')
SPAN_KEYS = {'traceId', 'spanId', 'parentSpanId', 'name', 'kind', 'startTimeUnixNano', 'endTimeUnixNano', 'attributes', 'status'}


class Malformed(AssertionError):
    pass


def must(condition, what, value):
    if not condition:
        raise Malformed(f'{what}: {value!r}')


def only(node, keys, what):
    must(isinstance(node, dict) and set(node) <= keys, f'members of {what}', node)


def attributes(rows, what):
    out = {}
    for row in rows:
        only(row, {'key', 'value'}, what)
        must(isinstance(row['key'], str) and row['key'] not in out, f'a key of {what}, once', row)
        must(len(row['value']) == 1, f'one value of {what}', row)
        (kind, v), = row['value'].items()
        if kind == 'intValue':
            must(isinstance(v, str) and DECIMAL.match(v), 'a whole number of 64 bits is a decimal text', v)
            v = int(v)
        elif kind == 'stringValue':
            must(isinstance(v, str), 'text', v)
        else:
            must(kind == 'boolValue' and isinstance(v, bool), 'kind of value', row)
        out[row['key']] = v
    return out


def identifier(span, key, length):
    v = span[key]
    must(isinstance(v, str) and len(v) == length and HEX.match(v) and v.strip('0'), f'{key}: {length} hexadecimal digits', v)
    return v


def nanoseconds(span, key):
    v = span[key]
    must(isinstance(v, str) and DECIMAL.match(v), f'{key} is a decimal text', v)
    must(abs(int(v) / 1e9 - time.time()) < 3600, f'{key} is wall time', v)
    return int(v)


class Span:
    def __init__(self, span, resource):
        only(span, SPAN_KEYS, 'a span')
        self.resource = resource
        self.trace = identifier(span, 'traceId', 32)
        self.id = identifier(span, 'spanId', 16)
        self.parent = identifier(span, 'parentSpanId', 16) if 'parentSpanId' in span else None
        self.name, self.kind = span['name'], span['kind']
        must(isinstance(self.name, str) and self.name, 'name', span)
        must(type(self.kind) is int and 1 <= self.kind <= 5, 'kind is a number', span)
        self.start, self.end = nanoseconds(span, 'startTimeUnixNano'), nanoseconds(span, 'endTimeUnixNano')
        must(self.start <= self.end, 'it begins before it ends', span)
        only(span['status'], {'code', 'message'}, 'status')
        self.code = span['status'].get('code', 0)
        must(type(self.code) is int and 0 <= self.code <= 2, 'status code is a number', span)
        self.attributes = attributes(span['attributes'], 'a span')

    def __repr__(self):
        return f'<{self.resource.get("souk.role")} {self.name} {self.id} in {self.parent} {self.attributes}>'


def read(body):
    """The spans of a call."""
    out = []
    root = json.loads(body)
    only(root, {'resourceSpans'}, 'the body')
    for part in root['resourceSpans']:
        only(part, {'resource', 'scopeSpans'}, 'resourceSpans')
        only(part['resource'], {'attributes'}, 'resource')
        resource = attributes(part['resource']['attributes'], 'a resource')
        must(resource.get('service.name') == 'souk', 'service.name', resource)
        for scope in part['scopeSpans']:
            only(scope, {'scope', 'spans'}, 'scopeSpans')
            only(scope['scope'], {'name', 'version'}, 'scope')
            must(scope['spans'], 'spans', scope)
            out += [Span(s, resource) for s in scope['spans']]
    return out


class Collector:
    """`answer(n)` makes the answer to call n, from 0: (status, headers, body) or None for silence."""

    def __init__(self, answer=None, port=0):
        self.answer = answer or (lambda n: (200, {}, b'{}'))
        self.spans, self.faults, self.calls, self.at = [], [], 0, []
        self.lock, self.over = threading.Lock(), threading.Event()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                with collector.lock:
                    n, collector.calls = collector.calls, collector.calls + 1
                    collector.at.append(time.monotonic())
                    try:
                        must(self.path == '/v1/traces', 'path', self.path)
                        must(self.headers['Content-Type'] == 'application/json', 'Content-Type', str(self.headers))
                        spans = read(body)
                    except Exception as e:  # it is told at the end of the test
                        collector.faults.append(repr(e))
                        spans = []
                answer = collector.answer(n)
                if answer is None:
                    collector.over.wait(60)
                    self.close_connection = True
                    return
                status, headers, text = answer
                if status < 300:
                    with collector.lock:
                        collector.spans += spans
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header('Content-Length', str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # the other side has hung up

        self.server = Threads(('127.0.0.1', port), Handler)
        self.port = self.server.server_address[1]
        self.base = f'http://127.0.0.1:{self.port}'
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def of(self, trace):
        with self.lock:
            return [s for s in self.spans if s.trace == trace]

    def wait(self, trace, condition, seconds=10):
        """The spans of the trace, once `condition(spans)` holds."""
        wait_until(lambda: condition(self.of(trace)), seconds * SLACK, f'spans of {trace}: {self.of(trace)} {self.faults}')
        return self.of(trace)
