"""The binding, from outside: threads, asyncio, consumers, filters, tokens, a gateway."""
import asyncio
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid

import chatcore
from chatcore import aio


def messages(session, count):
    found = []
    while len(found) < count:
        event = session.next_event(5)
        assert event is not None, f"only {len(found)} of {count} messages came"
        if event.message:
            found.append(event.message)
    return found


class Threads(unittest.TestCase):
    def setUp(self):
        self.engine = chatcore.Engine()
        self.addCleanup(self.engine.close)

    def test_a_message_arrives(self):
        bob = self.engine.connect("bob", "laptop")
        alice = self.engine.connect("alice", "laptop")
        sent = alice.send(user="bob", text="hello ☀", meta={"mood": 1}, mentions=["bob"])
        got = messages(bob, 1)[0]
        self.assertEqual((got.id, got.seq, got.sender, got.text, got.kind),
                         (sent.message, 1, "alice", "hello ☀", "text"))
        self.assertEqual((got.meta, got.mentions), ({"mood": 1}, ("bob",)))
        self.assertIsInstance(got.id, uuid.UUID)
        self.assertIsNone(got.client_id)

    def test_a_retry_is_one_message(self):
        alice = self.engine.connect("alice", "laptop")
        first = alice.send(user="bob", text="once", client_id="c1")
        again = alice.send(user="bob", text="once", client_id="c1")
        self.assertEqual((again.message, again.duplicate), (first.message, True))
        self.assertEqual(len(alice.call("history", conversation=first.conversation).messages), 1)

    def test_groups_and_lists(self):
        alice = self.engine.connect("alice", "laptop")
        made = alice.call("create", kind="group", name="club", members=["bob", "carol"])
        roles = {m.user: m.role
                 for m in alice.call("members", conversation=made.conversation).members}
        self.assertEqual(roles, {"alice": "owner", "bob": "member", "carol": "member"})
        alice.call("role", conversation=made.conversation, user="bob", role="admin")
        listed = alice.call("conversations").conversations
        self.assertEqual([(c.id, c.kind, c.name, c.members) for c in listed],
                         [(made.conversation, "group", "club", 3)])

    def test_commands_take_the_protocols_names(self):
        alice = self.engine.connect("alice", "laptop")
        alice.call("create", kind="group", conversation="club", name="Club", members=[])
        alice.call("create", kind="group", conversation="team", name="Team", members=[])
        alice.call("update", conversation="club", name="The club")
        listed = alice.call("conversations", after="club", limit=1).conversations
        self.assertEqual([c.id for c in listed], ["team"])
        listed = alice.call("conversations", limit=1)
        self.assertEqual((listed.conversations[0].name, listed.more), ("The club", True))
        made = alice.call("invite", conversation="club", max_uses=1).invitations[0]
        with self.engine.requests("bob") as bob:
            self.assertEqual(bob.call("join", token=made.token).conversation, "club")

    def test_a_session_for_requests_is_not_online(self):
        alice = self.engine.connect("alice", "laptop")
        alice.call("create", kind="group", conversation="club", name="Club", members=["bob"])
        with self.engine.requests("bob") as bob:
            bob.send(conversation="club", text="from a page")
            self.assertFalse(alice.call("presence", users=["bob"]).presence[0].online)
        self.assertEqual(messages(alice, 2)[1].text, "from a page")

    def test_codes_are_those_of_c(self):
        for code in chatcore.Code:
            self.assertEqual(chatcore.ChatError(code).constant, "CC_" + code.name)

    def test_errors_have_names(self):
        alice = self.engine.connect("alice", "laptop")
        with self.assertRaises(chatcore.ChatError) as caught:
            alice.send(conversation="nowhere", text="hi")
        self.assertEqual((caught.exception.code, caught.exception.name), (404, "not_found"))
        with self.assertRaises(TypeError):
            alice.call("send", nonsense=1)

    def test_each_thread_has_its_own_sessions(self):
        def talk(name):
            session = self.engine.connect(name, "laptop")
            for n in range(50):
                session.send(conversation="room", text=f"{name} {n}")

        names = [f"u{n}" for n in range(4)]
        alice = self.engine.connect("alice", "laptop")
        alice.call("create", kind="group", conversation="room", name="room", members=names)
        threads = [threading.Thread(target=talk, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        got = messages(alice, 201)
        self.assertEqual([m.seq for m in got], list(range(1, 202)))
        for name in names:
            self.assertEqual([m.text for m in got if m.sender == name],
                             [f"{name} {n}" for n in range(50)])

    def test_a_closed_session_says_so(self):
        alice = self.engine.connect("alice", "laptop")
        alice.close()
        with self.assertRaises(chatcore.ChatError):
            alice.send(user="bob", text="too late")


class Readme(unittest.TestCase):
    def test_its_first_program_runs(self):
        readme = pathlib.Path(__file__).resolve().parent.parent / "README.md"
        program = readme.read_text("utf8").split("```python\n")[1].split("```")[0]
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([sys.executable, "-c", program], cwd=folder, timeout=60,
                                  capture_output=True, text=True, check=False)
        self.assertEqual((done.stdout, done.stderr), ("hello\n", ""))


class Durable(unittest.TestCase):
    def test_a_folder_keeps_messages_and_positions(self):
        with tempfile.TemporaryDirectory() as folder:
            with chatcore.Engine(folder) as engine:
                consumer = engine.consumer("printer")
                alice = engine.connect("alice", "laptop")
                alice.send(user="bob", text="one")
                batch = consumer.next_batch(5)
                self.assertEqual([m.text for m in batch.messages], ["one"])
                consumer.commit(batch)
                consumer.close()
                alice.send(user="bob", text="two")
            with chatcore.Engine(folder) as engine:
                batch = engine.consumer("printer").next_batch(5)
                self.assertEqual([(m.seq, m.text) for m in batch.messages], [(2, "two")])
                bob = engine.connect("bob", "laptop")
                self.assertEqual([m.text for m in messages(bob, 2)], ["one", "two"])

    def test_a_name_is_open_once(self):
        with chatcore.Engine() as engine:
            engine.consumer("printer").next_batch(0.1)
            with self.assertRaises(chatcore.ChatError) as caught:
                engine.consumer("printer").next_batch(5)
            self.assertEqual(caught.exception.constant, "CC_EEXISTS")


def moderate(check):
    if "forbidden" in check.text:
        return chatcore.REJECT("not here")
    if "damn" in check.text:
        return chatcore.CHANGE(check.text.replace("damn", "d***"))
    if check.text == "break":
        raise RuntimeError("a fault of the filter's")
    return chatcore.PASS


class Hooks(unittest.TestCase):
    def test_filters(self):
        with chatcore.Engine(filters=[moderate]) as engine:
            bob = engine.connect("bob", "laptop")
            alice = engine.connect("alice", "laptop")
            with self.assertRaises(chatcore.ChatError) as caught:
                alice.send(user="bob", text="forbidden fruit")
            self.assertEqual((caught.exception.code, str(caught.exception)), (422, "not here"))
            with self.assertRaises(chatcore.ChatError) as caught:
                alice.send(user="bob", text="break")
            self.assertTrue(caught.exception.is_temporary)
            alice.send(user="bob", text="damn")
            self.assertEqual(messages(bob, 1)[0].text, "d***")

    def test_tokens_of_ones_own(self):
        def verify(token):
            return (token.removeprefix("key-of-"), time.time() + 60) if "key-of-" in token else None

        with chatcore.Engine(verify=verify) as engine:
            gateway = engine.serve()
            asyncio.run(self.talk(gateway.port))

    async def talk(self, port):
        import websockets
        async with websockets.connect(f"ws://127.0.0.1:{port}/v1/ws",
                                      subprotocols=["chatcore.v1.json"]) as socket:
            await socket.send('{"id":1,"connect":{"token":"key-of-alice","device":"d"}}')
            answer = json.loads((await socket.recv()).split("\n")[0])
            self.assertEqual(answer["connect"]["user"], "alice")
        async with websockets.connect(f"ws://127.0.0.1:{port}/v1/ws",
                                      subprotocols=["chatcore.v1.json"]) as socket:
            await socket.send('{"id":1,"connect":{"token":"nonsense","device":"d"}}')
            answer = json.loads((await socket.recv()).split("\n")[0])
            self.assertEqual(answer["error"]["code"], 401)


class Asyncio(unittest.IsolatedAsyncioTestCase):
    async def test_events_are_an_async_iterator(self):
        with chatcore.Engine() as engine:
            async with aio.connect(engine, "bob", "laptop") as bob, \
                    aio.connect(engine, "alice", "laptop") as alice:
                await asyncio.gather(*(alice.send(user="bob", text=str(n)) for n in range(50)))
                got = []
                async for event in bob:
                    if event.message:
                        got.append(event.message.text)
                    if len(got) == 50:
                        break
                self.assertEqual(got, [str(n) for n in range(50)])

    async def test_consumers(self):
        with chatcore.Engine() as engine:
            alice = await aio.connect(engine, "alice", "laptop")
            consumer = aio.Consumer(engine, "index")
            await alice.send(user="bob", text="found")
            async for batch in consumer:
                self.assertEqual([m.text for m in batch.messages], ["found"])
                consumer.commit(batch)
                break
            await consumer.close(forget=True)
            await alice.close()

    async def test_errors_are_raised(self):
        with chatcore.Engine() as engine:
            alice = await aio.connect(engine, "alice", "laptop")
            with self.assertRaises(chatcore.ChatError):
                await alice.send(conversation="nowhere", text="hi")


if __name__ == "__main__":
    unittest.main()
