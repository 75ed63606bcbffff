"""A server that follows another: the leader's catalogs, in the leader's order and with its sequences, whatever is
killed meanwhile; it serves on when the leader is gone, refuses changes, and takes them once promoted."""
import json
import os
import random
import re
import shutil
import signal
import threading
import time
import unittest

from souk_ledger import Ledger
from souk_liar import Liar
from souk_system import BIN, SEED, SLACK, Server, free_port, products, wait_until
from souk_upstream import QUICK, BadUpstream, define
from souk_wire import STATUSES, Connection, Refused, field, tlv, upsert

ROUNDS = int(os.environ.get('SOUK_FOLLOW_ROUNDS', '30' if SLACK == 1 else '10'))
EXCHANGE_S = float(os.environ.get('SOUK_EXCHANGE_SECONDS', '6'))
OTHER_BUILD = os.path.join(BIN, '..', 'tests', 'soukd_other_build')
SCHEMA = '{"fields":[{"name":"title","type":"text"},{"name":"price","type":"float"}]}'
TIMES = {'took_us', 'server_us', 'generation', 'age_ms', 'oldest_age_ms', 'cache', 'cache_age_ms', 'qid', 'cursor', 'work'}


def without_times(value):
    """A reply but for what says when and how fast it was made, and from which commit."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k not in TIMES}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def follow(leader, **options):
    return Server('--follow', leader.address, **options)


def has(server, catalog):
    return server.run('catalog', 'describe', catalog, check=False).returncode == 0


def sequence(server, catalog):
    return int(server.stats().get(f'catalog.{catalog}.sequence', -1))


def level(leader, follower, catalog='shop', seconds=20):
    """Waits until the follower's searches have all the leader has taken."""
    def same():
        logged = int(leader.stats()[f'catalog.{catalog}.logged'])
        return has(follower, catalog) and sequence(follower, catalog) >= logged
    wait_until(same, seconds, 'the follower is level')


def state(server):
    return server.stats()['follow.state_name']


def exported(server, catalog='shop'):
    lines = server.souk('export', '--catalog', catalog).splitlines()
    return sorted(lines)


def set_aside(server):
    """Keeps a copy of its directory as it is now."""
    server.stop()
    shutil.copytree(server.data, server.data + '.old', ignore=shutil.ignore_patterns('*.sock'))
    server.start()


def put_back(server):
    """Its directory is what was set aside; it is left stopped."""
    server.stop()
    shutil.rmtree(server.data)
    os.rename(server.data + '.old', server.data)


