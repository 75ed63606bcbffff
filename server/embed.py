#!/usr/bin/env python3
"""A file as a C array: embed.py NAME IN OUT.h makes `static const char NAME[]`."""
import sys

name, source, out = sys.argv[1:]
with open(source, "rb") as f:
    data = f.read()
with open(out, "w", encoding="ascii") as f:
    f.write(f"/* Generated from {source.rsplit('/', 1)[-1]}; change that file. */\nstatic const char {name}[{len(data)}] = {{\n")
    for at in range(0, len(data), 20):
        f.write(",".join(str(b if b < 128 else b - 256) for b in data[at:at + 20]) + ",\n")
    f.write("};\n")
