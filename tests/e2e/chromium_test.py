#!/usr/bin/python3
"""chatcored through Chromium's own WebSocket: the scenarios of scenarios.mjs run in a page, which
posts what it printed back to the little web server that served it.

    chromium_test.py [CHATCORED]     exit 77 when there is no Chromium
"""
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

import harness
from harness import Server

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE_S = 120
PAGE = """<!DOCTYPE html><meta charset="utf-8"><title>scenarios</title><script type="module">
import { run } from "/scenarios.mjs";
const lines = [];
const { url, tokens } = await (await fetch("/environment")).json();
const result = await run({ WebSocket, url, tokens, print: (line) => lines.push(line) });
await fetch("/result", { method: "POST", body: JSON.stringify({ ...result, lines }) });
</script>"""
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--no-default-browser-check"]


def scenarios_source():
    with open(os.path.join(HERE, "scenarios.mjs"), encoding="utf8") as file:
        return file.read()


def environment(server):
    users = re.findall(r'"([a-z-]+)"', scenarios_source().split("export const users")[1].split("]")[0])
    tokens = {user: server.token(user) for user in users}
    tokens["(expired)"] = server.token("mallory", life_s=-60)
    tokens["(forged)"] = server.token("mallory", secret="another secret")
    return json.dumps({"url": server.url, "tokens": tokens})


class PageServer(http.server.ThreadingHTTPServer):
    """Serves the page and its module, and takes the result."""

    def __init__(self, server):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = {"/": ("text/html", PAGE),
                        "/scenarios.mjs": ("text/javascript", scenarios_source()),
                        "/environment": ("application/json", environment(server))}
        self.result = None
        self.done = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, body = self.server.answers.get(self.path, (None, ""))
        self.send_response(200 if kind else 404)
        self.send_header("Content-Type", f"{kind or 'text/plain'}; charset=utf-8")
        self.end_headers()
        self.wfile.write(body.encode())

    def do_POST(self):
        self.server.result = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.server.done.set()

    def log_message(self, *arguments):
        pass


def browse(chromium, pages):
    with tempfile.TemporaryDirectory(prefix="chatcore-chromium-",
                                     ignore_cleanup_errors=True) as profile:
        browser = subprocess.Popen(
            [chromium, *FLAGS, f"--user-data-dir={profile}",
             f"http://127.0.0.1:{pages.server_address[1]}/"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            pages.done.wait(PATIENCE_S)
        finally:
            browser.terminate()
            browser.wait()
    return pages.result


def main():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        harness.skip("chromium is not installed")
    with Server() as server:
        pages = PageServer(server)
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        result = browse(chromium, pages)
        pages.shutdown()
    if result is None:
        print(f"FAIL the page did not finish in {PATIENCE_S} s\n0 passed, 1 failed")
        return 1
    print("\n".join(result["lines"]))
    print(f"{result['passed']} passed, {result['failed']} failed")
    return 1 if result["failed"] or not result["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