class Follow(unittest.TestCase):
    def both_answer_alike(self, leader, follower, catalog='shop'):
        for words in ([], ['red'], ['item', '-k', '50'], ['shoe', '--facet', 'price'], ['re', '--sort', 'price:asc'], ['shoos']):
            want, got = (without_times(s.search(catalog, *(words or ['']), '--no-cache')) for s in (leader, follower))
            self.assertEqual(want, got, words)

    def test_catalogs_of_the_leader_and_every_later_change(self):
        with Server() as leader:
            leader.import_lines('shop', products(2000))
            leader.souk('synonyms', 'set', 'shop', 'feet', 'shoe, boot')
            with follow(leader) as follower:
                level(leader, follower)
                self.both_answer_alike(leader, follower)
                leader.souk('put', 'shop', '{"id":"n1","title":"zebra lamp","price":3}')
                done = leader.json('put', 'shop', '{"id":"n2","title":"zebra table","price":4}')
                follower.souk('wait', 'shop', done['sequence'])
                self.assertEqual(follower.search('shop', 'zebra')['found'], 2)
                leader.souk('put', 'shop', '{"id":"n1","price":5}', '--patch')
                leader.souk('delete', 'shop', 'n2')
                leader.souk('synonyms', 'set', 'shop', 'animals', 'zebra, horse')
                leader.import_lines('shop', products(500, seed=7))
                level(leader, follower)
                self.assertEqual(follower.search('shop', 'horse')['found'], 1)
                self.both_answer_alike(leader, follower)
                self.assertEqual(exported(leader), exported(follower))
                self.assertEqual(sequence(leader, 'shop'), sequence(follower, 'shop'))
                self.assertEqual(state(follower), 'following')

    def test_safe_mode_of_the_leader_is_told_by_the_follower(self):
        """Both kinds are settings in the log: by hand, and by an upstream that is down."""
        up = BadUpstream({f'p{i}': {'id': f'p{i}', 'title': f'zebra {i}'} for i in range(5)}, cache='max-age=1')
        try:
            with Server(options=['safe_mode.enter=300ms', 'safe_mode.leave=500ms']) as leader:
                leader.import_lines('shop', products(5))
                define(leader, 'shop', 'main', up.definition(**QUICK))
                with follow(leader) as follower:
                    level(leader, follower)

                    def told(what):
                        answers = [s.search('shop', 'zebra', '--no-cache') for s in (leader, follower)]
                        return all(a['safe_mode'] == what for a in answers) and answers[0]['upstream'] == answers[1]['upstream']
                    wait_until(lambda: told('off'), 10, 'all is well')
                    for _ in range(2):
                        leader.souk('safe-mode', 'on', '--catalog', 'shop', '--reason', 'prices')
                        wait_until(lambda: told('by_hand'), 10, 'it is told')
                        leader.souk('safe-mode', 'off', '--catalog', 'shop')
                        wait_until(lambda: told('off'), 10, 'it is over')
                    for _ in range(2):
                        up.silence()
                        wait_until(lambda: told('upstream'), 20, 'the upstream is down')
                        up.listen()
                        wait_until(lambda: told('off'), 20, 'it is well again')
        finally:
            up.stop()

    def test_catalogs_come_change_and_go(self):
        with Server() as leader, follow(leader) as follower:
            leader.souk('catalog', 'create', 'one', '--schema', '-', input=SCHEMA)
            wait_until(lambda: has(follower, 'one'), 10, 'a new catalog is there')
            leader.souk('put', 'one', '{"id":"1","title":"red lamp","price":3}')
            level(leader, follower, 'one')
            wider = SCHEMA.replace(']', ',{"name":"brand","type":"keyword"}]')
            leader.souk('catalog', 'alter', 'one', '--schema', '-', input=wider)
            leader.souk('put', 'one', '{"id":"2","title":"red door","brand":"oak"}')
            leader.souk('catalog', 'rebuild', 'one')
            leader.souk('put', 'one', '{"id":"3","title":"red roof","brand":"oak"}')
            level(leader, follower, 'one')
            self.assertEqual(follower.search('one', 'red', '--filter', 'brand = "oak"')['found'], 2)
            leader.souk('catalog', 'drop', 'one')
            wait_until(lambda: not has(follower, 'one'), 10, 'the catalog is gone')
            leader.souk('catalog', 'create', 'one', '--schema', '-', input=SCHEMA)
            leader.souk('put', 'one', '{"id":"9","title":"green lamp","price":3}')
            wait_until(lambda: has(follower, 'one'), 10, 'another catalog of its name is there')
            level(leader, follower, 'one')
            self.assertEqual(follower.search('one')['found'], 1)

    def test_changes_are_refused_and_the_leader_is_named(self):
        with Server() as leader:
            leader.import_lines('shop', products(10))
            with follow(leader) as follower:
                level(leader, follower)
                for words in (['put', 'shop', '{"id":"x","title":"y"}'], ['delete', 'shop', '1'],
                              ['catalog', 'create', 'two', '--schema', '-'], ['catalog', 'drop', 'shop'],
                              ['synonyms', 'set', 'shop', 'a', 'b, c'], ['safe-mode', 'on', '--catalog', 'shop']):
                    done = follower.run(*words, check=False, input=SCHEMA)
                    self.assertNotEqual(done.returncode, 0, words)
                    self.assertIn('FOLLOWER', done.stderr, words)
                    self.assertIn(leader.address, done.stderr, words)
                self.assertEqual(exported(leader), exported(follower))

    def test_a_follower_without_its_leader_serves_on_and_says_so(self):
        with Server() as leader:
            leader.import_lines('shop', products(100))
            with follow(leader) as follower:
                level(leader, follower)
                before = without_times(follower.search('shop', 'red'))
                leader.kill()
                wait_until(lambda: state(follower) == 'leader_lost', 10, 'the loss is told')
                self.assertEqual(without_times(follower.search('shop', 'red')), before)
                time.sleep(1.1)
                self.assertGreater(float(follower.stats()['follow.lag_seconds']), 1)
                follower.stop()
                follower.start()  # without a leader, too
                self.assertEqual(without_times(follower.search('shop', 'red')), before)
                self.assertEqual(state(follower), 'connecting')
                leader.start()
                leader.souk('put', 'shop', '{"id":"n1","title":"zebra lamp"}')
                level(leader, follower)
                wait_until(lambda: state(follower) == 'following', 10, 'it follows again')
                self.assertEqual(follower.search('shop', 'zebra')['found'], 1)
                self.assertEqual(int(follower.stats()['follow.copies_total']), 0)

    def test_a_promoted_follower_takes_changes_and_stays_so(self):
        with Server() as leader:
            leader.import_lines('shop', products(100))
            with follow(leader) as follower:
                level(leader, follower)
                leader.stop()
                follower.souk('promote')
                follower.souk('put', 'shop', '{"id":"n1","title":"zebra lamp"}', '--ack', 'visible')
                follower.stop()
                follower.start()
                follower.souk('put', 'shop', '{"id":"n2","title":"zebra door"}', '--ack', 'visible')
                self.assertEqual(follower.search('shop', 'zebra')['found'], 2)
                self.assertEqual(follower.stats()['follow.role'], 'leader')
                # The old leader has taken a change that nobody followed; as a follower it takes over the other history.
                leader.start()
                leader.souk('put', 'shop', '{"id":"n3","title":"zebra roof"}', '--ack', 'visible')
                leader.stop()
                leader.arguments += ['--follow', follower.address]
                leader.start()
                level(follower, leader)
                self.assertEqual(exported(leader), exported(follower))
                self.assertEqual(leader.search('shop', 'zebra')['found'], 2)
                wait_until(lambda: int(leader.stats()['follow.resyncs_total']) == 1, 5, 'the copy is counted')

    def test_a_reload_without_the_option_promotes(self):
        with Server() as leader:
            leader.import_lines('shop', products(10))
            follower = Server()
            path = follower.data + '/soukd.yaml'
            with open(path, 'w') as f:
                f.write(f'replication:\n  follow: {leader.address}\n')
            follower.arguments = ['-c', path] + follower.arguments
            with follower:
                level(leader, follower)
                with open(path, 'w') as f:
                    f.write('replication:\n  follow: 127.0.0.1:1\n')
                follower.process.send_signal(signal.SIGHUP)
                wait_until(lambda: 'to follow 127.0.0.1:1 takes a restart' in follower.log_text(), 10, 'it is told')
                leader.souk('put', 'shop', '{"id":"n0","title":"horse"}')
                level(leader, follower)
                with open(path, 'w') as f:
                    f.write('limits:\n  hits: 1000\n')
                follower.process.send_signal(signal.SIGHUP)
                wait_until(lambda: follower.run('put', 'shop', '{"id":"n1","title":"zebra"}', check=False).returncode == 0,
                           10, 'it takes changes')
                wait_until(lambda: state(follower) == 'none', 5, 'it follows nobody')

    def test_a_leader_put_back_to_an_older_state_is_copied_anew(self):
        """The same stream, the same numbers, other changes: told by the hash of the last record."""
        with Server() as leader:
            leader.import_lines('shop', products(100))
            with follow(leader) as follower:
                level(leader, follower)
                leader.souk('put', 'shop', '{"id":"a","title":"zebra lamp"}', '--ack', 'visible')
                level(leader, follower)
                set_aside(leader)
                leader.souk('put', 'shop', '{"id":"b","title":"zebra door"}', '--ack', 'visible')
                level(leader, follower)
                put_back(leader)
                follower.stop()  # or it would see a log that ends too early
                leader.start()
                for i in range(3):
                    leader.souk('put', 'shop', json.dumps({'id': f'c{i}', 'title': 'horse lamp'}), '--ack', 'visible')
                follower.start()
                wait_until(lambda: follower.search('shop', 'horse')['found'] == 3, 20, 'the other history is there')
                level(leader, follower)
                self.assertEqual(exported(leader), exported(follower))
                self.assertEqual(follower.search('shop', 'zebra')['found'], 1)

    def test_a_leader_that_lost_its_disk_takes_nothing_away(self):
        with Server() as leader:
            leader.import_lines('shop', products(100))
            with follow(leader) as follower:
                level(leader, follower)
                leader.stop()
                shutil.rmtree(leader.data)
                os.mkdir(leader.data)
                leader.start()
                leader.import_lines('other', products(5))
                wait_until(lambda: has(follower, 'other'), 10, 'the new catalog is there')
                time.sleep(3)
                self.assertEqual(follower.search('shop')['found'], 100)

    def test_what_expires_is_removed_by_the_leader_alone(self):
        with Server() as leader:
            leader.import_lines('shop', products(50), '--ttl', 600000)
            leader.import_lines('shop', [{'id': f'e{i}', 'title': 'zebra lamp'} for i in range(200)], '--ttl', 3000)
            with follow(leader) as follower:
                level(leader, follower)
                self.assertEqual(follower.search('shop', 'zebra')['found'], 200)
                leader.kill()
                stood = sequence(follower, 'shop')
                wait_until(lambda: follower.search('shop', 'zebra')['found'] == 0, 10, 'what expired is not found')
                time.sleep(1.5)
                self.assertEqual(sequence(follower, 'shop'), stood)
                self.assertEqual(follower.stats()['catalog.shop.products'], 250)
                leader.start()
                wait_until(lambda: follower.stats()['catalog.shop.products'] == 50, 20, 'the leader removed them')
                level(leader, follower)
                self.assertEqual(exported(leader), exported(follower))

    def test_upstreams_hear_of_the_leader_and_of_the_promoted_alone(self):
        up = BadUpstream({f'p{i}': {'id': f'p{i}', 'title': f'zebra {i}'} for i in range(20)},
                         cache='max-age=1, stale-while-revalidate=600, stale-if-error=600')
        try:
            with Server() as leader:
                leader.import_lines('shop', products(5))
                define(leader, 'shop', 'main', up.definition())
                wait_until(lambda: leader.search('shop', 'zebra')['found'] == 20, 10, 'the leader has what the upstream has')
                with follow(leader) as follower:
                    level(leader, follower)
                    leader.stop()
                    time.sleep(1.5)
                    calls = len(up.calls)
                    for _ in range(30):
                        self.assertEqual(follower.search('shop', 'zebra', '--no-cache')['found'], 20)
                        time.sleep(0.05)
                    self.assertEqual(len(up.calls), calls)
                    done = follower.run('upstream', 'refresh', 'shop', check=False)
                    self.assertIn('FOLLOWER', done.stderr)
                    follower.souk('promote')
                    wait_until(lambda: follower.search('shop', 'zebra', '--no-cache') and len(up.calls) > calls, 20, 'it asks')
        finally:
            up.stop()

    def test_a_record_larger_than_an_answer_comes_in_pieces(self):
        with Server() as leader:
            leader.import_lines('shop', products(5))
            with follow(leader) as follower:
                level(leader, follower)
                with Connection(('127.0.0.1', leader.port), 30) as c:
                    c.put('shop', [upsert(f'big{i}', {'title': f'zebra {i} ' + 'word ' * 170000}) for i in range(6)])
                level(leader, follower)
                self.assertEqual(follower.search('shop', 'zebra', '--return', 'price')['found'], 6)
                self.assertEqual(follower.stats()['follow.copies_total'], 1)

    def test_a_follower_that_was_away_for_longer_than_the_log_is_kept_copies_anew(self):
        with Server(options=['log.window=0s']) as leader:
            leader.import_lines('shop', products(100))
            with follow(leader) as follower:
                level(leader, follower)
                follower.stop()
                with Connection(('127.0.0.1', leader.port), 30) as c:
                    for i in range(40):
                        c.put('shop', [upsert(f'big{i}', {'title': f'zebra {i} ' + 'word ' * 100000})], ack=2)
                leader.stop()  # who is remembered to follow holds the log for a minute
                leader.start()
                wait_until(lambda: min(os.listdir(f'{leader.data}/catalogs/shop/log')) > '0' * 19 + '2', 20, 'the log is cut')
                follower.start()
                self.assertEqual(follower.search('shop')['found'], 100)
                ended, found, faults = threading.Event(), set(), []

                def search():
                    with Connection(('127.0.0.1', follower.port), 30) as c:
                        while not ended.is_set():
                            try:
                                found.add(field(c.search('shop', '', extra=tlv('SEARCH', 'IDS_ONLY', 1)), 'HITS', 'FOUND'))
                            except Refused as refused:
                                faults.append(str(refused))
                searcher = threading.Thread(target=search)
                searcher.start()
                wait_until(lambda: follower.stats()['follow.resyncs_total'] == 1, 20, 'it is copied anew')
                level(leader, follower)
                time.sleep(0.2)
                ended.set()
                searcher.join()
                self.assertEqual(faults, [])  # searches had the old one, then the new one
                self.assertLessEqual(found, {100, 140})
                self.assertIn(140, found)
                self.assertEqual(follower.search('shop', 'zebra', '--return', 'price')['found'], 40)
                leader.souk('put', 'shop', '{"id":"n1","title":"horse lamp"}')
                level(leader, follower)
                self.assertEqual(follower.search('shop', 'horse')['found'], 1)

    def test_catalogs_that_are_exchanged_all_the_time_fail_no_search(self):
        """The leader's catalogs are of another stream each time it starts; fronts are killed besides, so that they open all anew."""
        names, ended, faults, searches = [f'c{i}' for i in range(8)], threading.Event(), [], []
        with Server() as leader:
            for name in names:
                leader.import_lines(name, products(50))
            with follow(leader) as follower:
                for name in names:
                    level(leader, follower, name)

                def search(n):
                    draw = random.Random(n)
                    while not ended.is_set():
                        try:
                            with Connection(('127.0.0.1', follower.port), 30) as c:
                                for _ in range(40):
                                    found = field(c.search(draw.choice(names), '', extra=tlv('SEARCH', 'IDS_ONLY', 1)), 'HITS', 'FOUND')
                                    searches.append(found)
                        except Refused as refused:
                            faults.append(str(refused))
                        except (EOFError, OSError):  # the front was killed
                            pass
                searchers = [threading.Thread(target=search, args=(n,)) for n in range(3)]
                for s in searchers:
                    s.start()
                end = time.monotonic() + EXCHANGE_S
                while time.monotonic() < end:
                    copies = int(follower.stats()['follow.resyncs_total'])
                    leader.stop()
                    os.unlink(leader.data + '/STORE')
                    leader.start()
                    follower.kill_child('front 0')
                    wait_until(lambda copies=copies: int(follower.stats()['follow.resyncs_total']) >= copies + len(names), 30, 'they are exchanged')
                ended.set()
                for s in searchers:
                    s.join()
                print(f'{len(searches)} searches, {follower.stats()["follow.resyncs_total"]} exchanges, {len(faults)} faults')
                self.assertEqual(faults, [])
                self.assertEqual(set(searches), {50})

    def test_many_catalogs_over_a_unix_socket(self):
        with Server() as leader:
            for i in range(20):
                leader.import_lines(f'c{i}', products(20, seed=i))
            with Server('--follow', f'unix:{leader.data}/souk.sock') as follower:
                for i in range(20):
                    level(leader, follower, f'c{i}')
                for i in range(20):
                    leader.souk('put', f'c{i}', '{"id":"n1","title":"zebra lamp"}')
                for i in range(20):
                    level(leader, follower, f'c{i}')
                    self.assertEqual(exported(leader, f'c{i}'), exported(follower, f'c{i}'))
                self.assertEqual(int(follower.stats()['follow.copies_total']), 20)

    def test_a_leader_that_traces_every_request_is_followed(self):
        with Server(options=[f'trace.endpoint=http://127.0.0.1:{free_port()}', 'trace.ratio=1']) as leader:
            leader.import_lines('shop', products(50))
            with follow(leader) as follower:
                level(leader, follower)
                leader.souk('put', 'shop', '{"id":"n1","title":"zebra lamp"}')
                level(leader, follower)
                self.assertEqual(follower.search('shop', 'zebra')['found'], 1)

    def test_another_build_is_refused_and_both_say_what_and_where(self):
        """Either side may be the other one; what the follower has is served."""
        for other in 'leader', 'follower':
            one, two = (OTHER_BUILD if other == side else None for side in ('leader', 'follower'))
            with self.subTest(other), Server(soukd=one) as leader:
                leader.import_lines('shop', products(5))
                with follow(leader, soukd=two) as follower:
                    wait_until(lambda: state(follower) == 'other_build', 10, 'it is told')
                    builds = re.search(r'the leader (.*) is of another build.*leader: (index .*endian); follower: (index .*endian)', follower.log_text())
                    self.assertEqual(builds.group(1), leader.address)
                    self.assertNotEqual(builds.group(2), builds.group(3))
                    told = re.search(r'the follower (.*) is refused.*another build: (index .*endian), and this one: (index .*endian)"', leader.log_text())
                    self.assertIn(follower.address, told.group(1))
                    self.assertEqual((told.group(2), told.group(3)), (builds.group(3), builds.group(2)))
                    self.assertFalse(has(follower, 'shop'))
                    self.assertEqual(leader.log_text().count('is refused'), 1)
                    if two:  # the same binary again: it follows, from where it stands
                        follower.stop()
                        follower.soukd = os.path.join(BIN, 'soukd')
                        follower.start()
                        level(leader, follower)

    def test_a_leader_that_comes_back_as_another_build_is_told(self):
        """As in an update: it is away first."""
        with Server() as leader:
            leader.import_lines('shop', products(5))
            with follow(leader) as follower:
                level(leader, follower)
                leader.stop()
                wait_until(lambda: 'does not answer' in follower.log_text(), 10, 'it is missed')
                leader.soukd = OTHER_BUILD
                leader.start()
                wait_until(lambda: state(follower) == 'other_build', 20, 'it is told')
                self.assertEqual(follower.log_text().count('is of another build, it cannot be followed'), 1)
                self.assertTrue(has(follower, 'shop'))
                leader.stop()
                leader.soukd = os.path.join(BIN, 'soukd')
                leader.start()
                leader.souk('put', 'shop', '{"id":"n1","title":"zebra lamp"}')
                level(leader, follower)

    def test_a_leader_that_does_not_say_its_build_is_not_followed(self):
        liar = Liar(lambda: [b'shop'], build=False)
        try:
            with Server('--follow', liar.address) as follower:
                wait_until(lambda: state(follower) == 'other_build', 10, 'it is told')
                self.assertIn('leader: unknown', follower.log_text())
                self.assertEqual(liar.asked, [])
        finally:
            liar.close()

    def test_followers_of_followers_are_refused(self):
        with Server() as leader:
            leader.import_lines('shop', products(5))
            with follow(leader) as follower, follow(follower) as third:
                level(leader, follower)
                wait_until(lambda: 'follow that one' in third.log_text(), 10, 'it is told whom to follow')
                self.assertEqual(state(third), 'connecting')
                self.assertFalse(has(third, 'shop'))

    def test_ack_replicated_is_told_when_as_many_followers_have_it(self):
        with Server() as leader:
            leader.import_lines('shop', products(5))
            done = leader.run('put', 'shop', '{"id":"n1","title":"zebra"}', '--ack', 'replicated', check=False)
            self.assertIn('UNSUPPORTED', done.stderr)
            self.assertEqual(leader.search('shop', 'zebra')['found'], 0)
        with Server(options=['replication.acks=2']) as leader:
            leader.import_lines('shop', products(5))

            def put(key):
                with Connection(('127.0.0.1', leader.port), 30) as c:
                    return c.put('shop', [upsert(key, {'title': f'zebra {key}'})], ack=3, key=key.encode(), deadline_ms=1500, check=False)
            with follow(leader) as one, follow(leader) as two:
                level(leader, one)
                level(leader, two)
                for i in range(20):
                    reply = put(f'n{i}')
                    self.assertEqual(reply.status, 0)
                    last = field(reply.body, 'PUT', 'SEQUENCE')
                    for follower in (one, two):
                        self.assertGreaterEqual(int(follower.stats()['catalog.shop.logged']), last)
                two.stop()
                refused = put('late')
                self.assertEqual(STATUSES[refused.status], 'DEADLINE')
                wait_until(lambda: one.search('shop', 'late')['found'] == 1, 10, 'it is logged all the same')
                two.start()
                wait_until(lambda: put('late').status == 0, 10, 'the same change is told when it is there')
                self.assertEqual(put('n3').status, 0)  # and one that was told before
                leader.kill()
                one.souk('promote')
                self.assertEqual(one.search('shop', 'zebra')['found'], 21)

    def test_killed_while_it_copies_it_begins_again(self):
        """A catalog is there whole or not at all, as the old one or the new one."""
        draw = random.Random(SEED)
        with Server() as leader:
            leader.import_lines('shop', products(3000))
            with follow(leader) as follower:
                for n in range(ROUNDS):
                    leader.souk('catalog', 'drop', 'shop')
                    leader.import_lines('shop', [*products(3000, seed=n), {'id': 'round', 'title': f'round {n}'}])
                    time.sleep(draw.random() * 0.4)
                    victim = draw.choice(['writer 0', 'replica 0', 'all'])
                    if victim == 'all':
                        follower.kill()
                        follower.start()
                    elif pid := follower.children().get(victim):
                        follower.kill_child(victim)
                        follower.replaced(victim, pid, 10)
                    done = follower.run('search', 'shop', check=False)
                    self.assertTrue(done.returncode == 0 or 'UNKNOWN_CATALOG' in done.stderr, done.stderr)
                wait_until(lambda: has(follower, 'shop') and follower.search('shop', f'round {ROUNDS - 1}', '--match', 'all')['found'] == 1, 20, 'the last one is there')
                level(leader, follower)
                self.assertEqual(exported(leader), exported(follower))
                follower.check_data()
                self.assertEqual([n for n in os.listdir(follower.data + '/catalogs') if n.startswith('.copy')], [])

    def test_whatever_is_killed_nothing_is_lost_or_doubled(self):
        print(f'seed {SEED}, {ROUNDS} rounds')
        draw, counts = random.Random(SEED), {}
        with Server() as leader:
            leader.import_lines('shop', [{'id': 'x', 'title': 'first', 'price': 1.5}])
            leader.souk('delete', 'shop', 'x', '--ack', 'visible')
            with follow(leader) as follower:
                level(leader, follower)
                ledger = Ledger(leader, 'shop', seed=SEED).start()
                for _ in range(ROUNDS):
                    victim = draw.choice(['writer 0', 'writer 0', 'replica 0', 'front 0', 'all', 'leader writer 0',
                                          'leader replica 0', 'leader front 0', 'leader all'])
                    counts[victim] = counts.get(victim, 0) + 1
                    time.sleep(draw.random() * 0.3)
                    server = leader if victim.startswith('leader') else follower
                    name = victim.removeprefix('leader ')
                    if name == 'all':
                        server.kill()
                        server.start()
                    elif pid := server.children().get(name):
                        server.kill_child(name)
                        server.replaced(name, pid, 10)
                ledger.finish()
                wait_until(lambda: leader.run('put', 'shop', '{"id":"last","title":"last"}', '--ack', 'visible', check=False).returncode == 0,
                           10, 'the leader takes changes')
                leader.souk('delete', 'shop', 'last', '--ack', 'visible')
                level(leader, follower)
                print(f'killed {counts}; {ledger.acked} items acked; the follower took {follower.stats()["follow.records_total"]} records')
                self.assertEqual(ledger.contradictions()[:20], [])
                self.assertGreater(ledger.acked, ROUNDS)
                self.assertEqual(exported(leader), exported(follower))
                self.both_answer_alike(leader, follower)
                leader.check_data()
                follower.check_data()


if __name__ == '__main__':
    unittest.main()
