#!/usr/bin/env python3
"""The outage of ./quickstart outage, shortened: a real nginx, labels held against its own access log."""
import json
import os
import shutil
import subprocess
import sys
import unittest

from souk_system import BIN, SOURCE


class Outage(unittest.TestCase):
    def test_search_goes_on_and_says_what_is_stale(self):
        if not (shutil.which('nginx') or os.path.exists('/usr/sbin/nginx')):
            self.skipTest('nginx is not installed')
        done = subprocess.run([sys.executable, os.path.join(SOURCE, 'scripts', 'outage'), '--bin', BIN, '--quick', '--json',
                               '--rate', '100'], capture_output=True, text=True, timeout=200)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
        result = json.loads(done.stdout.splitlines()[-1])
        self.assertGreater(result['searches'], 1000)
        self.assertEqual((result['failed'], result['unlabelled_stale']), (0, 0))
        self.assertGreater(result['served_stale'], 1000)
        self.assertGreater(result['upstream_calls'], 10)


if __name__ == '__main__':
    unittest.main()
