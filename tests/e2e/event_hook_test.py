#!/usr/bin/python3
"""Event hooks from outside: a receiver that checks signatures, fails, and is away; and kill -9.

    event_hook_test.py CHATCORED
"""
import asyncio
import base64
import hashlib
import hmac
import http.server
import json
import os
import signal
import subprocess
import threading
import time
import urllib.request

from harness import Client, Server, program

PATIENCE_S = 20


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    secrets = [os.urandom(32), os.urandom(32)]
    status = 204
    taken = []   # (webhook-id, body)
    wrong = []   # bodies whose signatures don't fit
    refused = 0
    connections = 0

    def setup(self):
        Receiver.connections += 1
        super().setup()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        wanted = ["v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
                  for key in self.secrets]
        if self.headers["webhook-signature"].split(" ") != wanted:
            self.wrong.append(body)
        elif Receiver.status == 204:
            self.taken.append((self.headers["webhook-id"], json.loads(body)))
        else:
            Receiver.refused += 1
        self.send_response(Receiver.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def listen(port=0):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


async def until(holds, what):
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"{what}: {Receiver.taken}"
        await asyncio.sleep(0.02)


def texts():
    return [body["data"]["message"].get("text") for _, body in Receiver.taken]


def figure(server, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as reply:
        for line in reply.read().decode().splitlines():
            if line.startswith(f'chatcored_event_webhook_{name}{{webhook="1"}} '):
                return int(line.split()[1])
    raise AssertionError(name)


async def everything_is_posted(server):
    alice = await Client.login(server, "alice")
    await alice.call("create", kind="group", conversation="g", name="Club", members=["bob"])
    sent = (await alice.send("g", text="Gr\u00f6\u00dfe \"1\""))["message"]
    await alice.call("edit", conversation="g", message=sent, text="two")
    await alice.call("react", conversation="g", message=sent, emoji="+1", on=True)
    await alice.call("delete", conversation="g", message=sent)
    await until(lambda: len(Receiver.taken) == 5, "five events")
    bodies = sorted((body for _, body in Receiver.taken), key=lambda b: b["data"]["message"]["seq"])
    assert [body["type"] for body in bodies] == [
        "conversation.changed", "message.created", "message.edited", "message.reaction",
        "message.deleted"], bodies
    message = bodies[1]["data"]["message"]
    assert message["from"] == "alice" and message["conversation"] == "g", message
    assert message["id"] == sent and "client_id" not in message, message
    assert len({number for number, _ in Receiver.taken}) == 5, "each has an id of its own"
    await alice.close()


async def nothing_is_lost(server, receiver):
    """While the receiver fails, is away, and the server is killed in between."""
    Receiver.taken.clear()
    alice = await Client.login(server, "alice")
    Receiver.status = 503
    for number in range(20):
        await alice.send("g", text=f"failing {number}")
    await until(lambda: figure(server, "failed_total") >= 2, "tried again")
    assert figure(server, "failing") == 1
    receiver.shutdown()
    receiver.server_close()
    await alice.send("g", text="away")
    await alice.lose()
    server.kill()
    server.start()
    Receiver.status = 204
    receiver = listen(receiver.server_port)
    await until(lambda: len(set(texts())) == 21, "all came")
    assert set(texts()) == {f"failing {number}" for number in range(20)} | {"away"}, texts()
    alice = await Client.login(server, "alice")
    for number in range(300):  # more than a batch
        await alice.send("g", text=f"many {number}")
    await until(lambda: len(set(texts())) == 321, "many came")
    server.kill()
    server.start()
    alice = await Client.login(server, "alice")
    await alice.send("g", text="last")
    await until(lambda: "last" in texts(), "the last came")
    ids = {}
    for number, body in Receiver.taken:  # what came twice is known by its id
        assert ids.setdefault(number, body) == body, body
    assert len(ids) == 322, len(ids)
    assert figure(server, "failing") == 0 and figure(server, "sent_total") >= 1
    assert Receiver.connections < len(Receiver.taken), "connections are kept"
    await alice.close()
    return receiver


async def gone_is_gone(server):
    Receiver.status = 410
    alice = await Client.login(server, "alice")
    await alice.send("g", text="nobody wants it")
    await until(lambda: figure(server, "disabled") == 1, "disabled")
    refused = Receiver.refused
    await alice.send("g", text="nobody hears it")
    await asyncio.sleep(0.5)
    assert Receiver.refused == refused, "a disabled hook was called"
    await alice.close()


async def not_inside(server):
    """Without leave, no address of this machine is called."""
    before = Receiver.connections
    alice = await Client.login(server, "alice")
    await alice.send(user="bob", text="inside")
    await until(lambda: figure(server, "failed_total") >= 1, "not refused")
    assert Receiver.connections == before, "a private address was called"
    await alice.close()


def secrets_path(server):
    return os.path.join(server.directory, "webhook-secrets")


def write_secrets(server, secrets):
    with open(secrets_path(server), "w", encoding="ascii") as file:
        file.write("\n".join("whsec_" + base64.b64encode(key).decode() for key in secrets))


async def secrets_change(server):
    """The next secret is added, the receiver changes over, the old one goes: nothing is lost, and
    nothing is signed wrongly in between. A file without any changes nothing."""
    Receiver.taken.clear()
    alice = await Client.login(server, "alice")
    old, new = Receiver.secrets[1], os.urandom(32)
    for round_, secrets in enumerate([[old, new], [], [new]]):
        write_secrets(server, secrets)
        server.process.send_signal(signal.SIGHUP)
        Receiver.secrets = secrets or Receiver.secrets
        await until(lambda times=round_ + 1: server.trace().count("renewed") == times, "a word")
        await alice.send("g", text=f"secret {round_}")
        await until(lambda text=f"secret {round_}": text in texts(), "signed with the new ones")
    assert not Receiver.wrong, Receiver.wrong
    assert "no secrets of 24" in server.trace() and "nothing is renewed" in server.trace()
    await alice.close()


def make(url, *options):
    server = Server("--event-webhooks", url, *options)
    write_secrets(server, Receiver.secrets)
    server.options += ("--webhook-secret-file", secrets_path(server))
    return server


def settings_are_checked(server):
    path = secrets_path(server)
    for given, told in ((["http://127.0.0.1/x"], "needs webhook-secret-file"),
                        (["ftp://127.0.0.1/x", "--webhook-secret-file", path], "no URL")):
        result = subprocess.run([program(), "--check-config", "--event-webhooks", *given],
                                capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert result.returncode == 1 and told in result.stderr, result


def main():
    receiver = listen()
    url = f"http://127.0.0.1:{receiver.server_port}/events"
    with make(url, "--webhook-allow-private", "--send-rate", "off", "--log-level", "info") as server:
        asyncio.run(everything_is_posted(server))
        print("ok everything is posted, signed with each secret", flush=True)
        asyncio.run(secrets_change(server))
        print("ok secrets are changed over while it runs", flush=True)
        receiver = asyncio.run(nothing_is_lost(server, receiver))
        print("ok nothing is lost, and what comes twice has its id", flush=True)
        asyncio.run(gone_is_gone(server))
        print("ok a hook that is gone is disabled", flush=True)
    with make(url) as server:
        settings_are_checked(server)
        asyncio.run(not_inside(server))
        print("ok no private address is called", flush=True)
    assert not Receiver.wrong, Receiver.wrong
    receiver.shutdown()


main()
