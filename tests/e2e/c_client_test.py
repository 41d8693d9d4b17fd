#!/usr/bin/python3
"""clients/c from outside, by its functions: what hostile servers send, tokens that end, an outbox over
a restart, files. c_client_test.py CHATCORED LIBRARY"""
import asyncio
import http.server
import json
import os
import sys
import tempfile
import threading
import time

import harness
from c_client_api import CONNECT, JSON, MSGPACK, REFRESH, REFUSED, Client

HELLO = {"user": "alice", "device": "test", "session": "s", "ping_interval_ms": 25000,
         "max_message_bytes": 65536}
MESSAGE = {"conversation": "c", "id": "018f0011-2233-7455-8677-8899aabbccdd", "from": "bob",
           "ts": 1, "kind": "text", "text": "still there"}
# What is pushed after the greeting, in JSON, each on a connection of its own: as it stands, or as objects.
BENT = [
    "garbage", "{", "[1,2]", "5", '"text"', "[" * 100_000, '{"a":' * 5000, "\x00\x01", "\n\n{]",
    {"message": 5}, {"message": None}, {"message": []}, {"message": {"conversation": 7, "seq": 1}},
    {"message": {**MESSAGE, "seq": 0}}, {"message": {**MESSAGE, "seq": -1}},
    {"message": {**MESSAGE, "seq": "1"}}, {"message": {**MESSAGE, "seq": 2**60}},
    {"message": {**MESSAGE, "seq": 1, "conversation": "c" * 5000}},
]
# After these the connection goes on.
BORNE = [
    {"id": "x"}, {"id": -1, "send": {}}, {"id": 2**62, "error": 5}, {"id": 1}, {"x" * 5000: {"y": 1}},
    {"synced": []}, {"synced": {"cursor": 5}}, {"typing": 5}, {"receipt": None}, {},
]
BENT_PACKS = [
    b"\xdd\xff\xff\xff\xff", b"\x81\xa7message\xdf\xff\xff\xff\xff", b"\xc1", b"\x91" * 100_000,
    b"\x81\xa7message\xc4\x02ab", b"\xd4\x01\x02", b"\x81\x01\x02", b"\x05", os.urandom(64),
]
BENT_HELLOS = [
    {"ping_interval_ms": 2**62, "server_time": -2**62}, {"ping_interval_ms": "x"},
    {"ping_interval_ms": -1, "server_time": 2**62}, {"ping_interval_ms": 0},
]
FRAME_MOST = 16 << 20


class Hostile:
    """A server that does one thing of `tricks` on each connection, and then, none being left, behaves:
    one message, and synced. Commands get what `replies` has
    for them, or are refused; `had` has them. Those in JSON."""

    def __init__(self, tricks, hellos=(), replies=None):
        self.replies = replies or {}
        self.tricks, self.hellos, self.had = list(tricks), list(hellos), []
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self.serve(),))
        self.thread.start()
        self.ready.wait()

    async def serve(self):
        self.stopping = asyncio.Event()
        async with harness.websockets.serve(self.talk, "127.0.0.1", 0, max_size=None,
                                            subprotocols=[harness.MSGPACK, harness.JSON]) as server:
            self.port = server.sockets[0].getsockname()[1]
            self.ready.set()
            await self.stopping.wait()

    def packed(self, socket, value):
        if isinstance(value, (bytes, str)):
            return value
        is_pack = socket.subprotocol == harness.MSGPACK
        return harness.msgpack.packb(value) if is_pack else json.dumps(value)

    async def talk(self, socket):
        frame = await socket.recv()
        is_pack = socket.subprotocol == harness.MSGPACK
        command = harness.msgpack.unpackb(frame) if is_pack else json.loads(frame)
        hello = {**HELLO, **(self.hellos.pop(0) if self.hellos else {})}
        await socket.send(self.packed(socket, {"id": command["id"], "connect": hello}))
        if self.tricks:
            trick = self.tricks.pop(0)
            await socket.send(self.packed(socket, trick))
            if trick in BORNE:
                await socket.close(4029)
        else:
            await socket.send(self.packed(socket, {"message": {**MESSAGE, "seq": 1}}))
            await socket.send(self.packed(socket, {"synced": {"cursor": "x"}}))
        try:
            while True:
                frame = await socket.recv()
                for line in [] if is_pack else frame.split("\n"):
                    self.had.append(json.loads(line))
                    await socket.send(json.dumps(self.reply(self.had[-1])))
        except harness.websockets.ConnectionClosed:
            pass

    def reply(self, command):
        key = [key for key in command if key != "id"][0]
        if key in self.replies:
            return {"id": command["id"], key: self.replies[key]}
        return {"id": command["id"], "error": {"code": 404, "name": "not_found"}}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join()


