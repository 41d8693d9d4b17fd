#!/usr/bin/env python3
"""Turns the page into a C file, with the Content-Security-Policy that allows its script and style
and nothing else: embed.py page.html page.c"""
import base64
import hashlib
import re
import sys


def hashes(html, tag):
    found = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
    digests = (hashlib.sha256(text.encode()).digest() for text in found)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def main():
    source, target = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        html = file.read()
    policy = "; ".join([
        "default-src 'none'",
        f"script-src {hashes(html, 'script')}",
        f"style-src {hashes(html, 'style')}",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ])
    data = html.encode()
    rows = [", ".join(f"'\\x{byte:02x}'" for byte in data[i:i + 12]) for i in range(0, len(data), 12)]
    with open(target, "w", encoding="utf-8") as file:
        file.write('#include "page.h"\n\nconst char page_html[] = {\n')
        file.write("".join(f"    {row},\n" for row in rows))
        file.write("};\nconst size_t page_html_size = sizeof page_html;\n")
        file.write(f'const char page_policy[] = "{policy}";\n')


if __name__ == "__main__":
    main()
