#!/usr/bin/env python3
"""Queries with one random edit, for what typos cost on judged sets.

    one_edit.py QUERIES.tsv OUT [--seed N]

Of the queries (qid TAB text) that have a word of five letters or more without a digit, OUT.clean gets the
text as it is, OUT.edited the same with one such word changed: a letter put in, left out, replaced or
swapped with the next, never the first one. bench_relevance scores both with the same judgments.
"""
import argparse
import random
import re

LETTERS = 'abcdefghijklmnopqrstuvwxyz'


def edited(word, draw):
    at = draw.randrange(1, len(word))
    kind = draw.choice(('insert', 'delete', 'replace', 'swap'))
    if kind == 'insert':
        return word[:at] + draw.choice(LETTERS) + word[at:]
    if kind == 'delete':
        return word[:at] + word[at + 1:]
    if kind == 'replace':
        return word[:at] + draw.choice([c for c in LETTERS if c != word[at].lower()]) + word[at + 1:]
    others = [i for i in range(1, len(word) - 1) if word[i] != word[i + 1]]
    if not others:
        return edited(word, draw)
    at = draw.choice(others)
    return word[:at] + word[at + 1] + word[at] + word[at + 2:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('queries')
    parser.add_argument('out')
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with open(options.queries, encoding='utf-8') as f, open(options.out + '.clean', 'w', encoding='utf-8') as clean, \
            open(options.out + '.edited', 'w', encoding='utf-8') as other:
        for line in f:
            qid, text = line.rstrip('\n').split('\t')
            words = [m for m in re.finditer(r'\S+', text) if re.fullmatch(r'[A-Za-z]{5,}', m.group())]
            if not words:
                continue
            word = draw.choice(words)
            clean.write(line)
            other.write(f'{qid}\t{text[:word.start()]}{edited(word.group(), draw)}{text[word.end():]}\n')


if __name__ == '__main__':
    main()
