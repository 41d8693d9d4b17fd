#!/usr/bin/python3
"""Requests that come with a W3C traceparent stand in the trace with its ids, and no others; and what
they say goes out to event hooks with it.

    tracing_test.py CHATCORED
"""
import asyncio
import base64
import http.server
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

import websockets

from cases import run_cases
from harness import Client, JSON, Server

PARENT = "00f067aa0ba902b7"


def traceparent(number, flags="01"):
    return f"00-{number:032x}-{PARENT}-{flags}"


def ask(server, path, header=None, method="GET", body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", data=body,
                                     method=method)
    request.add_header("Authorization", f"Bearer {server.token('alice')}")
    if header:
        request.add_header("traceparent", header)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


async def connect(server, **headers):
    async with websockets.connect(server.url, subprotocols=[JSON], extra_headers=headers):
        pass


def told(server):
    """What stands in the trace of requests, by trace id."""
    with open(os.path.join(server.directory, "stderr"), encoding="utf8") as file:
        lines = [json.loads(line) for line in file]
    return {int(line["trace_id"], 16): line for line in lines if line["area"] == "request"}


def requests_of_a_trace_are_told():
    with Server("--log-level", "info", "--log-format", "json") as server:
        body = b'{"text":"hello","client_id":"1"}'
        assert ask(server, "/v1/users/bob/messages", traceparent(1), "POST", body) == 201
        assert ask(server, "/v1/conversations/none?limit=3", traceparent(2)) in (404, 405)
        assert ask(server, "/healthz", traceparent(3)) == 200
        assert ask(server, "/v1/conversations") == 200
        assert ask(server, "/v1/conversations", traceparent(5, "00")) == 200  # not recorded
        assert ask(server, "/v1/conversations", traceparent(6).upper()) == 200  # malformed
        asyncio.run(connect(server, traceparent=traceparent(7)))
        assert server.stop() == 0
        lines = told(server)
        assert set(lines) == {1, 2, 3, 7}, lines
        assert lines[1] == {**lines[1], "level": "info", "parent_id": PARENT, "method": "POST",
                            "path": "/v1/users/bob/messages", "status": "201"}
        assert int(lines[1]["duration_us"]) > 0
        assert lines[2]["path"] == "/v1/conversations/none", lines[2]
        assert lines[7]["status"] == "101" and lines[7]["path"] == "/v1/ws", lines[7]


def traces_that_are_not_recorded_are_for_who_looks_closely():
    with Server("--log-level", "debug", "--log-format", "json") as server:
        assert ask(server, "/v1/conversations", traceparent(5, "00")) == 200
        assert server.stop() == 0
        assert told(server)[5]["level"] == "debug"
    with Server() as server:  # at `warning`
        assert ask(server, "/v1/conversations", traceparent(1)) == 200
        assert server.stop() == 0
        assert "request" not in server.trace()


class Receiver(http.server.BaseHTTPRequestHandler):
    """Of an event hook: what it was told, by text."""
    traces = {}

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))["data"]["message"]
        if "text" in message:
            self.traces[message["text"]] = (self.headers.get("traceparent"), message)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


async def say(server, text, **fields):
    client = await Client.login(server, "alice")
    await client.send(user="bob", text=text, **fields)
    reader = await Client.login(server, "bob", synced=False)
    pushed = await reader.take("message", text=text)
    await client.close()
    await reader.close()
    return pushed


def a_trace_goes_out_with_event_hooks():
    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    receiver.daemon_threads = True
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    server = Server("--webhook-allow-private", "--event-webhooks",
                    f"http://127.0.0.1:{receiver.server_port}/")
    path = os.path.join(server.directory, "webhook-secrets")
    with open(path, "w", encoding="ascii") as file:
        file.write(base64.b64encode(os.urandom(24)).decode())
    server.options += ("--webhook-secret-file", path)
    with server:
        body = b'{"text":"over REST","client_id":"1"}'
        assert ask(server, "/v1/users/bob/messages", traceparent(1), "POST", body) == 201
        pushed = asyncio.run(say(server, "over a WebSocket", traceparent=traceparent(2, "00")))
        assert "traceparent" not in pushed, pushed
        asyncio.run(say(server, "without"))
        asyncio.run(say(server, "malformed", traceparent="00-what"))
        deadline = time.monotonic() + 20
        while len(Receiver.traces) < 4:
            assert time.monotonic() < deadline, Receiver.traces
            time.sleep(0.05)
    receiver.shutdown()
    found = {text: trace for text, (trace, _) in Receiver.traces.items()}
    assert found == {"over REST": traceparent(1), "over a WebSocket": traceparent(2, "00"),
                     "without": None, "malformed": None}, found
    assert not any("traceparent" in message for _, message in Receiver.traces.values())


if __name__ == "__main__":
    sys.exit(run_cases((requests_of_a_trace_are_told,
                        traces_that_are_not_recorded_are_for_who_looks_closely,
                        a_trace_goes_out_with_event_hooks)))
