"""A ledger of what a server has acknowledged, and threads that write and search until they are told to stop.

Every item that was acked must be there exactly once, in its last acked state; one that was sent and never
acked may be there or not. Each writer owns its ids, sends one bulk at a time and sends it again under the
same idempotency key until it is answered.
"""
import json
import os
import random
import tempfile
import threading
import time

from souk_wire import Connection, Refused, delete, field, upsert


class Ledger:
    def __init__(self, server, catalog, writers=3, seed=1, items=40):
        self.server, self.catalog, self.items = server, catalog, items
        self.stop, self.faults, self.acked = threading.Event(), [], 0
        self.states = [{} for _ in range(writers)]  # id -> set of allowed values; None = absent
        self.threads = [threading.Thread(target=self._write, args=(n, random.Random(seed * 100 + n)), daemon=True)
                        for n in range(writers)]
        self.searches = 0
        self.threads.append(threading.Thread(target=self._search, daemon=True))

    def start(self):
        for t in self.threads:
            t.start()
        return self

    def finish(self):
        self.stop.set()
        for t in self.threads:
            t.join(60)

    def _connect(self):
        while not self.stop.is_set():
            try:
                return Connection(('127.0.0.1', self.server.port), 10)
            except OSError:
                time.sleep(0.01)
        return None

    def _write(self, number, draw):
        state, serial, connection = self.states[number], 0, None
        while not self.stop.is_set():
            serial += 1
            wanted = {}
            for _ in range(draw.randint(1, self.items)):
                key = f'w{number}-{draw.randrange(400)}'
                wanted[key] = None if draw.random() < 0.15 else draw.randrange(1 << 30)
            bulk = [delete(k) if v is None else upsert(k, {'title': f'item {k}', 'price': float(v)})
                    for k, v in wanted.items()]
            for key, value in wanted.items():
                state.setdefault(key, {None}).add(value)
            name = f'{number}-{serial}-{draw.randrange(1 << 30)}'.encode()
            while not self.stop.is_set():
                try:
                    connection = connection or self._connect()
                    if not connection:
                        return
                    reply = connection.put(self.catalog, bulk, key=name, deadline_ms=5000)
                    if field(reply.body, 'PUT', 'FAILED', 0) > sum(v is None for v in wanted.values()):
                        self.faults.append(f'items of {name} failed: {reply.body[:200]}')
                    for key, value in wanted.items():
                        state[key] = {value}
                    self.acked += len(wanted)
                    break
                except Refused as refused:
                    if refused.name not in ('UNAVAILABLE', 'OVERLOADED', 'DEADLINE', 'IN_PROGRESS'):
                        self.faults.append(f'write refused: {refused}')
                        return
                    time.sleep(0.01)
                except (OSError, EOFError):
                    connection = None
                    time.sleep(0.005)

    def _search(self):
        connection, failed_at = None, 0
        while not self.stop.is_set():
            try:
                connection = connection or self._connect()
                if connection:
                    connection.search(self.catalog, 'item', deadline_ms=5000)
                    self.searches, failed_at = self.searches + 1, 0
            except Refused as refused:
                if refused.name != 'UNAVAILABLE':
                    self.faults.append(f'search refused: {refused}')
                    return
            except (OSError, EOFError):
                connection = None

    def contradictions(self):
        """Compares the exported catalog with the ledger."""
        with tempfile.NamedTemporaryFile('r', suffix='.jsonl') as f:
            self.server.souk('export', '--catalog', self.catalog, '-o', f.name)
            lines = [json.loads(line) for line in open(f.name)]
        there, wrong = {}, list(self.faults)
        for product in lines:
            if product['id'] in there:
                wrong.append(f'{product["id"]} is there twice')
            there[product['id']] = product
        for state in self.states:
            for key, allowed in state.items():
                value = there.pop(key, None)
                value = value and int(value['price'])
                if value not in allowed:
                    wrong.append(f'{key}: is {value}, acked was {allowed}')
        wrong += [f'{key} was never sent' for key in there]
        return wrong
