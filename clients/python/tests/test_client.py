#!/usr/bin/python3
"""The client against a server that does what each test says, and its storage. No chatcored."""
import asyncio
import json
import os
import sys
import tempfile
import unittest

import msgpack
import websockets

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src"))
from chatcore_client import Attachment, ChatError, Client  # noqa: E402
from chatcore_client import client as client_module  # noqa: E402

ID = "018f0011-2233-7455-8677-8899aabbccdd"


def message(seq, conversation="a", **fields):
    return {"message": {"conversation": conversation, "seq": seq, "id": ID, "from": "bob", "ts": 1,
                        "kind": "text", "text": f"{conversation}{seq}", **fields}}


class Peer:
    """One connection of the client, seen from the server."""

    def __init__(self, socket):
        self.socket = socket
        self.is_json = socket.subprotocol == "chatcore.v1.json"
        self.received = asyncio.Queue()
        self.has_ended = asyncio.Event()

    async def run(self):
        try:
            async for frame in self.socket:
                for each in (frame.split("\n") if self.is_json else [frame]):
                    self.received.put_nowait(json.loads(each) if self.is_json
                                             else msgpack.unpackb(each))
        except websockets.exceptions.ConnectionClosed:
            pass
        self.has_ended.set()

    async def put(self, *objects):
        await self.socket.send("\n".join(map(json.dumps, objects)) if self.is_json
                               else b"".join(map(msgpack.packb, objects)))

    async def take(self, key):
        """The next command, which must have this key: its id and its fields."""
        command = await asyncio.wait_for(self.received.get(), 10)
        assert key in command, command
        return command["id"], command[key]

    async def answer(self, key, reply):
        command, fields = await self.take(key)
        await self.put({"id": command, key: reply})
        return fields

    async def refuse(self, key, **error):
        command, fields = await self.take(key)
        await self.put({"id": command, "error": {"message": "", **error}})
        return fields

    async def welcome(self, *pushes, cursor="c1"):
        """Answers `connect`, with what comes behind the reply in the same frame."""
        command, fields = await self.take("connect")
        hello = {"user": "alice", "device": "d", "session": "s", "server_time": 0,
                 "ping_interval_ms": 25000, "max_message_bytes": 65536}
        await self.put({"id": command, "connect": hello}, *pushes, {"synced": {"cursor": cursor}})
        return fields


class ClientTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "client.sqlite")
        self.peers = asyncio.Queue()
        self.server = await websockets.serve(self.serve, "127.0.0.1", 0, subprotocols=[
            "chatcore.v1.json", "chatcore.v1.msgpack"])
        self.url = f"ws://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        self.clients = []
        self.listeners = []

    async def asyncTearDown(self):
        for client in self.clients:
            await client.close()
        await asyncio.wait_for(asyncio.gather(*self.listeners), 10)
        self.server.close()
        await self.server.wait_closed()
        self.folder.cleanup()

    async def serve(self, socket, *_):
        peer = Peer(socket)
        self.peers.put_nowait(peer)
        await peer.run()

    async def peer(self):
        return await asyncio.wait_for(self.peers.get(), 10)

    async def open(self, token="t", random=lambda: 0.0, **options):
        client = Client(self.url, token, "d", random=random, **options)
        client.seen = []
        self.clients.append(client)
        self.listeners.append(asyncio.create_task(self.listen(client)))
        await client.start()
        return client

    async def listen(self, client):
        async for event in client:
            client.seen.append(event)

    async def until(self, holds):
        for _ in range(1000):
            if holds():
                return
            await asyncio.sleep(0.01)
        self.fail("it does not happen")

    def texts(self, client):
        return [body["text"] for name, body in client.seen if name == "message"]

    def names(self, client):
        return [name for name, _ in client.seen]

    async def test_hands_out_what_comes_in_either_encoding(self):
        for encoding in ("json", "msgpack"):
            client = await self.open(encoding=encoding)
            peer = await self.peer()
            fields = await peer.welcome(message(1), {"typing": {"user": "bob"}}, {"news": {}},
                                        message(2))
            await self.until(lambda c=client: c.state.status == "online")
            self.assertEqual(fields, {"token": "t", "device": "d"})
            await self.until(lambda c=client: "synced" in self.names(c))
            self.assertEqual(self.texts(client), ["a1", "a2"])
            self.assertIn("typing", self.names(client))
            self.assertNotIn("news", self.names(client))

    async def test_an_id_is_text_inside_and_bytes_in_messagepack(self):
        client = await self.open(encoding="msgpack")
        peer = await self.peer()
        raw = bytes.fromhex(ID.replace("-", ""))
        await peer.welcome(message(1, id=raw))
        await self.until(lambda: self.texts(client))
        self.assertEqual(next(body for name, body in client.seen if name == "message")["id"], ID)
        asking = asyncio.create_task(client.request("delete", conversation="a", message=ID))
        fields = await peer.answer("delete", {"seq": 2})
        self.assertEqual(fields["message"], raw)
        self.assertEqual(await asking, {"seq": 2})

    async def test_a_gap_is_filled_before_what_follows(self):
        client = await self.open()
        peer = await self.peer()
        await peer.welcome(message(1), message(4), message(5))
        fields = await peer.answer("history", {"more": False, "messages": [
            message(2)["message"], message(3)["message"]]})
        self.assertEqual((fields["conversation"], fields["after"]), ("a", 1))
        await self.until(lambda: len(self.texts(client)) == 5)
        self.assertEqual(self.texts(client), ["a1", "a2", "a3", "a4", "a5"])
        await self.until(lambda: client.state.status == "online")

    async def test_a_cursor_is_not_recorded_over_a_gap(self):
        client = await self.open(path=self.path)
        peer = await self.peer()
        await peer.welcome(message(1), message(3), cursor="beyond")
        await peer.take("history")
        await peer.socket.close(1011)
        again = await self.peer()
        fields = await again.welcome(message(2), message(3))
        self.assertNotIn("cursor", fields)
        await self.until(lambda: len(self.texts(client)) == 3)

    async def test_it_resumes_and_nothing_comes_twice(self):
        client = await self.open(path=self.path)
        peer = await self.peer()
        await peer.welcome(message(1), cursor="c1")
        await self.until(lambda: client.state.status == "online")
        await peer.socket.close(1011)
        fields = await (await self.peer()).welcome(message(1), message(2), cursor="c2")
        self.assertEqual(fields["cursor"], "c1")
        await self.until(lambda: len(self.texts(client)) == 2)
        await self.until(lambda: self.names(client).count("synced") == 2)
        await client.close()
        second = await self.open(path=self.path)
        fields = await (await self.peer()).welcome(message(2), message(3))
        self.assertEqual(fields["cursor"], "c2")
        await self.until(lambda: self.texts(second))
        self.assertEqual(self.texts(second), ["a3"])

    async def test_what_the_program_had_not_finished_comes_again(self):
        client = Client(self.url, "t", "d", path=self.path)
        await client.start()
        await (await self.peer()).welcome(message(1), message(2))
        async for name, body in client:
            if name == "message" and body["seq"] == 2:
                break
        await client.close()
        second = await self.open(path=self.path)
        await (await self.peer()).welcome(message(1), message(2))
        await self.until(lambda: self.texts(second))
        self.assertEqual(self.texts(second), ["a2"])

    async def test_the_outbox_keeps_and_sends_once_in_order(self):
        writer = Client(self.url, "t", "d", path=self.path)
        for i in range(3):
            await writer.send(user="bob", text=f"m{i}", client_id=f"c{i}")
        with self.assertRaises(ChatError) as refused:
            await writer.send(user="bob", text="again", client_id="c1")
        self.assertEqual(refused.exception.name, "conflict")
        await writer.close()
        client = await self.open(path=self.path)
        peer = await self.peer()
        await peer.welcome()
        reply = {"conversation": "a", "message": ID, "ts": 1}
        self.assertEqual((await peer.answer("send", reply))["client_id"], "c0")
        await peer.take("send")  # c1: no reply comes
        await peer.socket.close(1011)
        peer = await self.peer()
        await peer.welcome()
        sent = [await peer.answer("send", {**reply, "duplicate": True}) for _ in range(2)]
        self.assertEqual(sent, [{"user": "bob", "client_id": f"c{i}", "text": f"m{i}"}
                                for i in (1, 2)])
        await self.until(lambda: not client.outbox)

    async def test_what_is_refused_for_good_stays_and_holds_up_nothing(self):
        client = await self.open(path=self.path)
        peer = await self.peer()
        await peer.welcome()
        await client.send(user="bob", text="spam", client_id="bad")
        await client.send(user="bob", text="fine", client_id="good")
        await peer.refuse("send", code=422, name="rejected")
        await peer.refuse("send", code=503, name="unavailable", temporary=True)
        self.assertEqual((await peer.take("send"))[1]["client_id"], "good")
        self.assertEqual([(entry.client_id, entry.state) for entry in client.outbox],
                         [("bad", "failed"), ("good", "sending")])
        await client.discard("bad")
        self.assertEqual([entry.client_id for entry in client.outbox], ["good"])

    async def test_what_has_no_form_on_the_wire_is_refused_at_once(self):
        client = await self.open(path=self.path)
        for draft in ({"text": "\ud800"}, {"meta": {"when": object()}}):
            with self.assertRaises(ChatError) as refused:
                await client.send(user="bob", **draft)
            self.assertEqual(refused.exception.name, "bad_request")
        self.assertEqual(client.outbox, [])

    async def test_files_are_uploaded_first_and_not_again(self):
        client = await self.open(path=self.path)
        peer = await self.peer()
        await peer.welcome()
        await client.send(user="bob", files=[Attachment("a.txt", "text/plain", b"hello")])
        fields = await peer.answer("upload", {"media": "m1", "method": "PUT", "headers": {},
                                              "url": "ftp://nowhere", "expires": 1})
        self.assertEqual((fields["name"], fields["bytes"]), ("a.txt", 5))
        await self.until(lambda: client.outbox[0].state == "failed")
        self.assertEqual(client.outbox[0].error["name"], "upload_failed")

    async def test_what_is_discarded_while_a_file_goes_up_is_gone(self):
        client = await self.open(path=self.path)
        peer = await self.peer()
        await peer.welcome()
        has_begun, may_end = asyncio.Event(), asyncio.Event()

        async def upload(_):
            has_begun.set()
            await may_end.wait()
            return "m1"

        client._outbox._upload = upload
        await client.send(user="bob", client_id="gone", files=[Attachment("a", "text/plain", b"x")])
        await client.send(user="bob", client_id="next", text="fine")
        await asyncio.wait_for(has_begun.wait(), 10)
        await client.discard("gone")
        may_end.set()
        self.assertEqual((await peer.take("send"))[1]["client_id"], "next")
        await client.close()
        again = Client(self.url, "t", "d", path=self.path)
        await again._load()
        self.assertEqual([entry.client_id for entry in again.outbox], ["next"])
        await again.close()

    async def test_it_obeys(self):
        client = await self.open(random=lambda: 0.5)
        await (await self.peer()).socket.close(4001, "100")
        await self.until(lambda: any(name == "state" and body.code == 4001
                                     for name, body in client.seen))
        waits = [body.retry_in_s for name, body in client.seen
                 if name == "state" and body.status == "waiting"]
        self.assertEqual(waits, [0.05])
        await (await self.peer()).refuse("connect", code=429, name="rate_limited", temporary=True,
                                         retry_after_ms=20)
        await self.until(lambda: any(name == "state" and body.code == 429
                                     for name, body in client.seen))
        state = next(body for name, body in client.seen
                     if name == "state" and body.code == 429)
        self.assertAlmostEqual(state.retry_in_s, 0.02 + 0.25)
        await (await self.peer()).socket.close(4503, "kicked")
        await self.until(lambda: client.state.status == "refused")
        self.assertEqual((client.state.code, client.state.reason), (4503, "kicked"))
        self.assertTrue(self.peers.empty())

    async def test_a_refused_token_is_asked_for_anew_once(self):
        asked = []

        async def token(reason):
            asked.append(reason)
            return f"t{len(asked)}"

        client = await self.open(token=token)
        for _ in range(2):
            await (await self.peer()).refuse("connect", code=401, name="unauthorized")
        await self.until(lambda: client.state.status == "refused")
        self.assertEqual(asked, ["connect", "refused"])

    async def test_a_program_that_is_too_slow_catches_up(self):
        most, client_module.EVENTS_MOST = client_module.EVENTS_MOST, 50
        self.addCleanup(setattr, client_module, "EVENTS_MOST", most)
        client = Client(self.url, "t", "d", random=lambda: 0.0)
        self.clients.append(client)
        await client.start()
        peer = await self.peer()
        await peer.welcome(*[message(seq) for seq in range(1, 101)])
        await asyncio.wait_for(peer.has_ended.wait(), 10)
        self.assertTrue(self.peers.empty())
        seqs = []

        async def resume():
            while True:
                again = await self.peers.get()
                await again.welcome(*[message(seq) for seq in range(1, 101)])

        resuming = asyncio.create_task(resume())
        async for name, body in client:
            if name == "message":
                seqs.append(body["seq"])
                if body["seq"] == 100:
                    break
        resuming.cancel()
        self.assertEqual(seqs, list(range(1, 101)))

    async def test_what_is_no_frame_of_the_protocol_ends_the_connection(self):
        client = await self.open()
        peer = await self.peer()
        await peer.welcome()
        await self.until(lambda: client.state.status == "online")
        await peer.socket.send("[1, 2")
        await (await self.peer()).welcome()
        await self.until(lambda: client.state.status == "online")

    async def test_requests_fail_when_there_is_no_connection(self):
        client = await self.open()
        with self.assertRaises(ChatError) as offline:
            await client.request("history", conversation="a", limit=1)
        self.assertEqual((offline.exception.name, offline.exception.temporary), ("offline", True))

    async def test_the_file_is_private(self):
        await self.open(path=self.path)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)


if __name__ == "__main__":
    unittest.main()
