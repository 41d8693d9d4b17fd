#!/usr/bin/env python3
"""Turns files into a C file with their bytes, as they are and packed: embed.py TARGET FILE…; each
FILE's name without folder and dots becomes the asset's, such as page_chat_css. The ETags are made
of the bytes: another program with the same page has the same."""
import gzip
import hashlib
import os
import sys


def array(name, data):
    rows = ("    " + ",".join(f"'\\x{byte:02x}'" for byte in data[i:i + 16]) + ",\n"
            for i in range(0, len(data), 16))
    return f"static const char {name}[] = {{\n{''.join(rows)}}};\n"


def body(name, data):
    return f'{{{{{name}, sizeof {name}}}, "\\"{hashlib.sha256(data).hexdigest()[:32]}\\""}}'


def asset(path):
    name = "page_" + os.path.basename(path).replace(".", "_")
    with open(path, "rb") as file:
        plain = file.read()
    packed = gzip.compress(plain, 9, mtime=0)
    return (array(f"{name}_plain", plain) + array(f"{name}_packed", packed) +
            f"const struct page_asset {name} = {{\n    {body(f'{name}_plain', plain)},\n"
            f"    {body(f'{name}_packed', packed)},\n}};\n")


def main():
    target, *sources = sys.argv[1:]
    with open(target, "w", encoding="ascii") as file:
        file.write('#include "page.h"\n\n' + "\n".join(asset(path) for path in sources))


if __name__ == "__main__":
    main()
