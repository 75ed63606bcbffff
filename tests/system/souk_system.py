"""What system tests share: a real soukd in a directory of its own, its processes, the souk command.

    with Server() as s:
        s.souk('ping')
        s.import_lines('shop', [{'id': '1', 'title': 'red shoe'}])
        s.search('shop', 'shoe')['found']

SOUK_BIN names the folder of soukd and souk. Servers listen on free loopback ports; only processes
that were started here are signalled, by pid.
"""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get('SOUK_BIN', os.path.join(SOURCE, 'build', 'bin'))
SHARED = os.environ.get('SOUK_SHARED', os.path.join(SOURCE, '..', 'shared'))
# What sanitizers and a busy machine may cost: time limits are multiplied by this.
SLACK = float(os.environ.get('SOUK_SLACK', '1'))
# Under a sanitizer memory that was freed stays for a while: what a process holds says nothing there.
SANITIZED = bool(os.environ.get('SOUK_SANITIZE'))
PATIENCE = 3
SEED = int(os.environ.get('SOUK_SEED', str(random.SystemRandom().randrange(1 << 31))))


def shared_data(*parts):
    """Path of a file of the shared data, or None where a plain clone has none."""
    path = os.path.join(SHARED, 'data', *parts)
    return path if os.path.exists(path) else None


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_until(condition, seconds=10, what='condition'):
    """Polls until condition() is true and returns its value. `seconds` is what a calm machine needs at most; a busy one
    gets PATIENCE times as much before it is an AssertionError."""
    seconds *= PATIENCE
    end = time.monotonic() + seconds * SLACK
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'{what}: not within {seconds * SLACK:g} s')
        time.sleep(0.01)


class Failed(AssertionError):
    """A souk command ended with another exit status than wanted."""

    def __init__(self, args, done):
        super().__init__(f'souk {" ".join(args)} -> {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}')
        self.returncode, self.stdout, self.stderr = done.returncode, done.stdout, done.stderr


