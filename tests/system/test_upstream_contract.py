#!/usr/bin/env python3
"""Real peers as upstreams. Answers on the edge of HTTP, told byte by byte by varnishtest: what is whole is taken, in whatever
coding it comes; what is not whole never is. And nginx: files with validators, their 304, reloads, death and return."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from souk_system import SOURCE, Server, child_pids, free_port, wait_until
from souk_upstream import QUICK, create, define, products, upstream

sys.path.insert(0, os.path.join(SOURCE, 'scripts'))
from nginx_upstream import NginxUpstream, nginx_path  # noqa: E402

PRODUCT = '{\\"id\\": \\"p1\\", \\"title\\": \\"red shoe\\"}'
JSON = PRODUCT.replace('\\', '')
HEX = JSON.encode().hex()

# name -> (what the server does after rxreq, is the product taken)
ANSWERS = {
    'plain': (f'txresp -hdr "Cache-Control: max-age=60" -body "{PRODUCT}"', True),
    'gzip': (f'txresp -gzipbody "{PRODUCT}"', True),
    'chunked': (f'txresp -nolen -hdr "Transfer-Encoding: chunked"\nchunked "{PRODUCT[:15]}"\nchunked "{PRODUCT[15:]}"\nchunkedlen 0', True),
    'a_1xx_before': (f'send "HTTP/1.1 103 Early Hints\\r\\nLink: </x>\\r\\n\\r\\n"\ntxresp -body "{PRODUCT}"', True),
    'until_the_end': (f'send "HTTP/1.0 200 OK\\r\\nConnection: close\\r\\n\\r\\n"\nsendhex "{HEX}"', True),
    'chunk_garbage': (f'txresp -nolen -hdr "Transfer-Encoding: chunked"\nsend "zz\\r\\n"\nsendhex "{HEX}"', False),
    'no_last_chunk': (f'txresp -nolen -hdr "Transfer-Encoding: chunked"\nchunked "{PRODUCT}"', False),
    'half_a_header': ('send "HTTP/1.1 200 OK\\r\\nContent-Le"', False),
    'no_header': ('send "hello\\r\\n"', False),
    'nothing': ('delay 0.01', False),
    'other_length': (f'send "HTTP/1.1 200 OK\\r\\nContent-Length: 500\\r\\n\\r\\n"\nsendhex "{HEX}"', False),
    'no_body': ('txresp -status 204 -nolen', False),
    'partial': (f'txresp -status 206 -body "{PRODUCT}"', False),
}


def listens(port):
    """Asked of the kernel: a connection would be an exchange of the script."""
    with open('/proc/net/tcp') as f:
        return any(line.split()[1].endswith(f':{port:04X}') and line.split()[3] == '0A' for line in f.readlines()[1:])


@unittest.skipUnless(shutil.which('varnishtest'), 'varnishtest is not installed')
class Contract(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.folder = tempfile.mkdtemp(prefix='souk-vtc-')
        cls.peers, cls.taken, cls.ports = {}, {}, []
        for name, (answer, _) in ANSWERS.items():
            cls.begin(name, answer)
        for port in cls.ports:
            wait_until(lambda: listens(port), 10, 'a peer listens')
        for name in ANSWERS:
            out = cls.server.run('get', name, 'p1', '--timeout', '3000', check=False).stdout
            cls.taken[name] = json.loads(out)

    @classmethod
    def begin(cls, name, answer):
        port = free_port()
        cls.ports.append(port)
        script = os.path.join(cls.folder, f'{name}.vtc')
        with open(script, 'w') as f:
            body = '\n'.join('    ' + line for line in ['rxreq', *answer.split('\n')])
            f.write(f'vtest "{name}"\nserver s1 -listen 127.0.0.1:{port} -repeat 50 {{\n{body}\n}} -start\ndelay 20\n')
        cls.peers[name] = subprocess.Popen(['varnishtest', '-t', '60', '-q', script], stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL, cwd=cls.folder)
        create(cls.server, name)
        define(cls.server, name, 'peer', {'one': f'http://127.0.0.1:{port}/p/{{id}}', **QUICK, 'canary_ms': 86400000})
        wait_until(lambda: upstream(cls.server, name)['providers'], 5)

    @classmethod
    def tearDownClass(cls):
        for peer in cls.peers.values():
            for pid in child_pids(peer.pid):  # the script runs in a child with a group of its own
                os.kill(pid, signal.SIGKILL)
            peer.wait(10)
        cls.server.stop()
        cls.server.remove()
        shutil.rmtree(cls.folder, ignore_errors=True)


def add(name, taken):
    def test(self):
        got = self.taken[name]
        if taken:
            self.assertEqual(got.get('product', {}).get('title'), 'red shoe', got)
        else:
            self.assertEqual(got.get('error'), 'UPSTREAM', got)
            self.assertEqual(self.server.search(name, 'shoe')['found'], 0)
    setattr(Contract, f'test_{name}', test)


for _name, (_, _taken) in ANSWERS.items():
    add(_name, _taken)

@unittest.skipUnless(nginx_path(), 'nginx is not installed')
class Nginx(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='souk-nginx-')
        self.up = NginxUpstream(self.folder, cache_control='max-age=2, stale-while-revalidate=1, stale-if-error=600', page=10)
        self.server = Server().start()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.addCleanup(self.server.remove)
        self.addCleanup(self.server.stop)
        self.addCleanup(self.up.stop)
        self.up.fill(products(40).values())
        self.up.start()
        create(self.server, 'shop')
        define(self.server, 'shop', 'main', self.up.definition(**{k: v for k, v in QUICK.items() if k != 'canary'}))
        wait_until(lambda: self.found()['found'] == 40, 20, 'synced')

    def found(self, words=''):
        return self.server.search('shop', words, '-k', 40, '--no-cache')

    def statuses(self, path):
        with open(os.path.join(self.folder, 'access.log')) as f:
            return [line.split()[1] for line in f if line.split()[2] == path]

    def test_validators_are_sent_back_and_a_304_renews(self):
        wait_until(lambda: (self.found(), self.statuses('/products/p7.json').count('304') >= 2)[1], 30, 'asked with what nginx told')
        hit = next(h for h in self.found()['hits'] if h['id'] == 'p7')
        self.assertLess(hit['age_ms'], 10000)
        self.assertEqual(hit['product']['title'], 'red shoe 7')
        # another file has another validator, and is taken whole
        self.up.put({'id': 'p7', 'title': 'blue boot 7', 'price': 1})
        wait_until(lambda: (self.found(), self.found('boot')['found'] == 1)[1], 30, 'the new one is there')
        self.assertEqual(upstream(self.server, 'shop')['providers'][0]['failures'], 0)

    def test_changes_and_what_is_gone_follow_the_feed(self):
        self.up.change([{'id': 'p1', 'title': 'green hat 1', 'price': 2}, {'id': 'new', 'title': 'green hat 2', 'price': 3}])
        wait_until(lambda: self.found('hat')['found'] == 2, 20, 'changes come')
        self.assertEqual(self.found()['found'], 41)
        os.unlink(os.path.join(self.folder, 'www', 'products', 'p3.json'))  # 404, and once more
        wait_until(lambda: self.found()['found'] == 40, 60, 'what is not found twice goes')

    def test_errors_death_and_return_lose_nothing(self):
        for how in ('error', 'html', 'dead'):
            self.up.stop() if how == 'dead' else self.up.mode(how)
            wait_until(lambda: (self.found(), upstream(self.server, 'shop')['providers'][0]['breaker'] in ('open', 'half_open'))[1], 30, how)
            r = self.found()
            self.assertEqual(r['found'], 40)
            self.assertEqual([h for h in r['hits'] if h['product']['title'] != f"red shoe {h['id'][1:]}"], [])
            wait_until(lambda: self.found()['freshness']['stale_if_error'] == 40, 20, 'all are labelled')
            if how == 'dead':
                self.up.start()
            self.up.mode('healthy')
            wait_until(lambda: self.found()['freshness']['fresh'] > 0, 40, 'confirmed anew')


if __name__ == '__main__':
    unittest.main(verbosity=2 if os.environ.get('SOUK_VERBOSE') else 1)
