#!/usr/bin/python3
"""Who is notified of what, from outside, one rule after the other: each user has a device of the
provider `file`, and all are away.

    notify_rules_test.py CHATCORED
"""
import asyncio
import base64
import http.server
import json
import os
import threading
import time
import urllib.request

from harness import Client, Server

URGENT_MS, WINDOW_MS = 400, 2000
PATIENCE_S = 20
USERS = ["bob", "carol", "dave", "erin", "frank", "grace"]


class Away:
    """The lines of the notifier's file, by user."""

    def __init__(self, path):
        self.path = path

    def all(self):
        if not os.path.exists(self.path):
            return []
        with open(self.path, encoding="utf8") as file:
            return [json.loads(line) for line in file]

    def of(self, user):
        return [line for line in self.all() if line["user"] == user]

    async def wait(self, user, count):
        deadline = time.monotonic() + PATIENCE_S
        while len(self.of(user)) < count:
            assert time.monotonic() < deadline, (user, count, self.of(user))
            await asyncio.sleep(0.02)
        return self.of(user)[count - 1]


async def set_out(server):
    """Everybody registers a device and goes; alice stays, and makes a group of all."""
    for user in USERS:
        client = await Client.login(server, user)
        await client.call("device", push={"provider": "file", "token": f"{user}-token"})
        await client.close()
    alice = await Client.login(server, "alice")
    await alice.call("create", kind="group", conversation="g", name="Club", members=USERS)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = (await alice.call("presence", users=USERS))["presence"]
        if all(one["status"] == "offline" for one in found):
            return alice
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.1)


async def briefly(server, user, *calls):
    """Is online for a moment over REST, which makes nobody's session."""
    for method, path, body in calls:
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.port}/v1/{path}", json.dumps(body).encode(), method=method,
            headers={"Authorization": f"Bearer {server.token(user)}",
                     "Content-Type": "application/json"})
        with await asyncio.to_thread(urllib.request.urlopen, request) as reply:
            assert reply.status == 200, reply.status


async def unread(server, user):
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/v1/conversations",
                                     headers={"Authorization": f"Bearer {server.token(user)}"})
    with await asyncio.to_thread(urllib.request.urlopen, request) as reply:
        return sum(one["unread"] for one in json.loads(reply.read())["conversations"])


def quiet_now():
    """From a minute ago, for an hour."""
    minute = time.gmtime().tm_hour * 60 + time.gmtime().tm_min
    return {"from": (minute - 1) % 1440, "to": (minute + 59) % 1440, "offset": 0}


async def rules(server, away):
    alice = await set_out(server)
    await briefly(server, "carol", ("PUT", "conversations/g/mute", {"until": 4102444800000}))
    await briefly(server, "dave", ("PATCH", "profile", {"meta": {"notify": {"quiet": quiet_now()}}}))
    await briefly(server, "erin", ("PATCH", "profile", {"meta": {"notify": {"preview": False}}}))

    # One for many; who is mentioned comes before the rest; a direct message before both.
    await alice.send("g", text="first")
    await alice.send("g", text="second @bob", mentions=["bob", "carol", "dave"])
    await alice.send("g", text="third")
    await alice.send(user="frank", text="for you")
    frank = await away.wait("frank", 1)
    assert frank["kind"] == "direct" and frank["priority"] == "high", frank
    bob = await away.wait("bob", 1)
    assert bob["priority"] == "high" and "mentioned you" in bob["body"], bob
    grace = await away.wait("grace", 1)
    order = [line["user"] for line in away.all()]
    assert order.index("grace") > max(order.index("bob"), order.index("frank")), order
    assert grace["count"] == 3 and grace["priority"] == "normal", grace
    assert grace["body"] == "3 new messages in Club\nalice: third", grace
    erin = await away.wait("erin", 1)
    assert erin["body"] == "3 new messages in Club", "no text of a message"

    # The badge is what the list of conversations says.
    assert grace["badge"] == await unread(server, "grace"), grace
    frank = await away.wait("frank", 2)
    assert frank["badge"] == await unread(server, "frank") == 4, frank

    # A mute and quiet hours hold back mentions as well; a mute is of one conversation.
    assert not away.of("carol") and not away.of("dave"), (away.of("carol"), away.of("dave"))
    await alice.send(user="carol", text="not muted here")
    await alice.send(user="dave", text="it is night")
    carol = await away.wait("carol", 1)
    assert carol["kind"] == "direct" and carol["badge"] == 1, "what is muted is not in the badge"

    # One collapse key a conversation and user; the number goes on until it is read.
    await alice.send("g", text="fourth")
    again = await away.wait("grace", 2)
    assert again["collapse_key"] == grace["collapse_key"] and again["count"] == 4, again
    assert again["collapse_key"] != away.of("bob")[0]["collapse_key"]
    assert again["id"] != grace["id"]

    # Read before its time: nothing comes. What is shown is taken back.
    await alice.send("g", text="fifth")
    head = (await alice.call("history", conversation="g", limit=1))["messages"][-1]["seq"]
    await briefly(server, "grace", ("PUT", "conversations/g/read", {"seq": head}))
    cancel = await away.wait("grace", 3)
    assert cancel["action"] == "cancel" and cancel["badge"] == 0, cancel
    assert cancel["collapse_key"] == grace["collapse_key"], cancel
    await alice.send(user="frank", text="later than all of it")
    await away.wait("frank", 3)
    await asyncio.sleep(2 * WINDOW_MS / 1000)
    assert len(away.of("grace")) == 3, away.of("grace")
    assert not away.of("dave"), "quiet hours are over"
    await alice.close()


class Failing(http.server.BaseHTTPRequestHandler):
    """A provider that is down for one device, and has never heard of another."""
    calls = {"/down": 0, "/dead": 0}

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.calls[self.path] += 1
        self.send_response(503 if self.path == "/down" else 410)
        self.end_headers()

    def log_message(self, *_):
        pass


async def devices(server, away):
    """One user's three devices: one that fails, one that is dead, one that is well."""
    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{receiver.server_port}"
    await briefly(server, "bob",
                  ("PUT", "devices/down", {"push": {"provider": "webhook", "token": f"{url}/down"}}),
                  ("PUT", "devices/dead", {"push": {"provider": "webhook", "token": f"{url}/dead"}}))
    before = len(away.of("bob"))
    alice = await Client.login(server, "alice")
    for number in range(3):
        await alice.send(user="bob", text=f"number {number}")
        told = await away.wait("bob", before + number + 1)
        assert told["body"].endswith(f"number {number}"), told
    deadline = time.monotonic() + PATIENCE_S
    while Failing.calls["/down"] < 2:
        assert time.monotonic() < deadline, "what fails is not repeated"
        await asyncio.sleep(0.05)
    assert Failing.calls["/dead"] == 1, "a dead token was used again"
    await alice.close()
    receiver.shutdown()


def main():
    server = Server("--notify-urgent-ms", str(URGENT_MS), "--notify-window-ms", str(WINDOW_MS),
                    "--webhook-allow-private")
    away = Away(os.path.join(server.directory, "notifications"))
    secrets = os.path.join(server.directory, "webhook-secret")
    with open(secrets, "w", encoding="ascii") as file:
        file.write(base64.b64encode(os.urandom(32)).decode())
    server.options += ("--notify-file", away.path, "--webhook-secret-file", secrets)
    with server:
        asyncio.run(rules(server, away))
        print("ok who is told of what, and when", flush=True)
        asyncio.run(devices(server, away))
        print("ok one failing device holds up no other, a dead one goes", flush=True)


main()
