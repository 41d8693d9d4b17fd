#!/usr/bin/env python3
"""Turns files into a C file with their bytes: embed.py TARGET FILE…; each FILE's name without
folder and dots becomes the array's, such as page_chat_css."""
import os
import sys


def array(path):
    name = "page_" + os.path.basename(path).replace(".", "_")
    with open(path, "rb") as file:
        data = file.read()
    rows = ("    " + ",".join(f"'\\x{byte:02x}'" for byte in data[i:i + 16]) + ",\n"
            for i in range(0, len(data), 16))
    return (f"static const char {name}_bytes[] = {{\n{''.join(rows)}}};\n"
            f"const struct cc_slice {name} = {{{name}_bytes, sizeof {name}_bytes}};\n")


def main():
    target, *sources = sys.argv[1:]
    with open(target, "w", encoding="ascii") as file:
        file.write('#include "page.h"\n\n' + "\n".join(array(path) for path in sources))


if __name__ == "__main__":
    main()
