"""Bad input over the real protocol: each gets its typed error with what and where, and the server goes on."""
import random
import socket
import struct
import threading
import unittest

from souk_system import SEED, Server, products
from souk_wire import (FLAGS, OPCODES, STATUSES, Connection, Reader, Refused, delete, field, fields, frame, put_body, text, tlv, upsert,
                       varint, xxh64)


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.server.import_lines('shop', products(300))
        cls.address = ('127.0.0.1', cls.server.port)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def setUp(self):
        self.c = Connection(self.address)

    def tearDown(self):
        self.c.close()
        with Connection(self.address) as c:  # whatever came, the server goes on
            self.assertGreater(field(c.search('shop', 'red'), 'HITS', 'FOUND'), 0)

    def refused(self, name, opcode, body, on=None, **options):
        with self.assertRaises(Refused) as caught:
            (on or self.c).call(opcode, body, **options)
        self.assertEqual(caught.exception.name, name, caught.exception)
        self.assertGreater(len(caught.exception.sentence), 5, 'the error has a sentence')
        return caught.exception

    def search_body(self, words='red', *more):
        return tlv('SEARCH', 'CATALOG', 'shop') + tlv('SEARCH', 'TEXT', words) + b''.join(more)

    def goes_on(self):
        self.assertEqual(self.c.call('PING', b'x').body, b'x', 'the connection goes on')

    # --- requests -----------------------------------------------------------------------------------

    def test_unknown_catalog(self):
        self.refused('UNKNOWN_CATALOG', 'SEARCH', tlv('SEARCH', 'CATALOG', 'nowhere'))
        self.refused('UNKNOWN_CATALOG', 'GET', tlv('GET', 'CATALOG', 'nowhere') + tlv('GET', 'ID', '1'))
        self.refused('UNKNOWN_CATALOG', 'PUT', put_body('nowhere', [upsert('a', {'title': 'x'})]))
        self.goes_on()

    def test_unknown_fields_are_named(self):
        for body, what in ((self.search_body('', tlv('SEARCH', 'FILTER', 'colour = red')), 'colour'),
                           (self.search_body('', tlv('SEARCH', 'SORT', b'\0' + text('weight'))), 'weight'),
                           (self.search_body('', tlv('SEARCH', 'RETURN', 'nope')), 'nope')):
            e = self.refused('UNKNOWN_FIELD', 'SEARCH', body)
            self.assertIn(what, e.sentence)
        for tag, value, place in (('RETURN', 'nope', 'return'), ('HIGHLIGHT', text('<') + text('>') + b'\1' + text('nope'), 'highlight')):
            e = self.refused('UNKNOWN_FIELD', 'SEARCH', self.search_body('', tlv('SEARCH', tag, value)))
            self.assertEqual(field(e.reply.body, 'ERROR', 'FIELD'), place.encode())
        self.goes_on()

    def test_a_filter_error_has_its_position(self):
        e = self.refused('SYNTAX', 'SEARCH', self.search_body('', tlv('SEARCH', 'FILTER', 'price >= 5 and =')))
        self.assertEqual(field(e.reply.body, 'ERROR', 'POSITION'), 16)
        self.goes_on()

    def test_a_deep_filter_is_refused(self):
        deep = '(' * 5000 + 'price > 1' + ')' * 5000
        e = self.refused('TOO_DEEP', 'SEARCH', self.search_body('', tlv('SEARCH', 'FILTER', deep)))
        self.assertIn('deep', e.sentence + e.name.lower())
        self.goes_on()

    def test_a_delete_by_an_empty_filter_is_refused(self):
        for blank in ('', ' ', ' \t\r\n '):
            with self.subTest(blank=blank):
                self.refused('INVALID', 'DELETE', tlv('SCAN', 'CATALOG', 'shop') + tlv('SCAN', 'FILTER', blank))
        self.refused('INVALID', 'DELETE', tlv('SCAN', 'CATALOG', 'shop'))
        self.assertGreater(field(self.c.search('shop', ''), 'HITS', 'FOUND'), 100)

    def test_a_bulk_of_which_nothing_counts_has_no_sequence_of_its_own(self):
        before = field(self.c.search('shop', ''), 'HITS', 'SEQUENCE')
        reply = self.c.put('shop', [delete('not there')])
        self.assertEqual(field(reply.body, 'PUT', 'SEQUENCE'), before)
        self.c.call('WAIT', tlv('WAIT', 'CATALOG', 'shop') + tlv('WAIT', 'SEQUENCE', before), deadline_ms=2000)

    def test_invalid_utf8(self):
        self.refused('BAD_UTF8', 'SEARCH', self.search_body(b'red \xff\xfe shoe'))
        reply = self.c.put('shop', [upsert('bad', {'title': b'\xc3\x28'.decode('latin-1')}), upsert('good', {'title': 'fine'})])
        self.assertEqual(field(reply.body, 'PUT', 'FAILED', 0), 0, 'latin letters are fine as UTF-8')
        body = put_body('shop', [upsert('bad', {'title': 'AB'})]).replace(b'AB', b'\xc3\x28')
        reply = self.c.call('PUT', body)
        self.assertEqual(field(reply.body, 'PUT', 'FAILED'), 1)
        self.goes_on()

    def test_each_bad_item_is_told_and_the_others_are_taken(self):
        items = [upsert('ok1', {'title': 'zebra'}), upsert('b1', {'price': 'cheap'}), upsert('b2', {'nope': 1}),
                 upsert('', {'title': 'no id'}), upsert('x' * 600, {'title': 'long id'}), upsert('b3', {'price': float('nan')}),
                 upsert('ok2', {'title': 'zebra'})]
        reply = self.c.call('PUT', put_body('shop', items, ack=2))
        results = {}
        for tag, value in fields(reply.body):
            if tag == 11:
                r = Reader(value)
                item = r.varint()
                results[item] = (STATUSES[r.varint()], r.bytes().decode(), r.bytes().decode())
        self.assertEqual(sorted(results), [1, 2, 3, 4, 5])
        self.assertEqual(results[1][:2], ('SCHEMA_MISMATCH', 'price'))
        self.assertEqual(results[2][:2], ('UNKNOWN_FIELD', 'nope'))
        self.assertIn('nope', results[2][1] + results[2][2])
        self.assertEqual(results[5][1], 'price')
        self.assertTrue(all(sentence for _, _, sentence in results.values()))
        self.assertEqual(field(self.c.search('shop', 'zebra'), 'HITS', 'FOUND'), 2)

    def test_absurd_numbers(self):
        huge = varint((1 << 64) - 1)
        for extra in (tlv('SEARCH', 'K', huge), tlv('SEARCH', 'OFFSET', huge), tlv('SEARCH', 'K', 1 << 31)):
            self.refused('TOO_LARGE', 'SEARCH', self.search_body('red', extra))
        self.goes_on()

    def test_lengths_beyond_the_body(self):
        for body in (b'\x02\xff\xff\xff\xff\x0f', b'\x02' + varint(1 << 62), b'\xff' * 11, b'\x01\x04sh',
                     tlv('PUT', 'CATALOG', 'shop') + b'\x05' + varint(1 << 40)):
            for opcode in ('SEARCH', 'GET', 'PUT', 'CATALOG', 'SCAN', 'MULTI_SEARCH', 'WAIT', 'DELETE'):
                with self.assertRaises(Refused) as e:
                    self.c.call(opcode, body)
                self.assertIn(e.exception.name, ('INVALID', 'UNKNOWN_CATALOG', 'NOT_FOUND', 'TOO_LARGE'), opcode)
        self.goes_on()

    def test_unknown_operation_flags_and_tags(self):
        self.refused('UNSUPPORTED', 200, b'')
        found = self.c.search('shop', 'red', tlv('SEARCH', 'K', 3) + varint(9999) + varint(3) + b'abc', flags=0x4000 | 0x8000)
        self.assertGreater(field(found, 'HITS', 'FOUND'), 0)

    def test_the_place_of_what_is_damaged_in_a_body_is_told(self):
        before = tlv('SEARCH', 'CATALOG', 'shop')
        for broken in tlv('SEARCH', 'SORT', b'\0\x7fprice'), tlv('SEARCH', 'HIGHLIGHT', b'\1<'), b'\2\x7f', tlv('SEARCH', 'GROUP', b'\xff' * 11):
            e = self.refused('INVALID', 'SEARCH', before + broken)
            place = field(e.reply.body, 'ERROR', 'POSITION')
            self.assertIn(place, (len(before) + 3, len(before) + 2))
            self.assertIn(f'at byte {place}', e.sentence)
        e = self.refused('INVALID', 'PUT', put_body('shop', [upsert('a', {'title': 'x'})]) + tlv('PUT', 'ITEM', b'\0'))
        self.assertEqual(field(e.reply.body, 'ERROR', 'ITEM'), 1)
        self.goes_on()

    def test_more_searches_than_allowed_in_one_request(self):
        part = varint(20) + varint(len(self.search_body())) + self.search_body()
        self.refused('TOO_LARGE', 'MULTI_SEARCH', part * 33)
        self.goes_on()

    def test_more_facets_than_allowed_in_one_search(self):
        facet = tlv('SEARCH', 'FACET', text('price') + b'\0\0' + text('') + text('') + b'\0')
        self.c.search('shop', '', facet * 100)
        for times in 101, 20000:
            self.refused('TOO_LARGE', 'SEARCH', self.search_body('', facet * times))
        self.goes_on()

    # --- frames -------------------------------------------------------------------------------------

    def ends(self, data, status):
        """The server answers one ERROR frame with this status and closes."""
        self.c.socket.sendall(data)
        reply = self.c.read()
        self.assertEqual(STATUSES[reply.status], status)
        with self.assertRaises((EOFError, ConnectionResetError)):
            self.c.read()

    def test_a_header_with_a_wrong_check(self):
        self.ends(frame('PING', check=12345), 'BAD_FRAME')

    def test_a_frame_that_is_too_large(self):
        head = struct.pack('<HBBHHIII', 0x6b53, 1, OPCODES['PING'], 0, 0, 1, (1 << 32) - 1, 0)
        self.ends(head + struct.pack('<I', xxh64(head) & 0xffffffff), 'TOO_LARGE')

    def test_another_version(self):
        head = struct.pack('<HBBHHIII', 0x6b53, 99, OPCODES['PING'], 0, 0, 1, 0, 0)
        self.ends(head + struct.pack('<I', xxh64(head) & 0xffffffff), 'BAD_VERSION')

    def test_a_body_with_a_wrong_checksum_ends_only_its_request(self):
        body = b'hello' + struct.pack('<Q', xxh64(b'hello') ^ 1)
        self.refused('BAD_CHECKSUM', 'PING', body, flags=FLAGS['CHECKSUM'])
        good = b'hello' + struct.pack('<Q', xxh64(b'hello'))
        reply = self.c.call('PING', good, flags=FLAGS['CHECKSUM'])
        self.assertEqual(reply.body, good)

    def test_a_cut_frame_then_silence(self):
        self.c.socket.sendall(frame('PING', b'x' * 100)[:50])
        self.c.socket.shutdown(socket.SHUT_WR)
        with self.assertRaises((EOFError, ConnectionResetError)):
            self.c.read()

    def test_random_bytes(self):
        draw = random.Random(SEED)
        for _ in range(50):
            with Connection(self.address, 5) as c:
                good = frame(draw.choice(list(OPCODES)), bytes(draw.randrange(256) for _ in range(draw.randrange(200))))
                at = draw.randrange(len(good))
                try:
                    c.socket.sendall(good[:at] + bytes([draw.randrange(256)]) + good[at + 1:])
                    c.socket.shutdown(socket.SHUT_WR)
                    while c.socket.recv(65536):
                        pass
                except OSError:
                    pass

    # --- many ---------------------------------------------------------------------------------------

    def test_ten_thousand_pipelined_requests_are_all_answered(self):
        body = self.search_body('red', tlv('SEARCH', 'IDS_ONLY', 1))
        data = b''.join(frame('SEARCH', body, n, deadline_ms=60000) for n in range(10000))
        self.c.socket.settimeout(60)
        sender = threading.Thread(target=self.c.socket.sendall, args=(data,))
        sender.start()
        seen = set()
        for _ in range(10000):
            reply = self.c.read()
            self.assertIn(STATUSES.get(reply.status, reply.status), ('OK', 0, 'OVERLOADED'))
            seen.add(reply.request_id)
        sender.join()
        self.assertEqual(len(seen), 10000)


if __name__ == '__main__':
    unittest.main(verbosity=2)
