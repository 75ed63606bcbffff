#!/usr/bin/env python3
"""Builds the bench corpus and its queries.

    corpus.py products OUT.tsv [--data DIR] [--only SET] [--times N]
    corpus.py queries CORPUS.tsv OUT.tsv [--seed N] [--count N]
    corpus.py jsonl CORPUS.tsv OUT.jsonl
    corpus.py kept DIR [--only SET] [--seed N]      all three in DIR, each made where it is missing

Corpus columns, tab separated, no header: n, title, text, category, price in cents, popularity.
Query columns: class, words, low, high; classes and or prefix fuzzy range facet shop.
Without a data directory the sample catalog of the repository is used.
"""
import argparse
import glob
import json
import os
import random
import re
import subprocess
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SHARED = os.path.join(os.path.dirname(ROOT), "shared", "data")
WORD = re.compile(r"[a-z0-9]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def zstd_lines(path):
    p = subprocess.Popen(["zstd", "-dc", path], stdout=subprocess.PIPE)
    yield from p.stdout
    if p.wait() != 0:
        sys.exit(f"{path}: zstd failed")


def catalogs(data, only):
    if data and os.path.isdir(data):
        for path in sorted(glob.glob(os.path.join(data, "*", "products.jsonl.zst"))):
            name = os.path.basename(os.path.dirname(path))
            if name != "debian" and (not only or name == only):
                yield name, path
    else:
        yield "esci-us", os.path.join(ROOT, "data", "esci-us.jsonl.zst")


def as_text(v):
    return " ".join(map(str, v)) if isinstance(v, list) else "" if v is None else str(v)


def clean(s, limit):
    return CONTROL.sub(" ", s).strip()[:limit]


def price_of(product, key):
    """Cents; a product without a price gets a stable log-normal looking one."""
    p = product.get("price")
    if isinstance(p, (int, float)) and p > 0:
        return min(int(float(p) * 100), 2_000_000_000)
    rnd = random.Random(zlib.crc32(key.encode()))
    return max(100, int(2500 * rnd.lognormvariate(0, 1.1)))


def products(args):
    rows = []
    for name, path in catalogs(args.data, args.only):
        for line in zstd_lines(path):
            o = json.loads(line)
            c = o.get("category")
            c = (c[0] if isinstance(c, list) and c else c) or name
            parts = [o[k] for k in ("brand", "bullets", "description", "color")
                     if o.get(k) and not isinstance(o[k], dict)]
            key = name + str(o.get("id"))
            rows.append((clean(as_text(o.get("title")), 500),
                         clean(" ".join(as_text(p) for p in parts), 4000),
                         clean(as_text(c), 60) or "none", price_of(o, key),
                         int(o.get("rating_count") or zlib.crc32(key.encode()) % 5000)))
    n = 0
    with open(args.out, "w", encoding="utf-8") as out:
        for _ in range(args.times):
            for row in rows:
                n += 1
                out.write("%d\t%s\t%s\t%s\t%d\t%d\n" % (n, *row))
    print(n, "products", file=sys.stderr)


def jsonl(args):
    with open(args.corpus, encoding="utf-8") as src, open(args.out, "w", encoding="utf-8") as out:
        for line in src:
            n, title, text, category, price, pop = line.rstrip("\n").split("\t")
            o = {"id": n, "title": title, "description": text, "category": category,
                 "price": int(price), "popularity": int(pop)}
            out.write(json.dumps(o, ensure_ascii=False, separators=(",", ":")) + "\n")


class Queries:
    """Words drawn from random titles, the way the peers' bench draws them."""

    def __init__(self, corpus, seed):
        self.rnd = random.Random(seed)
        self.titles, self.prices = [], []
        with open(corpus, encoding="utf-8") as f:
            for line in f:
                row = line.rstrip("\n").split("\t")
                words = [w for w in WORD.findall(row[1].lower()) if 2 <= len(w) <= 20]
                if words:
                    self.titles.append(words)
                self.prices.append(int(row[4]))
        self.prices.sort()

    def words(self, k):
        while True:
            u = list(dict.fromkeys(self.rnd.choice(self.titles)))
            if len(u) >= k:
                at = self.rnd.randrange(len(u) - k + 1)
                return u[at:at + k] if self.rnd.random() < 0.7 else self.rnd.sample(u, k)

    def edit(self, w):
        """One edit, never in the first letter."""
        at = self.rnd.randrange(1, len(w))
        c = self.rnd.choice("abcdefghijklmnopqrstuvwxyz")
        kind = self.rnd.randrange(4)
        if kind == 0:
            return w[:at] + c + w[at + 1:]
        if kind == 1:
            return w[:at] + w[at + 1:]
        if kind == 2 or at < 2 or w[at] == w[at - 1]:
            return w[:at] + c + w[at:]
        return w[:at - 1] + w[at] + w[at - 1] + w[at + 1:]

    def prefix(self):
        while True:
            t = self.words(self.rnd.choice([1, 2, 2, 3]))
            if len(t[-1]) >= 3:
                n = self.rnd.choice([2, 3, 3, 4, 4, 5])
                t[-1] = t[-1][:max(2, min(len(t[-1]) - 1, n))]
                return t

    def fuzzy(self):
        while True:
            t = self.words(self.rnd.choice([1, 2, 2, 3]))
            at = [i for i, x in enumerate(t) if len(x) >= 4 and x.isalpha()]
            if at:
                i = self.rnd.choice(at)
                t[i] = self.edit(t[i])
                return t

    def range(self):
        a = self.rnd.random() * 0.7
        n = len(self.prices)
        return self.prices[int(a * n)], self.prices[min(n - 1, int((a + 0.3) * n))]


def queries(args):
    q = Queries(args.corpus, args.seed)
    out = open(args.out, "w", encoding="utf-8")

    def put(kind, words, low=0, high=0):
        out.write("%s\t%s\t%d\t%d\n" % (kind, " ".join(words), low, high))

    base = [q.words(q.rnd.choices([1, 2, 3, 4], [25, 35, 25, 15])[0]) for _ in range(args.count)]
    for t in base:
        put("and", t)
    for t in base:
        put("or", t if len(t) > 1 else q.words(q.rnd.choice([2, 3, 4])))
    for _ in range(args.count):
        put("prefix", q.prefix())
    for _ in range(args.count):
        put("fuzzy", q.fuzzy())
    for _ in range(args.count):
        put("range", q.words(q.rnd.choice([1, 2, 2, 3])), *q.range())
    for _ in range(args.count):
        put("facet", q.words(q.rnd.choice([1, 1, 2, 2, 3])))
    wands = os.path.join(SHARED, "..", "data", "queries", "wands.tsv.zst")
    if os.path.exists(wands):
        for line in zstd_lines(wands):
            words = WORD.findall(line.decode().rstrip("\n").split("\t")[1].lower())
            if words and words != ["query"]:
                put("shop", words[:8])
    out.close()


def kept(args):
    os.makedirs(args.dir, exist_ok=True)
    corpus = os.path.join(args.dir, "products.tsv")
    for make, name in ((products, "products.tsv"), (queries, f"queries.{args.seed}.tsv"), (jsonl, "products.jsonl")):
        path = os.path.join(args.dir, name)
        if not os.path.exists(path):
            make(argparse.Namespace(data=SHARED, only=args.only, times=1, corpus=corpus, seed=args.seed, count=2000,
                                    out=path + ".new"))
            os.rename(path + ".new", path)


def main():
    p = argparse.ArgumentParser()
    sub = p.add_subparsers(dest="kind", required=True)
    a = sub.add_parser("products")
    a.add_argument("out")
    a.add_argument("--data", default=SHARED)
    a.add_argument("--only")
    a.add_argument("--times", type=int, default=1)
    a.set_defaults(run=products)
    a = sub.add_parser("queries")
    a.add_argument("corpus")
    a.add_argument("out")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--count", type=int, default=2000)
    a.set_defaults(run=queries)
    a = sub.add_parser("jsonl")
    a.add_argument("corpus")
    a.add_argument("out")
    a.set_defaults(run=jsonl)
    a = sub.add_parser("kept")
    a.add_argument("dir")
    a.add_argument("--only")
    a.add_argument("--seed", type=int, default=1)
    a.set_defaults(run=kept)
    args = p.parse_args()
    args.run(args)


main()
