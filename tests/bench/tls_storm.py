#!/usr/bin/env python3
"""What searches feel of a storm of TLS handshakes: one front, searches in the clear at a rate, with and without somebody
who keeps 40 connections open that have sent a ClientHello, and goes as soon as the server has signed.

    tests/bench/tls_storm.py BIN PRODUCTS.jsonl.zst QUERIES [RATE]

BIN: the folder of soukd, souk and souk-load; QUERIES: one a line. Prints p50, p99 and maximum of the searches, handshakes
begun a second, and the front's processor time, by turns, for a P-256 and an RSA-2048 certificate.
"""
import json
import os
import select
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'system'))
HELLOS, SECONDS = 40, 2


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    session = context.wrap_bio(incoming, outgoing)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def flood(port, seconds):
    hello, epoll, opened, done = client_hello(), select.epoll(), {}, 0
    end = time.monotonic() + seconds

    def one():
        c = socket.socket()
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        c.connect(('127.0.0.1', port))
        c.send(hello)
        opened[c.fileno()] = c
        epoll.register(c.fileno(), select.EPOLLIN)

    for _ in range(HELLOS):
        one()
    while time.monotonic() < end:
        for fd, _ in epoll.poll(0.1):
            epoll.unregister(fd)
            opened.pop(fd).close()
            done += 1
            one()
    print(round(done / seconds))


def main():
    folder, products, queries = sys.argv[1:4]
    rate = sys.argv[4] if len(sys.argv) > 4 else '1000'
    os.environ['SOUK_BIN'] = folder
    from souk_system import Server, free_port
    from souk_tls import Authority
    home = tempfile.mkdtemp(prefix='souk-storm-')
    ca = Authority(home)
    for rsa in (False, True):
        certificate, key = ca.issue('server', rsa=rsa)
        port = free_port()
        with Server(fronts=1, options=[f'tls.listen=127.0.0.1:{port}', f'tls.certificate={certificate}', f'tls.key={key}']) as s:
            s.souk('import', '--catalog', 'products', products, '--quiet')
            pid = s.pid('front 0')

            def used(pid=pid):
                with open(f'/proc/{pid}/stat') as f:
                    words = f.read().split(')')[1].split()
                return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')

            for storm in (False, True, False, True):
                p = subprocess.Popen([sys.executable, __file__, '--flood', str(port), str(SECONDS + 1)], stdout=subprocess.PIPE, text=True) if storm else None
                time.sleep(0.3)
                before = used()
                done = subprocess.run([os.path.join(folder, 'souk-load'), 'run', '--server', s.address, '--catalog', 'products', '--queries', queries,
                                       '--rate', rate, '--seconds', str(SECONDS), '--connections', '8', '--no-cache', '--arrivals', 'poisson',
                                       '--quiet', '--json'], capture_output=True, text=True)
                took, of = used() - before, json.loads(done.stdout)['latency']
                hellos = p.communicate()[0].strip() if p else '0'
                print(f'{"rsa-2048" if rsa else "p-256":9} {"storm" if storm else "quiet"} p50_us={of["p50_us"]} p99_us={of["p99_us"]} max_us={of["max_us"]} '
                      f'hellos={hellos} front={took / SECONDS:.2f}', flush=True)
    shutil.rmtree(home)


if __name__ == '__main__':
    if sys.argv[1:2] == ['--flood']:
        flood(int(sys.argv[2]), float(sys.argv[3]))
    else:
        main()