class Server:
    """A soukd of its own; start() again after stop() or kill() serves the same data."""

    def __init__(self, *arguments, fronts=2, data=None, env=None, prefix=(), options=(), soukd=None):
        self.data = data or tempfile.mkdtemp(prefix='souk-test-')
        self.keep_data = data is not None
        self.port = free_port()
        self.address = f'127.0.0.1:{self.port}'
        self.log_path = self.data + '.log'
        self.process = None
        self.arguments = [*arguments, '--set', f'server.fronts={fronts}']
        for option in options:
            self.arguments += ['--set', option]
        self.soukd = soukd or os.path.join(BIN, 'soukd')
        self.env = {**os.environ, **(env or {})}
        self.prefix = list(prefix)  # what soukd runs under, e.g. faketime

    # --- life -------------------------------------------------------------------------------------

    def start(self, ready=True):
        self.log = open(self.log_path, 'ab')
        self.process = subprocess.Popen(
            [*self.prefix, self.soukd, '--data', self.data, '--listen', self.address, *self.arguments],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, env=self.env)
        if ready:
            wait_until(self.ready, 20, 'soukd answers')
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f'soukd ended with {self.process.returncode}:\n{self.log_text()[-3000:]}')
        return self.run('ping', check=False).returncode == 0 and os.path.exists(f'{self.data}/writer.sock')

    def stop(self, seconds=20):
        """TERM and wait; returns the exit status."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds * SLACK)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return self.process.returncode if self.process else None

    def kill(self):
        """SIGKILL to every process, the supervisor first."""
        if self.process and self.process.poll() is None:
            pids = [self.process.pid, *self.children().values()]
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()
            for pid in pids[1:]:
                wait_until(lambda pid=pid: not os.path.exists(f'/proc/{pid}') or process_state(pid) == 'Z', 10, 'a killed process is gone')

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        failed = kind is not None
        try:
            self.kill() if failed else self.stop()
            if not failed and 'the index refused' in self.log_text():
                failed = True
                raise AssertionError('what was acked was refused by the index:\n' + self.log_text()[-2000:])
        finally:
            if failed:
                sys.stderr.write(f'--- log of soukd\n{self.log_text()[-4000:]}\n')
            self.remove()

    def remove(self):
        self.log.close()
        if not self.keep_data and not os.environ.get('SOUK_KEEP'):
            shutil.rmtree(self.data, ignore_errors=True)
            if os.path.exists(self.log_path):
                os.unlink(self.log_path)

    def log_text(self):
        with open(self.log_path, errors='replace') as f:
            return f.read()

    # --- processes --------------------------------------------------------------------------------

    def children(self):
        """{'front 0': pid, 'admin 0': pid, 'writer 0': pid, 'fetcher 0': pid}"""
        found = {}
        supervisor = self.process.pid
        if self.prefix:  # what it runs under may have stayed its parent
            supervisor = descend(supervisor)
        for pid in child_pids(supervisor):
            words = command_line(pid)
            if '--role' in words and '--number' in words:
                found[f"{words[words.index('--role') + 1]} {words[words.index('--number') + 1]}"] = pid
        return found

    def pid(self, name):
        return self.children()[name]

    def kill_child(self, name, signo=signal.SIGKILL):
        pid = self.pid(name)
        os.kill(pid, signo)
        return pid

    def replaced(self, name, old, seconds=5):
        """Waits until another process has the place of `old`; returns its pid."""
        return wait_until(lambda: (p := self.children().get(name)) and p != old and p, seconds, f'{name} is replaced')

    # --- the command line -------------------------------------------------------------------------

    def run(self, *arguments, check=True, input=None, server=None, timeout=120, env=None):
        done = subprocess.run([os.path.join(BIN, 'souk'), '--server', server or self.address, *map(str, arguments)],
                              input=input, capture_output=True, text=True, timeout=timeout * SLACK, env={**self.env, **(env or {})})
        if check and done.returncode != 0:
            raise Failed(list(map(str, arguments)), done)
        return done

    def souk(self, *arguments, **options):
        return self.run(*arguments, **options).stdout

    def spawn(self, *arguments, **options):
        """A souk command that runs beside the test."""
        return subprocess.Popen([os.path.join(BIN, 'souk'), '--server', self.address, *map(str, arguments)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.env, **options)

    def json(self, *arguments, **options):
        return json.loads(self.souk(*arguments, '--json', **options))

    def search(self, catalog, words='', *options, **more):
        return self.json('search', catalog, *([words] if words else []), *options, **more)

    def stats(self, **options):
        return self.json('stats', **options)

    def import_lines(self, catalog, products, *options):
        """Imports dicts through `souk import`; every one must be taken."""
        with tempfile.NamedTemporaryFile('w', suffix='.jsonl', delete=False) as f:
            for product in products:
                f.write(json.dumps(product, ensure_ascii=False) + '\n')
        try:
            return self.souk('import', '--catalog', catalog, f.name, '--quiet', *options)
        finally:
            os.unlink(f.name)

    def check_data(self):
        """index_check of every catalog, while the server runs or not."""
        done = subprocess.run([self.soukd, '--data', self.data, '--check-data'], capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise AssertionError(f'--check-data: {done.returncode}\n{done.stdout}{done.stderr}')
        return done.stdout

    @property
    def admin(self):
        return f'unix:{self.data}/admin.sock'


def child_pids(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children') as f:
            return [int(word) for word in f.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def command_line(pid):
    try:
        with open(f'/proc/{pid}/cmdline', 'rb') as f:
            return f.read().decode(errors='replace').replace('\0', ' ').split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def descend(pid):
    """From a wrapper to the supervisor below it."""
    while '--role' not in command_line(pid) and not any('--role' in command_line(c) for c in child_pids(pid)):
        below = child_pids(pid)
        if not below:
            return pid
        pid = below[0]
    return pid


def process_state(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().rpartition(')')[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def resident_bytes(pid, private=True):
    """Anonymous (private) or all resident memory of a process, in bytes."""
    key = 'RssAnon:' if private else 'VmRSS:'
    with open(f'/proc/{pid}/status') as f:
        for line in f:
            if line.startswith(key):
                return int(line.split()[1]) * 1024
    return 0


def products(count, seed=1):
    """Made-up products; the same for a seed."""
    draw = random.Random(seed)
    colours = ['red', 'blue', 'green', 'black', 'white', 'silver']
    things = ['shoe', 'shirt', 'lamp', 'chair', 'table', 'mug', 'phone', 'bag', 'watch', 'bottle']
    for i in range(count):
        yield {'id': f'p{i}', 'title': f'{draw.choice(colours)} {draw.choice(things)} {draw.randrange(count)}',
               'description': ' '.join(draw.choice(things + colours) for _ in range(8)),
               'brand': f'Brand{draw.randrange(20)}', 'category': draw.choice(['Home', 'Garden', 'Sport']),
               'price': round(draw.uniform(1, 500), 2), 'stock': draw.randrange(100)}