def bear(library, folder, tricks, encoding, hellos=()):
    with Hostile(tricks, hellos) as server:
        url = f"ws://127.0.0.1:{server.port}/v1/ws"
        with Client(library, url, folder, lambda reason: "t", encoding) as client:
            client.wait(lambda: client.messages and client.state() == "online",
                        "it got through to the end")
            assert [message["text"] for message in client.messages] == ["still there"], (
                client.messages)
            assert not server.tricks


def hostile_servers_are_borne(library, _, folder):
    huge = " " * (FRAME_MOST + 1)
    bear(library, os.path.join(folder, "json"), [*BENT, *BORNE, huge], JSON)
    bear(library, os.path.join(folder, "pack"), [*BENT_PACKS, *BENT[9:], *BORNE, huge.encode()],
         MSGPACK)
    bear(library, os.path.join(folder, "hello"), [{}] * len(BENT_HELLOS), JSON, BENT_HELLOS)


def a_token_is_renewed_before_it_ends(library, server, folder):
    """By a server whose clock is a second before its end, and which asks for no hurry."""
    soon, later = server.token("alice", 3600), server.token("alice", 7200)
    hello = {"server_time": int(time.time() + 3600) * 1000 - 1500}

    def token_of(reason):
        return {CONNECT: soon, REFRESH: later}[reason]
    with Hostile([], [hello]) as mock:
        url = f"ws://127.0.0.1:{mock.port}/v1/ws"
        with Client(library, url, folder, token_of) as client:
            client.wait(lambda: REFRESH in client.asked, "it asked for the next one")
            client.request("conversations", {})
            assert client.states == ["connecting", "catching up", "online"], client.states
            refreshed = [each["refresh"]["token"] for each in mock.had if "refresh" in each]
            assert refreshed == [later], mock.had
    with Client(library, server.url, folder + "-2", lambda _: soon) as client:
        client.wait_online()
        assert client.request("refresh", {"token": later})[1]["expires"] > 0


def a_token_that_ended_is_asked_for_anew(library, server, folder):
    """Nothing to refresh with: the session ends, and another token brings it back."""
    good = server.token("bob", 3600)

    def token_of(reason):
        return {CONNECT: server.token("bob", 2), REFUSED: good}.get(reason)
    with Client(library, server.url, folder, token_of, MSGPACK) as client:
        client.wait(lambda: REFUSED in client.asked, "it asked for another token")
        client.wait_online()
        assert "refused" not in client.states, client.states


def what_was_unsent_is_sent_after_a_restart(library, server, folder):
    def token_of(_):
        return server.token("carol")
    with Client(library, "ws://127.0.0.1:1", folder, token_of) as client:
        assert client.send("one", "first", user="carol2") == 0
        assert client.send("two", "second", user="carol2") == 0
    for encoding in (JSON, MSGPACK):
        with Client(library, server.url, folder, token_of, encoding) as client:
            client.wait_online()
            if encoding == JSON:
                client.wait(lambda: client.sent == ["one", "two"], "both are confirmed")
            else:
                assert client.send("three", "third", user="carol2") == 0
                client.wait(lambda: client.sent == ["three"], "only the new one is sent")
            conversation = client.request("conversations", {})[1]["conversations"][0]["id"]
            page = client.request("history", {"conversation": conversation})[1]["messages"]
    assert [message["text"] for message in page] == ["first", "second", "third"], page


def files_go_there_and_back(library, server, folder):
    """Written offline; uploaded after a restart, before what was written behind it; fetched by whom it
    was sent to."""
    path = os.path.join(folder, "picture.png")
    content = os.urandom(300_000)
    with open(path, "wb") as file:
        file.write(content)
    with Client(library, "ws://127.0.0.1:1", folder + "/a", lambda _: "t") as client:
        assert client.send("pic", "look", user="erin", file=path, file_type="image/png") == 0
        assert client.send("after", "behind it", user="erin") == 0
    with Client(library, server.url, folder + "/b", lambda _: server.token("erin")) as erin:
        with Client(library, server.url, folder + "/a", lambda _: server.token("dan"),
                    MSGPACK) as dan:
            dan.wait(lambda: dan.sent == ["pic", "after"], "both are sent")
            assert ("pic", len(content), len(content)) in dan.progress, dan.progress
        erin.wait(lambda: len(erin.messages) == 2, "both are had")
        message = erin.messages[0]
        assert message["kind"] == "media" and message["text"] == "look", message
        assert message["files"][0]["name"] == "picture.png", message
        assert message["files"][0]["type"] == "image/png", message
        fetched = os.path.join(folder, "fetched")
        error, reply = erin.download(message["media"][0], fetched)
        assert error is None and reply["bytes"] == len(content), (error, reply)
        with open(fetched, "rb") as file:
            assert file.read() == content
        assert os.stat(fetched).st_mode & 0o777 == 0o600
        assert not os.path.exists(fetched + ".part")
        assert erin.download(message["media"][0], folder + "/no/such/folder")[0] == "file_unwritable"
        assert erin.download("no-such-media", fetched)[0] == "not_found"
    with open(fetched, "rb") as file:
        assert file.read() == content


