"""Notifications from outside: a chatcored that appends them to a file, users who go offline, and
kill -9 in between.
"""
import asyncio
import base64
import hashlib
import hmac
import http.server
import json
import os
import signal
import threading
import time
import urllib.request

from harness import Client, Server

WINDOW_MS = 600
PATIENCE_S = 20


def lines(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf8") as file:
        return [json.loads(line) for line in file]


async def wait_for(path, count, what):
    deadline = time.monotonic() + PATIENCE_S
    while len(lines(path)) < count:
        assert time.monotonic() < deadline, f"{what}: only {lines(path)}"
        await asyncio.sleep(0.05)
    return lines(path)


async def register(server, user, token):
    client = await Client.login(server, user)
    await client.call("device", push={"provider": "file", "token": token})
    await client.close()


async def away(alice, user):
    """Until the server has noticed that the user is gone."""
    deadline = time.monotonic() + PATIENCE_S
    while (await alice.call("presence", users=[user]))["presence"][0]["status"] != "offline":
        assert time.monotonic() < deadline, f"{user} stays online"
        await asyncio.sleep(0.1)


async def gathered_and_taken_back(server, path):
    await register(server, "bob", "bob-token")
    alice = await Client.login(server, "alice")
    await alice.call("create", kind="group", conversation="g", name="Group X", members=["bob"])
    await away(alice, "bob")
    for number in range(5):
        await alice.send("g", text=f"message {number}")
    first, = await wait_for(path, 1, "five messages")
    assert first["title"] == "Group X" and first["count"] == 5, first
    assert first["body"].startswith("5 new messages in Group X\nalice: message 4"), first
    assert first["token"] == "bob-token" and first["user"] == "bob" and first["badge"] == 5, first
    await alice.send(user="bob", text="psst")
    second = (await wait_for(path, 2, "a direct message"))[1]
    assert second["kind"] == "direct" and second["priority"] == "high", second
    assert second["title"] == "alice" and second["body"] == "psst", second
    bob = await Client.login(server, "bob")
    await bob.call("read", conversation="g", seq=first["seq"])
    third = (await wait_for(path, 3, "a taking back"))[2]
    assert third["action"] == "cancel" and third["collapse_key"] == first["collapse_key"], third
    await alice.send("g", text="now he is here")
    await asyncio.sleep(3 * WINDOW_MS / 1000)
    assert len(lines(path)) == 3, "who is online was notified"
    await bob.close()
    await away(alice, "bob")
    await alice.close()


async def killed(server, path):
    """What the log has is told, after however many crashes; what was told is not told again, but
    for the batch that a crash met."""
    before = len(lines(path))
    for number in range(3):
        alice = await Client.login(server, "alice")
        await alice.send("g", text=f"before the crash {number}")
        await alice.lose()
        server.kill()
        server.start()
    await wait_for(path, before + 1, "messages from before a crash")
    await asyncio.sleep(3 * WINDOW_MS / 1000)
    told = lines(path)[before:]
    assert told[-1]["body"].endswith("before the crash 2"), told
    assert len(told) <= 2 * 3, f"each batch at most once more: {told}"
    server.kill()
    server.start()
    count = len(lines(path))
    await asyncio.sleep(4 * WINDOW_MS / 1000)
    assert len(lines(path)) <= count + 1, lines(path)[count:]


async def figures(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as reply:
        text = reply.read().decode()
    assert "chatcore_engine_notifications_waiting 0" in text, text


class Receiver(http.server.BaseHTTPRequestHandler):
    """A webhook that fails as often as it is told, and then takes what is signed."""
    secrets = [os.urandom(32), os.urandom(32)]
    failures = 1
    status = 204
    taken = []

    def signatures(self, body):
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        return ["v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
                for key in self.secrets]

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        wrong = self.headers["webhook-signature"].split(" ") != self.signatures(body)
        late = abs(int(self.headers["webhook-timestamp"]) - time.time()) > 60
        if wrong or late:
            self.taken.append("a signature or a time is wrong")
        elif Receiver.failures:
            Receiver.failures -= 1
            self.send_response(503)
            self.end_headers()
            return
        else:
            self.taken.append((self.headers["webhook-id"], json.loads(body)))
        self.send_response(Receiver.status)
        self.end_headers()

    def log_message(self, *_):
        pass


def figure(server, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as reply:
        for line in reply.read().decode().splitlines():
            if line.startswith(f"chatcore_engine_{name} "):
                return int(line.split()[1])
    raise AssertionError(name)


async def wait_until(holds, what):
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


async def tell_carol(server, url, text):
    carol = await Client.login(server, "carol")
    await carol.call("device", push={"provider": "webhook", "token": url})
    await carol.send(user="alice", text="hello")  # who have spoken may see each other's presence
    await carol.close()
    alice = await Client.login(server, "alice")
    await away(alice, "carol")
    await alice.send(user="carol", text=text)
    await alice.close()


async def called(server, url):
    """Signed with both secrets, repeated after a failure, and the token removed when it is gone."""
    await tell_carol(server, url, "hi carol")
    await wait_until(lambda: Receiver.taken, "no webhook was called")
    number, body = Receiver.taken[0]
    assert number.startswith("msg_") and body["type"] == "notification.show", body
    assert body["data"]["body"] == "hi carol" and "token" not in body["data"], body
    with open(os.path.join(server.directory, "webhook-secrets"), "w", encoding="ascii") as file:
        file.write(base64.b64encode(Receiver.secrets[1]).decode())
    server.process.send_signal(signal.SIGHUP)
    await wait_until(lambda: "renewed" in server.trace(), "not renewed")
    Receiver.secrets = Receiver.secrets[1:]
    Receiver.taken.clear()
    await tell_carol(server, url, "by one secret")
    await wait_until(lambda: Receiver.taken, "no webhook was called with the new secrets")
    assert Receiver.taken[0][1]["data"]["body"].endswith("by one secret"), Receiver.taken
    Receiver.status = 410
    await tell_carol(server, url, "gone")
    await wait_until(lambda: figure(server, "notification_tokens_gone_total") == 1, "not gone")


def webhooks():
    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    server = Server("--notify-urgent-ms", str(WINDOW_MS // 2), "--webhook-allow-private",
                    "--log-level", "info")
    path = os.path.join(server.directory, "webhook-secrets")
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join("whsec_" + base64.b64encode(key).decode() for key in Receiver.secrets))
    server.options += ("--webhook-secret-file", path)
    with server:
        asyncio.run(called(server, url))
    receiver.shutdown()
    print("ok webhooks: signed, repeated, removed", flush=True)


def main():
    webhooks()
    server = Server("--notify-urgent-ms", str(WINDOW_MS // 2), "--notify-window-ms", str(WINDOW_MS))
    path = os.path.join(server.directory, "notifications")
    server.options += ("--notify-file", path)
    with server:
        asyncio.run(gathered_and_taken_back(server, path))
        asyncio.run(killed(server, path))
        asyncio.run(figures(server))
    print("ok notifications: gathered, taken back, and over crashes", flush=True)


main()
