#!/usr/bin/env python3
"""Does the default profile generalise? Profiles around it, chosen by some queries and scored on others.

    folds.py BENCH_RELEVANCE PROFILES EDITION:QUERIES:QRELS:MEASURE ...

MEASURE is `ndcg` or `recall`. PROFILES profiles, the default and random changes of its numbers by half to
twice, are scored on every query. Prints for each set the default, the best of a fifth of its queries when
chosen by the other four (five times), and the best when chosen by all other sets.
"""
import random
import subprocess
import sys

NUMBERS = {'learn_weight': 0.1, 'relax_share': 0.25, 'relax_lift': 0.4, 'class_0': 0.93, 'class_1': 1, 'class_2': 1.95, 'class_3': 0.23,
           'more_classes': 0.33, 'impact_floor': 0.39, 'form_factor': 0.9, 'typo_factor': 0.5, 'part_factor': 0.8,
           'title': 0.03, 'title_all': 0.1, 'near': 0.32, 'lead': 0.2, 'lead_span': 1.35, 'prefix_factor': 0.21,
           'negated_title': 0.1}
SHARES = {'relax_share', 'relax_lift', 'more_classes', 'impact_floor', 'form_factor', 'typo_factor', 'part_factor', 'prefix_factor'}
FOLDS = 5


def profiles(count, draw):
    yield '#'
    for _ in range(count - 1):
        text = []
        for name, value in NUMBERS.items():
            value *= 2 ** draw.uniform(-1, 1)
            value = min(value, 1) if name in SHARES else max(value, 1) if name == 'lead_span' else value
            text.append(f'{name} {value:.4f}')
        yield '; '.join(text)


def recalled(queries, judgments):
    """The texts of queries with something to recall: a product of grade 2 or better."""
    with open(judgments, encoding='utf-8') as f:
        good = {line.split('\t')[0] for line in f if int(line.split('\t')[2]) >= 2}
    with open(queries, encoding='utf-8') as f:
        return {line.rstrip('\n').split('\t')[1] for line in f if line.split('\t')[0] in good}


def scores(bench, spec, texts):
    """One row a profile, of the measure of every query that has one."""
    *paths, measure = spec.split(':')
    asked = recalled(*paths[1:]) if measure == 'recall' else None
    out = subprocess.run([bench, '-v', ':'.join(paths)], input='\n'.join(texts) + '\n', capture_output=True, text=True, check=True)
    rows, row = [], []
    for line in out.stdout.splitlines():
        if line.startswith('  '):
            if asked is None or line.split(None, 3)[3] in asked:
                row.append(float(line.split()[0 if measure == 'ndcg' else 2]))
        else:
            rows.append(row)
            row = []
    return rows


def mean(values):
    return sum(values) / len(values)


def main():
    bench, count, *specs = sys.argv[1:]
    draw = random.Random(5)
    texts = list(profiles(int(count), draw))
    sets = [scores(bench, spec, texts) for spec in specs]
    for n, (spec, rows) in enumerate(zip(specs, sets)):
        fold = [draw.randrange(FOLDS) for _ in rows[0]]
        held, asked = 0, range(len(fold))
        for f in range(FOLDS):
            best = max(rows, key=lambda r: mean([r[i] for i in asked if fold[i] != f]))
            held += sum(best[i] for i in asked if fold[i] == f)
        others = [mean([mean(s[p]) for k, s in enumerate(sets) if k != n]) if len(sets) > 1 else 0 for p in range(len(texts))]
        print(f'{spec.split(":")[1]}: default {mean(rows[0]):.4f}, chosen by folds {held / len(fold):.4f}, '
              f'chosen by the other sets {mean(rows[others.index(max(others))]):.4f}')


if __name__ == '__main__':
    main()
