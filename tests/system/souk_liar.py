"""A leader that is none, for tests of what a follower believes."""
import socket
import threading
import time

from souk_wire import OPCODES, STATUSES, TAGS, Connection, fields, frame, text, tlv, varint

REPLY, OK, NOT_FOUND = 1, 0, next(n for n, name in STATUSES.items() if name == 'NOT_FOUND')


class Liar:
    """A leader of a test's own: the catalogs it lists are a function's, and it has no copies."""

    def __init__(self, catalogs, build=True):
        self.catalogs, self.build, self.asked, self.closed = catalogs, build, [], False
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.address = f'127.0.0.1:{self.socket.getsockname()[1]}'
        threading.Thread(target=self.listen, daemon=True).start()

    def close(self):
        self.closed = True
        self.socket.close()

    def listen(self):
        while not self.closed:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        c = Connection.__new__(Connection)
        c.socket, c.pending, c.next_id = s, b'', 1
        try:
            while True:
                f = c.read()
                if f.flags & 4:  # CHECKSUM
                    f = f._replace(body=f.body[:-8])
                status, body = self.answer(f)
                s.sendall(frame(f.opcode, body, f.request_id, flags=REPLY, status=status))
        except (EOFError, OSError):
            s.close()

    def answer(self, f):
        if f.opcode == OPCODES['HELLO']:
            return OK, (tlv('HELLO', 'MIN_VERSION', 1) + tlv('HELLO', 'MAX_VERSION', 1) + tlv('HELLO', 'FEATURES', 16) +
                        tlv('HELLO', 'MAX_FRAME', 16 << 20) + tlv('HELLO', 'MAX_IN_FLIGHT', 100))
        if f.opcode == OPCODES['LOG_READ']:
            time.sleep(0.05)
            body = tlv('LOG_READ', 'STORE', b's' * 16) + tlv('LOG_READ', 'NOW_MS', 1) + tlv('LOG_READ', 'SEEN', 1)
            if self.build:  # that of who asks
                body += tlv('LOG_READ', 'BUILD', dict(fields(f.body))[TAGS['LOG_READ']['BUILD']])
            for name in self.catalogs():
                body += tlv('LOG_READ', 'CATALOG', text(name) + text(b'n' * 16) + varint(1) + varint(0) + varint(7) + b'\1\0')
            return OK, body
        if f.opcode == OPCODES['COPY_READ']:
            self.asked.append(dict(fields(f.body))[TAGS['COPY_READ']['CATALOG']])
            return NOT_FOUND, tlv('ERROR', 'TEXT', 'no such copy')
        return OK, b''
