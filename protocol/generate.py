#!/usr/bin/env python3
"""Makes from protocol.json: C constants (--constants OUT.h) and the tables of docs/protocol.md
(--docs FILE rewrites between the markers; --check FILE exits 1 when they differ)."""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def load():
    with open(os.path.join(HERE, "protocol.json"), encoding="utf-8") as f:
        return json.load(f)


def constants(p):
    out = ["/* Generated from protocol.json; change that file. */",
           "#ifndef SOUK_PROTOCOL_CONSTANTS_H", "#define SOUK_PROTOCOL_CONSTANTS_H", "",
           f"#define PROTOCOL_MAGIC {p['magic']}", f"#define PROTOCOL_VERSION {p['version']}", "",
           "enum opcode {"]
    out += [f"    OP_{n} = {v[0]}, /* {v[1]} */" for n, v in p["opcodes"].items()]
    out += ["};", "", "enum frame_flag {"]
    out += [f"    FLAG_{n} = {v[0]}, /* {v[1]} */" for n, v in p["flags"].items()]
    out += ["    FLAG_CLASS_MASK = 768", "};", "", "enum feature {"]
    out += [f"    FEATURE_{n} = {v[0]}, /* {v[1]} */" for n, v in p["features"].items()]
    out += ["};"]
    for message, tags in p["messages"].items():
        out += ["", f"enum tag_{message.lower()} {{"]
        out += [f"    TAG_{message}_{n} = {v[0]}, /* {v[1]} */" for n, v in tags.items()]
        out += ["};"]
    out += ["", "/* In lower case, as metrics and logs name it; \"other\" for an unknown one. */",
            "static inline const char *opcode_name(unsigned opcode)", "{", "    switch (opcode) {"]
    out += [f'    case OP_{n}:\n        return "{n.lower()}";' for n in p["opcodes"]]
    out += ["    default:", '        return "other";', "    }", "}"]
    return "\n".join(out + ["", "#endif", ""])


def statuses():
    with open(os.path.join(HERE, "status.def"), encoding="utf-8") as f:
        for row in re.findall(r'^STATUS\((\w+),\s*(\d+),\s*(\w+),\s*(\d),\s*"([^"]*)"\)', f.read(), re.M):
            if int(row[1]) >= 10:
                yield row


def tables(p):
    out = ["### Header", "", "| offset | field | type | meaning |", "|---|---|---|---|"]
    at = 0
    for name, kind, doc in p["header"]:
        out.append(f"| {at} | {name} | {kind} | {doc} |")
        at += {"u8": 1, "u16": 2, "u32": 4}[kind]
    out += ["", "### Operations", "", "| code | name | meaning |", "|---|---|---|"]
    out += [f"| {v[0]} | {n} | {v[1]} |" for n, v in p["opcodes"].items()]
    out += ["", "### Flags", "", "| bit | name | meaning |", "|---|---|---|"]
    out += [f"| {v[0]} | {n} | {v[1]} |" for n, v in p["flags"].items()]
    out += ["", "### Features", "", "| bit | name | meaning |", "|---|---|---|"]
    out += [f"| {v[0]} | {n} | {v[1]} |" for n, v in p["features"].items()]
    out += ["", "### Fields of the bodies", "", "| body | tag | name | value |", "|---|---|---|---|"]
    for m, tags in p["messages"].items():
        out += [f"| {m} | {v[0]} | {n} | {v[1]} |" for n, v in tags.items()]
    out += ["", "### Errors", "", "| code | name | class | retryable | meaning |", "|---|---|---|---|---|"]
    out += [f"| {c} | {n} | {k.lower()} | {'yes' if r == '1' else 'no'} | {t} |"
            for n, c, k, r, t in statuses()]
    return "\n".join(out) + "\n"


def with_tables(text, p):
    begin, end = "<!-- tables: begin -->\n", "<!-- tables: end -->"
    head, rest = text.split(begin)
    return head + begin + tables(p) + end + rest.split(end)[1]


def main():
    p = load()
    kind, path = sys.argv[1], sys.argv[2]
    if kind == "--constants":
        with open(path, "w", encoding="utf-8") as f:
            f.write(constants(p))
        return 0
    with open(path, encoding="utf-8") as f:
        old = f.read()
    new = with_tables(old, p)
    if kind == "--docs":
        with open(path, "w", encoding="utf-8") as f:
            f.write(new)
        return 0
    return 0 if old == new else 1


sys.exit(main())
