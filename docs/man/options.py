#!/usr/bin/env python3
"""Fills @OPTIONS@ in a man page from server/options.def: options.py OPTIONS.def PAGE.scd.in PAGE.scd"""
import re
import sys

definition, template, out = sys.argv[1:]
KINDS = {'TEXT': 'text', 'ADDRESS': 'HOST:PORT', 'ACCOUNT': 'user of this system', 'NUMBER': 'number', 'BYTES': 'size', 'TIME': 'time', 'SWITCH': 'true or false', 'CLASS': 'critical, default, sheddable or background',
          'RATIO': 'number from 0 to 1',
         'PEER': 'HOST:PORT or unix:PATH'}
with open(definition, encoding='utf-8') as f:
    rows = re.findall(r'^OPTION\((\w+), "([^"]+)", (\w+), "([^"]*)", (\d+), (\d+), (\d), "([^"]*)"\)', f.read(), re.M)


def escape(text):
    return re.sub(r'([*_\\])', r'\\\1', text)


STEPS = {'BYTES': (('TiB', 1 << 40), ('GiB', 1 << 30), ('MiB', 1 << 20), ('KiB', 1 << 10), ('', 1)),
         'TIME': (('d', 86400000), ('h', 3600000), ('m', 60000), ('s', 1000), ('ms', 1)),
         'NUMBER': (('', 1),)}


def written(value, kind):
    """A bound as one would write it in the file."""
    unit, size = next((u, s) for u, s in STEPS[kind] if int(value) % s == 0 and (int(value) >= s or s == 1))
    return f'{int(value) // size}{unit}'


lines = []
for _, path, kind, default, least, most, reload, help_text in rows:
    bounds = f', {written(least, kind)} to {written(most, kind)}' if kind in STEPS else ''
    lines.append(f"*{escape(path)}* ({KINDS[kind]}{bounds}, default {escape(default) or 'empty'}{', reloadable' if reload == '1' else ''})")
    lines.append(f'\t{escape(help_text[0].upper() + help_text[1:])}.\n')
with open(template, encoding='utf-8') as f:
    page = f.read()
with open(out, 'w', encoding='utf-8') as f:
    f.write(page.replace('@OPTIONS@', '\n'.join(lines)))
