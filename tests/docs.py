#!/usr/bin/env python3
"""Docs say what the code has: links resolve, metrics, options and man page names exist. docs.py --self shows that
it can fail."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding='utf-8') as f:
        return f.read()


def metric_names():
    text = read('server', 'metrics.def')
    names = {f'souk_{kind.lower()}_{name}' for kind, name in re.findall(r'^(PROCESS|CATALOG|PROVIDER|FOLLOW|TLS)_METRIC\((\w+),', text, re.M)}
    names |= {f'souk_{name}' for name in re.findall(r'head\(b, format, "(\w+)"', read('server', 'metrics.c'))}
    return names | {f'souk_request_seconds_{s}' for s in ('bucket', 'sum', 'count')}


def option_names():
    return set(re.findall(r'^OPTION\(\w+, "([^"]+)"', read('server', 'options.def'), re.M))


def stats_words():
    """Words of the names of STATS rows, which the server's sources put together from parts."""
    words = set()
    for name in os.listdir(os.path.join(ROOT, 'server')):
        if name.endswith(('.c', '.def')):
            text = read('server', name)
            for part in re.findall(r'"([^"\n]*)"', text) + re.findall(r'^\w+\((\w+)', text, re.M):
                words |= set(re.findall(r'[a-z_]+', part))
    return words


def pages():
    yield 'README.md', read('README.md')
    for folder, _, files in os.walk(os.path.join(ROOT, 'docs')):
        for name in sorted(files):
            if name.endswith('.md'):
                path = os.path.relpath(os.path.join(folder, name), ROOT)
                yield path, read(path)


def faults(path, text, metrics, options, stats):
    sections = {o.split('.')[0] for o in options}
    for target in re.findall(r'\]\(([^)#\s]+)(?:#[^)]*)?\)', text):
        if '://' not in target and not os.path.exists(os.path.join(ROOT, os.path.dirname(path), target)):
            yield f'{path}: the link to {target} leads nowhere'
    for name in re.findall(r'\bsouk_(?:process|catalog|provider|request)_\w+', text):
        if name not in metrics and not path.endswith('decisions'):
            yield f'{path}: there is no metric {name}'
    for name in re.findall(r'`([a-z_]+\.[a-z_]+)`', text):
        if name.split('.')[1] in stats:
            continue
        if name.split('.')[0] in sections and name not in options and not re.search(r'\.(c|h|def|py|md|yaml|sock|mdb|pid|log)$', name):
            yield f'{path}: there is no option {name}'


def main():
    metrics, options, stats = metric_names(), option_names(), stats_words()
    if sys.argv[1:] == ['--self']:
        bad = 'see [x](nowhere.md), `server.nonsense` and souk_catalog_nonsense'
        return 0 if len(list(faults('README.md', bad, metrics, options, stats))) == 3 else 1
    agree = re.search(r'project\(souk VERSION (\S+)', read('CMakeLists.txt'))[1] in read('protocol', 'version.h')
    found = [] if agree else ['protocol/version.h: not the version of CMakeLists.txt']
    found += [f for path, text in pages() for f in faults(path, text, metrics, options, stats)]
    print('\n'.join(found) or 'docs agree with the code')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
