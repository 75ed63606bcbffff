"""A catalog service to try Souk with: Debian's nginx that serves products as JSON files.

    /products/ID.json   one product      Cache-Control, ETag and Last-Modified as nginx gives them
    /changes/N.json     {"items": [...], "next": "N+1"}; the last one has no items and names itself

It runs as a child on a free loopback port with everything in one directory, and can be made to
misbehave: mode() writes another configuration and reloads it.
"""
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse

MODES = {
    'healthy': '',
    'slow': 'limit_rate 120;',     # bytes a second: a product takes seconds
    'error': 'return 503;',
    'broken': 'return 500;',
    'html': 'default_type text/html; return 200 "<html>maintenance</html>";',
}

CONFIG = """
daemon off; master_process on; worker_processes 1; pid {root}/nginx.pid;
error_log {root}/error.log warn;
{user}
events {{ worker_connections 1024; }}
http {{
  log_format times '$msec $status $uri';
  access_log {root}/access.log times;
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
  uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
  types {{ application/json json; }}
  keepalive_requests 100000;
  server {{
    listen 127.0.0.1:{port};
    root {root}/www;
    add_header Cache-Control "{cache_control}";
    {behaviour}
  }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def nginx_path():
    return shutil.which('nginx') or shutil.which('nginx', path='/usr/sbin:/sbin')


class NginxUpstream:
    def __init__(self, root, cache_control='max-age=60', page=500):
        self.root, self.cache_control, self.page = root, cache_control, page
        self.port = free_port()
        self.base = f'http://127.0.0.1:{self.port}'
        self.process = None
        self.behaviour = 'healthy'
        os.makedirs(f'{root}/www/products', exist_ok=True)
        os.makedirs(f'{root}/www/changes', exist_ok=True)

    # --- what it serves ---------------------------------------------------------------------------

    def fill(self, products):
        """Writes the files of an iterable of dicts with "id"; returns how many."""
        count, page, items = 0, 0, []
        for product in products:
            self.put(product)
            items.append(product)
            count += 1
            if len(items) == self.page:
                self.write_page(page, items)
                page, items = page + 1, []
        if items:
            self.write_page(page, items)
            page += 1
        self.write(f'changes/{page}.json', {'items': [], 'next': str(page)})
        self.end = page
        return count

    def put(self, product):
        self.write(f'products/{urllib.parse.quote(product["id"], safe="")}.json', product)

    def change(self, products):
        """Adds one page of changes at the end of the feed."""
        for product in products:
            self.put(product)
        self.write(f'changes/{self.end + 1}.json', {'items': [], 'next': str(self.end + 1)})
        self.write_page(self.end, products)
        self.end += 1

    def write_page(self, page, items):
        self.write(f'changes/{page}.json', {'items': items, 'next': str(page + 1)})

    def write(self, path, value):
        path = f'{self.root}/www/{path}'
        data = json.dumps(value, ensure_ascii=False).encode()
        if not self.process:
            with open(path, 'wb', buffering=0) as f:
                f.write(data)
            return
        with open(path + '.new', 'wb', buffering=0) as f:  # nginx never sees half of it
            f.write(data)
        os.replace(path + '.new', path)

    # --- life -------------------------------------------------------------------------------------

    def configure(self):
        user = 'user root;' if os.geteuid() == 0 else ''
        with open(f'{self.root}/nginx.conf', 'w') as f:
            f.write(CONFIG.format(root=self.root, port=self.port, user=user,
                                  cache_control=self.cache_control, behaviour=MODES[self.behaviour]))

    def start(self):
        self.configure()
        self.process = subprocess.Popen(
            [nginx_path(), '-p', self.root, '-c', f'{self.root}/nginx.conf', '-e', f'{self.root}/error.log'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket() as s:
                if s.connect_ex(('127.0.0.1', self.port)) == 0:
                    return self
            time.sleep(0.02)
        raise RuntimeError('nginx does not listen: ' + open(f'{self.root}/error.log').read()[-500:])

    def mode(self, name):
        """healthy, slow, error, broken, html: at once, for connections that are open too."""
        self.behaviour = name
        self.configure()
        if self.process:
            self.process.send_signal(1)

    def stop(self):
        """Dead: connections are refused."""
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def calls(self):
        """Requests it has answered."""
        return sum(1 for _ in self.log())

    def log(self, start=0):
        """(end of the request in seconds, status, path) of each request behind the first `start`."""
        try:
            with open(f'{self.root}/access.log', encoding='utf-8', errors='replace') as f:
                for number, line in enumerate(f):
                    if number >= start and line.endswith('\n'):
                        at, status, path = line.split(' ', 2)
                        yield float(at), int(status), path.strip()
        except FileNotFoundError:
            return

    def definition(self, **more):
        return {'one': self.base + '/products/{id}.json', 'changes': self.base + '/changes/{cursor}.json',
                'first_cursor': '0', **more}
