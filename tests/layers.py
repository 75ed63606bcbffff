#!/usr/bin/env python3
"""Holds the include edges of the tree against the layers of docs/ARCHITECTURE.md.

    tests/layers.py          prints each forbidden edge, exit 1 when there is one
    tests/layers.py --self   proves on made-up edges that the rules can fail

One file meets each foreign library; tests may include anything.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PARTS = ["protocol", "index", "server", "cli", "loadtest"]
BASE = {"status", "slice", "arena", "buf", "wire", "document", "schema_spec"}
MAY = {
    "protocol": {"protocol"},
    "index": {"index", "protocol"},
    "server": {"server", "index", "protocol"},
    "cli": {"cli", "protocol"},
    "loadtest": {"loadtest", "protocol"},
}
# header -> files (by path pattern) that may include it
FOREIGN = {
    "lmdb.h": r"index/store\.c",
    "unicode/": r"index/text\w*\.(c|h)",
    "libstemmer.h": r"index/stem\.c",
    "ev.h": r"server/loop\.c",
    "curl/": r"server/fetch_http\.c",
    "jansson.h": r"(server/json_node|loadtest/json_in)\.c",
    "microhttpd.h": r"server/admin_http\.c",
    "openssl/": r"protocol/(tls_\w+|key_digest)\.(c|h)",
}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def edges():
    for part in PARTS:
        for folder, _, names in os.walk(os.path.join(ROOT, part)):
            for name in names:
                if name.endswith((".c", ".h")):
                    path = os.path.join(folder, name)
                    with open(path, encoding="utf-8") as f:
                        for kind, target in INCLUDE.findall(f.read()):
                            yield os.path.relpath(path, ROOT), target, kind


def complaint(path, target):
    """Why `path` may not include `target`, or None."""
    part = path.split("/")[0]
    for header, who in FOREIGN.items():
        if target == header or (header.endswith("/") and target.startswith(header)):
            if not re.fullmatch(who, path):
                return f"only {who} meets {header}"
    top = target.split("/")[0]
    if "/" not in target or top not in PARTS:
        return None
    if top not in MAY[part]:
        return f"{part} does not include {top}"
    stem = os.path.splitext(os.path.basename(target))[0]
    if part == "index" and top == "protocol" and stem not in BASE:
        return "index sees only the base of protocol"
    if part == "protocol" and os.path.splitext(os.path.basename(path))[0] in BASE and stem not in BASE:
        return "the base of protocol includes only itself"
    return None


def self_test():
    bad = [("index/query.c", "server/loop.h"), ("index/query.c", "protocol/frame.h"),
           ("cli/main.c", "index/index.h"), ("loadtest/plan.c", "server/conn.h"),
           ("protocol/wire.c", "protocol/frame.h"), ("index/query.c", "lmdb.h"),
           ("server/front.c", "curl/curl.h"), ("protocol/frame.c", "index/index.h"), ("server/conn.c", "openssl/ssl.h")]
    missed = [e for e in bad if not complaint(*e)]
    good = [("server/front.c", "index/query.h"), ("index/store.c", "lmdb.h"), ("cli/main.c", "protocol/souk.h")]
    wrong = [e for e in good if complaint(*e)]
    for e in missed + wrong:
        print("rule fails for", *e)
    return 1 if missed or wrong else 0


def main():
    if "--self" in sys.argv:
        return self_test()
    bad = 0
    for path, target, _ in edges():
        why = complaint(path, target)
        if why:
            print(f"{path}: includes {target}: {why}")
            bad += 1
    return 1 if bad else 0


sys.exit(main())