def files_that_are_not_there_are_told(library, server, folder):
    path = os.path.join(folder, "note.txt")
    with open(path, "w", encoding="ascii") as file:
        file.write("x")
    with Client(library, "ws://127.0.0.1:1", folder + "/a", lambda _: "t") as client:
        assert client.send("gone", "", user="erin", file=folder + "/none") == -2
        assert client.send("gone", "", user="erin", file=path) == 0
        assert client.send("after", "goes on", user="erin") == 0
    os.rename(path, path + ".away")
    with Client(library, server.url, folder + "/a", lambda _: server.token("fred")) as client:
        client.wait(lambda: client.failed == [("gone", "file_unreadable")], "it is told")
        client.wait(lambda: client.sent == ["after"], "what is behind it goes on")
        os.rename(path + ".away", path)
        assert client.retry("gone") == 0
        client.wait(lambda: client.sent == ["after", "gone"], "it is there again")


class Store(http.server.BaseHTTPRequestHandler):
    """An object store that answers what it is told to."""
    answers, had, body = [], [], b""

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        Store.had.append((self.path, self.headers["x-signed"], body))
        self.send_response(Store.answers.pop(0) if Store.answers else 201)
        self.end_headers()

    def do_GET(self):
        self.send_response(Store.answers.pop(0) if Store.answers else 200)
        self.send_header("content-length", str(len(Store.body) + (7 if self.path == "/cut" else 0)))
        self.end_headers()
        self.wfile.write(Store.body)

    def log_message(self, *_):
        pass


def faults_of_a_store_are_met(library, _, folder):
    """What is temporary is tried again, what is not is told; a cut download leaves nothing."""
    path = os.path.join(folder, "note.txt")
    with open(path, "w", encoding="ascii") as file:
        file.write("content")
    store = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
    thread = threading.Thread(target=store.serve_forever)
    thread.start()
    base = f"http://127.0.0.1:{store.server_port}"
    grant = {"media": "m", "method": "PUT", "url": base + "/put", "headers": {"x-signed": "yes"}}
    try:
        with Hostile([], replies={"upload": grant, "media": {"url": base + "/get"},
                                  "send": {"conversation": "c", "message": MESSAGE["id"], "ts": 1}}
                     ) as server:
            url = f"ws://127.0.0.1:{server.port}/v1/ws"
            with Client(library, url, folder + "/a", lambda _: "t") as client:
                client.wait_online()
                Store.answers = [503, 429, 201, 403, 409]
                for client_id in ("tried", "refused", "there"):
                    client.send(client_id, "", user=client_id, file=path)
                    client.wait(lambda: client_id in [*client.sent, *dict(client.failed)], client_id)
                assert client.sent == ["tried", "there"], client.sent
                assert client.failed == [("refused", "upload_failed")], client.failed
                assert Store.had == [("/put", "yes", b"content")] * 5, Store.had
                for bent in ({**grant, "url": "file:///etc/passwd"}, {**grant, "method": "POST"},
                             {**grant, "url": 5}, {**grant, "headers": {"a": "b\r\nc: d"}}, {}):
                    server.replies["upload"] = bent
                    count = len(client.failed) + len(client.sent)
                    client.send(None, "", user="x", file=path)
                    client.wait(lambda: len(client.failed) + len(client.sent) > count, str(bent))
                    assert len(client.sent) == 2, bent
                Store.body, Store.answers = b"y" * 1000, [200, 404]
                fetched = os.path.join(folder, "fetched")
                assert client.download("m", fetched)[1]["bytes"] == 1000
                assert client.download("m", fetched)[0] == "download_failed"
                server.replies["media"] = {"url": base + "/cut"}
                assert client.download("m", fetched + "2")[0] == "download_failed"
                server.replies["media"] = {"url": f"file://{path}"}
                assert client.download("m", fetched + "2")[0] == "download_failed"
                assert sorted(os.listdir(folder)) == ["a", "fetched", "note.txt"]
    finally:
        store.shutdown()
        store.server_close()
        thread.join()


CASES = [hostile_servers_are_borne, a_token_is_renewed_before_it_ends,
         a_token_that_ended_is_asked_for_anew, what_was_unsent_is_sent_after_a_restart,
         files_go_there_and_back, files_that_are_not_there_are_told, faults_of_a_store_are_met]


def main():
    chatcored, library = sys.argv[1:3]
    failures = 0
    if harness.msgpack is None:
        harness.skip("python3-msgpack is not installed")
    with harness.Server(path=chatcored) as server:
        for case in CASES:
            with tempfile.TemporaryDirectory(prefix="chatcore-c-client-") as folder:
                try:
                    case(library, server, folder)
                    print(f"ok {case.__name__}", flush=True)
                except AssertionError as error:
                    failures += 1
                    print(f"FAILED {case.__name__}: {error}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
