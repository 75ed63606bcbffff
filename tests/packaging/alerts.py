"""The alerting rules: promtool accepts them, each fires and each is silent where alerts.test.yml says so, every metric
they name is one soukd tells, and every runbook is there.

  alerts.py           checks
  alerts.py --self    shows that a wrong factor, metric or runbook is found
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RULES = os.path.join(ROOT, 'packaging', 'prometheus', 'souk.rules.yml')
CASES = [os.path.join(HERE, name) for name in ('alerts.test.yml', 'budgets.test.yml')]


def read(*path):
    with open(os.path.join(ROOT, *path)) as f:
        return f.read()


def told_metrics():
    """Names of /metrics, from the table and from what the page writes beside it."""
    rows = re.findall(r'^(PROCESS|CATALOG|PROVIDER|FOLLOW|TLS)_METRIC\((\w+),', read('server', 'metrics.def'), re.M)
    heads = re.findall(r'head\(b, format, "(\w+)"', read('server', 'metrics.c'))
    return {f'souk_{kind.lower()}_{name}' for kind, name in rows} | {f'souk_{name}' for name in heads}


def faults(rules, cases):
    told = told_metrics()
    for name in sorted(set(re.findall(r'\bsouk_\w+', rules))):
        if name not in told and re.sub('_(bucket|count|sum)$', '', name) not in told and not name.startswith(('souk_slo', 'souk_burn', 'souk_causes')):
            yield f'{name} is no metric of soukd'
    for path in sorted(set(re.findall(r'runbook: (\S+)', rules))):
        if not os.path.exists(os.path.join(ROOT, path)):
            yield f'{path} does not exist'
    for name in re.findall(r'- alert: (\w+)', rules):
        of = re.findall(rf'alertname: {name}\b(?:, exp_alerts: (\[\])|\s+exp_alerts:\s+- )', cases)
        if '[]' not in of:
            yield f'no case shows {name} silent'
        if '' not in of:
            yield f'no case shows {name} firing'
    if not shutil.which('promtool'):
        print('promtool is not installed: the rules were not run')
        return
    with tempfile.TemporaryDirectory() as home:
        for path in CASES:
            with open(path) as f, open(os.path.join(home, os.path.basename(path)), 'w') as to:
                to.write(f.read().replace('../../packaging/prometheus/', ''))
        with open(os.path.join(home, 'souk.rules.yml'), 'w') as f:
            f.write(rules)
        for command in ('check', 'souk.rules.yml'), *(('test', os.path.basename(path)) for path in CASES):
            done = subprocess.run(['promtool', command[0], 'rules', command[1]], cwd=home, capture_output=True, text=True)
            if done.returncode:
                yield f'promtool {command[0]} rules: {done.stdout}{done.stderr}'


def main():
    with open(RULES) as f:
        rules = f.read()
    cases = ''
    for path in CASES:
        with open(path) as f:
            cases += f.read()
    if '--self' not in sys.argv:
        found = list(faults(rules, cases))
        print('\n'.join(found) or 'the alerts are sound')
        return bool(found)
    unseen = []
    for was, wrong in (('> 14.4 *', '> 144 *'), ('> 6 *', '> 60 *'), ('souk_ready ==', 'souk_redy =='), ('runbooks/disk.md', 'runbooks/disks.md'),
                       ('souk_catalog_write_state == 2', 'souk_catalog_write_state == 1'), ('queue=~"critical|default"', 'queue=~"default"')):
        if was not in rules or not next(faults(rules.replace(was, wrong), cases), None):
            unseen.append(was)
    print(f'not noticed when changed: {unseen}' if unseen else 'each change was noticed')
    return bool(unseen)


if __name__ == '__main__':
    sys.exit(main())
