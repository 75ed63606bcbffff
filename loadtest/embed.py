#!/usr/bin/env python3
"""Makes a C header with the two halves of a page around /*DATA*/: embed.py PAGE HEADER"""
import sys


def array(name, data):
    rows = [', '.join(str(b) for b in data[i:i + 24]) for i in range(0, len(data), 24)]
    return f'static const unsigned char {name}[] = {{\n' + ',\n'.join(rows) + '};\n'


with open(sys.argv[1], 'rb') as f:
    head, tail = f.read().split(b'/*DATA*/')
with open(sys.argv[2], 'w', encoding='ascii') as f:
    f.write('/* made by loadtest/embed.py from report.html */\n' + array('page_head', head) + array('page_tail', tail))
