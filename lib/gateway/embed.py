#!/usr/bin/env python3
"""Turns the description of the REST interface into a C file: embed.py openapi.yaml openapi.c"""
import sys


def main():
    source, target = sys.argv[1:]
    with open(source, "rb") as file:
        data = file.read()
    rows = [", ".join(f"'\\x{byte:02x}'" for byte in data[i:i + 12]) for i in range(0, len(data), 12)]
    with open(target, "w", encoding="utf-8") as file:
        file.write('#include "gateway/openapi.h"\n\nconst char openapi_yaml[] = {\n')
        file.write("".join(f"    {row},\n" for row in rows))
        file.write("};\nconst size_t openapi_yaml_size = sizeof openapi_yaml;\n")


if __name__ == "__main__":
    main()
