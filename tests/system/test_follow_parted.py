"""What could part a follower from its leader without anybody noticing, or keep it from following: alterations while it is
behind, a disk that is full, one catalog with more to tell than the others, leaders that tell nonsense."""
import json
import os
import shutil
import time
import unittest

from souk_disk import Tmpfs
from souk_liar import Liar
from souk_system import Server, products, wait_until
from souk_wire import Connection, delete, field, upsert
from test_follow import exported, follow, level, put_back, sequence, set_aside, state


def alter(server, *fields_):
    server.souk('catalog', 'alter', 'shop', '--schema', '-', '--timeout', 60000, input=json.dumps({'fields': fields_}))


def kinds(server):
    return {f['name']: f['type'] for f in server.json('catalog', 'describe', 'shop')['schema']['fields']}


class Parted(unittest.TestCase):
    def test_what_only_an_altered_schema_holds_is_there_when_the_follower_was_behind(self):
        """The leader is through with its edition long before the follower has begun with his."""
        with Server() as leader:
            leader.import_lines('shop', products(4000))
            alter(leader, {'name': 'code', 'type': 'integer', 'filter': True})
            with follow(leader) as follower:
                for turn, kind in enumerate(('keyword', 'integer', 'keyword')):
                    level(leader, follower)
                    follower.stop()
                    alter(leader, {'name': 'code', 'type': kind, 'filter': True})
                    for i in range(20):
                        code = f'c{i}' if kind == 'keyword' else i
                        leader.souk('put', 'shop', json.dumps({'id': f'n{i}', 'title': f'zebra {turn}', 'code': code}))
                    if turn == 0:  # another order while the first is carried out
                        alter(leader, {'name': 'more', 'type': 'integer'})
                    follower.start()
                    if turn == 2:  # and a writer that ends in the middle of it
                        for _ in range(3):
                            pid = follower.children()['writer 0']
                            time.sleep(0.1)
                            follower.kill_child('writer 0')
                            follower.replaced('writer 0', pid, 10)
                    level(leader, follower, seconds=60)
                    self.assertEqual(follower.search('shop', f'zebra {turn}', '--filter', 'exists(code)')['found'], 20)
                    self.assertEqual(exported(leader), exported(follower))
                    for i in range(20):
                        leader.souk('delete', 'shop', f'n{i}')
                self.assertEqual(int(follower.stats()['follow.copies_total']), 0)  # of its last start
                follower.check_data()

    def wide(self):
        """Products whose edition takes more room than the log's reserve leaves."""
        return [{'id': f'p{i}', 'title': f'lamp {i}', 'text': ' '.join(f'{(i * 131 + k) * 2654435761 % 2**32:x}' for k in range(60))}
                for i in range(20000)]

    def test_a_follower_whose_disk_has_no_room_for_an_alteration_copies_anew(self):
        with Server() as leader, Tmpfs(700) as disk:
            leader.import_lines('shop', self.wide())
            alter(leader, {'name': 'code', 'type': 'integer', 'filter': True})
            with Server('--follow', leader.address, data=disk.path + '/data') as follower:
                level(leader, follower)
                filler = disk.fill((32 << 20) + (6 << 20))
                alter(leader, {'name': 'code', 'type': 'keyword', 'filter': True})
                for i in range(10):
                    leader.souk('put', 'shop', json.dumps({'id': f'n{i}', 'title': 'zebra', 'code': f'c{i}'}))
                wait_until(lambda: 'no new edition' in follower.log_text(), 30, 'it fails')
                os.unlink(filler)
                wait_until(lambda: follower.search('shop', 'zebra', '--filter', 'exists(code)')['found'] == 10, 60, 'all is there')
                level(leader, follower)
                self.assertEqual(exported(leader), exported(follower))

    def test_that_it_is_to_be_copied_anew_outlives_its_writer(self):
        """Its alteration failed, and every change that comes fits both schemas: nothing else would tell it later."""
        for victim in ('writer 0', 'all'):
            with self.subTest(victim), Server() as leader, Tmpfs(700) as disk:
                leader.import_lines('shop', self.wide())
                alter(leader, {'name': 'code', 'type': 'integer', 'filter': True})
                with Server('--follow', leader.address, data=disk.path + '/data') as follower:
                    level(leader, follower)
                    filler = disk.fill((32 << 20) + (6 << 20))
                    alter(leader, {'name': 'code', 'type': 'keyword', 'filter': True})
                    wait_until(lambda: 'no new edition' in follower.log_text(), 30, 'it fails')
                    for _ in range(2):
                        if victim == 'all':
                            follower.kill()
                            follower.start()
                        else:
                            pid = follower.kill_child(victim)
                            follower.replaced(victim, pid, 10)
                    os.unlink(filler)
                    leader.souk('put', 'shop', '{"id":"n1","title":"zebra"}')
                    level(leader, follower, seconds=60)
                    wait_until(lambda: kinds(follower) == kinds(leader), 20, 'both have one schema')
                    self.assertEqual(exported(leader), exported(follower))

    def test_a_leader_whose_disk_has_no_room_for_an_alteration_keeps_its_followers(self):
        with Tmpfs(700) as disk, Server(data=disk.path + '/data') as leader:
            leader.import_lines('shop', self.wide())
            alter(leader, {'name': 'code', 'type': 'integer', 'filter': True})
            with follow(leader) as follower:
                level(leader, follower)
                time.sleep(1)  # the next file of the log is being made
                filler = disk.fill((32 << 20) + (6 << 20))
                with self.assertRaises(AssertionError):
                    alter(leader, {'name': 'code', 'type': 'keyword', 'filter': True})
                self.assertIn('no new edition', leader.log_text())
                os.unlink(filler)
                wait_until(lambda: leader.run('put', 'shop', '{"id":"n1","title":"zebra","code":7}', check=False).returncode == 0, 20, 'it takes changes')
                level(leader, follower, seconds=60)
                wait_until(lambda: int(follower.stats()['follow.resyncs_total']) and state(follower) == 'following', 30, 'it is copied anew')
                wait_until(lambda: kinds(follower) == kinds(leader), 30, 'both have one schema')
                self.assertEqual(kinds(leader)['code'], 'integer')
                self.assertEqual(int(follower.stats()['follow.resyncs_total']), 1)  # and not of the copy made before
                self.assertEqual(exported(leader), exported(follower))

    def test_a_rebuild_that_fails_costs_followers_nothing(self):
        """Nothing was to change; not even a writer that starts later has them copy the catalog."""
        with Tmpfs(700) as disk, Server(data=disk.path + '/data') as leader:
            leader.import_lines('shop', self.wide())
            with follow(leader) as follower:
                level(leader, follower)
                time.sleep(1)  # the next file of the log is being made
                filler = disk.fill((32 << 20) + (6 << 20))
                self.assertNotEqual(leader.run('catalog', 'rebuild', 'shop', check=False).returncode, 0)
                self.assertIn('no new edition', leader.log_text())
                os.unlink(filler)
                pid = leader.kill_child('writer 0')
                leader.replaced('writer 0', pid, 10)
                wait_until(lambda: leader.run('put', 'shop', '{"id":"n1","title":"zebra"}', check=False).returncode == 0, 20, 'it takes changes')
                level(leader, follower, seconds=60)
                self.assertEqual(int(follower.stats()['follow.resyncs_total']), 0)

    def test_a_follower_with_a_full_disk_takes_deletes(self):
        """As its leader would; a change that needs room holds up what stands behind it."""
        with Server() as leader, Tmpfs(400) as disk:
            leader.import_lines('shop', products(2000))
            with Server('--follow', leader.address, data=disk.path + '/data') as follower:
                level(leader, follower)
                time.sleep(1)
                filler = disk.fill(8 << 20)
                wait_until(lambda: follower.stats()['catalog.shop.write_state'] != 0, 10, 'the disk is full')
                for i in range(20):
                    leader.souk('delete', 'shop', f'p{i}')
                level(leader, follower)
                self.assertEqual(follower.search('shop')['found'], 1980)
                leader.souk('put', 'shop', '{"id":"n1","title":"zebra"}')
                leader.souk('delete', 'shop', 'p20')
                time.sleep(1)
                self.assertEqual(follower.search('shop')['found'], 1980)
                self.assertGreater(int(follower.stats()['follow.lag_changes']), 0)
                os.unlink(filler)
                level(leader, follower)
                self.assertEqual(exported(leader), exported(follower))

    def test_a_catalog_with_much_to_tell_holds_up_no_other(self):
        with Server(options=['replication.rate=1MiB']) as leader:
            for name in ('a', 'b'):
                leader.import_lines(name, products(5))
            with follow(leader) as follower:
                for busy, quiet in (('a', 'b'), ('b', 'a')):
                    for name in ('a', 'b'):
                        level(leader, follower, name, seconds=60)
                    follower.stop()
                    with Connection(('127.0.0.1', leader.port), 30) as c:
                        for i in range(20):
                            c.put(busy, [upsert(f'big{i}', {'title': f'zebra {i} ' + 'word ' * 100000})])
                    leader.souk('put', quiet, '{"id":"n1","title":"zebra lamp"}')
                    follower.start()
                    wait_until(lambda: follower.search(quiet, 'zebra lamp', '--match', 'all')['found'] >= 1, 30, 'it is there')
                    behind = int(leader.stats()[f'catalog.{busy}.logged']) - sequence(follower, busy)
                    self.assertGreater(behind, 2, f'{quiet} came when {busy} was through')

    def test_replication_rate_bounds_what_is_sent_of_logs(self):
        with Server(options=['replication.rate=64KiB']) as leader:
            leader.import_lines('shop', products(5))
            with follow(leader) as follower:
                level(leader, follower)
                follower.stop()
                with Connection(('127.0.0.1', leader.port), 30) as c:
                    for i in range(20):
                        c.put('shop', [upsert(f'big{i}', {'title': f'zebra {i} ' + 'word ' * 100000})])
                before = int(leader.stats()['follow.sent_bytes_total'])
                follower.start()
                time.sleep(6)
                sent = int(leader.stats()['follow.sent_bytes_total']) - before
                self.assertLess(sent, 3.5 * (1 << 20))  # two answers, which are a mebibyte each
                self.assertGreater(sent, 0)

    def test_names_that_are_none_are_passed_over(self):
        liar = Liar(lambda: [b'a\0' + str(i).encode() for i in range(200)] + [b'../../x', b'', b'.copy-x', b'-'] +
                    [b'x/' + str(i).encode() for i in range(100)] + [b'good'])
        try:
            with Server('--follow', liar.address) as follower:
                wait_until(lambda: b'good' in liar.asked, 10, 'the one that is a name is asked for')
                time.sleep(0.5)
                self.assertEqual(set(liar.asked), {b'good'})
                self.assertEqual([n for n in os.listdir(follower.data + '/catalogs') if n != 'good'], [])
        finally:
            liar.close()

    def test_the_same_settings_after_other_changes_are_another_history(self):
        """A setting has no time: the last record may be the same though those before it are not."""
        with Server() as leader:
            leader.import_lines('shop', products(50))
            with follow(leader) as follower:
                level(leader, follower)
                leader.souk('put', 'shop', '{"id":"a","title":"zebra lamp"}', '--ack', 'visible')
                level(leader, follower)
                set_aside(leader)

                def goes_on(word):
                    leader.souk('put', 'shop', json.dumps({'id': word, 'title': word}), '--ack', 'visible')
                    leader.souk('synonyms', 'set', 'shop', 'animals', 'zebra, horse')
                goes_on('door')
                level(leader, follower)
                put_back(leader)
                follower.stop()
                leader.start()
                goes_on('roof')
                leader.souk('put', 'shop', '{"id":"b","title":"window"}')
                follower.start()
                wait_until(lambda: follower.search('shop', 'window')['found'] == 1, 20, 'it follows')
                level(leader, follower)
                self.assertEqual(exported(leader), exported(follower))

    def test_a_copy_that_no_record_followed_knows_what_it_ends_with(self):
        """Its log is empty: that its leader was put back, and went on beyond that place, must be seen all the same."""
        with Server() as leader:
            leader.import_lines('shop', products(50))
            with follow(leader) as first:
                level(leader, first)  # the stream has its name
            set_aside(leader)
            leader.souk('put', 'shop', '{"id":"a","title":"zebra lamp"}', '--ack', 'visible')
            with follow(leader) as follower:
                level(leader, follower)
                self.assertEqual(follower.search('shop', 'zebra')['found'], 1)
                follower.stop()
                put_back(leader)
                leader.start()
                for i in range(3):
                    leader.souk('put', 'shop', json.dumps({'id': f'c{i}', 'title': 'horse lamp'}), '--ack', 'visible')
                follower.start()
                level(leader, follower)
                wait_until(lambda: follower.search('shop', 'horse')['found'] == 3, 20, 'the other history is there')
                self.assertEqual(exported(leader), exported(follower))

    def test_a_follower_that_began_as_a_copy_of_the_directory_is_another_once_promoted(self):
        with Server() as leader:
            leader.import_lines('shop', products(50))
            with follow(leader) as first:
                level(leader, first)  # streams have names from now on
            leader.stop()
            other = Server('--follow', leader.address)
            shutil.copytree(leader.data, other.data, ignore=shutil.ignore_patterns('*.sock'), dirs_exist_ok=True)
            leader.start()
            with other:
                leader.souk('put', 'shop', '{"id":"a","title":"zebra lamp"}', '--ack', 'visible')
                level(leader, other)
                leader.stop()
                other.souk('promote')
                leader.arguments += ['--follow', other.address]
                leader.start()
                wait_until(lambda: int(leader.stats()['follow.resyncs_total']) == 1, 20, 'the streams are two')
                level(other, leader)
                self.assertEqual(exported(leader), exported(other))

    def test_keys_versions_and_settings_hold_over_a_promotion(self):
        with Server() as leader:
            leader.import_lines('shop', products(50))
            with follow(leader) as follower:
                level(leader, follower)

                def put(server, items, key=b'', **more):
                    with Connection(('127.0.0.1', server.port), 30) as c:
                        return c.put('shop', items, key=key, ack=2, **more).body
                bulk = [upsert('k1', {'title': 'zebra lamp'}, version=3), upsert('k2', {'title': 'zebra door'}, idempotency=b'one')]
                first = put(leader, bulk, b'bulk')
                put(leader, [delete('k1', version=10)])
                leader.souk('synonyms', 'set', 'shop', 'animals', 'zebra, horse')
                level(leader, follower)
                leader.kill()
                follower.souk('promote')
                again = put(follower, bulk, b'bulk')
                self.assertEqual(field(again, 'PUT', 'REPLAYED'), 1)
                for name in ('SEQUENCE', 'APPLIED', 'IGNORED', 'FAILED'):
                    self.assertEqual(field(again, 'PUT', name), field(first, 'PUT', name), name)
                self.assertEqual(field(put(follower, [bulk[1]]), 'PUT', 'APPLIED'), 1)  # an item's key: nothing changes
                self.assertEqual(field(put(follower, [upsert('k1', {'title': 'zebra'}, version=7)]), 'PUT', 'IGNORED'), 1)
                self.assertEqual(follower.search('shop', 'horse')['found'], 1)


if __name__ == '__main__':
    unittest.main()
