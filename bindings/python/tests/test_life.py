"""How sessions, consumers and engines live and end: backpressure, cancelling, fork, the interpreter's
end, several engines, memory."""
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest

import chatcore
from chatcore import aio

MANY = 2000
FAST = {"send": (10 ** 6, 10 ** 6), "request": (10 ** 6, 10 ** 6)}
BATCH = 256  # CC_CONSUMER_BATCH


def run(program, *arguments):
    """A program in an interpreter of its own; what it printed."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program), *arguments],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and not done.stderr, (done.returncode, done.stderr)
    return done.stdout


class Backpressure(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.engine = chatcore.Engine(limits={**FAST, "max_outstanding": 100}, spam_filter=False)
        self.addCleanup(self.engine.close)
        self.alice = await aio.connect(self.engine, "alice", "d")

    async def send_many(self):
        for start in range(0, MANY, 50):
            await asyncio.gather(*(self.alice.send(user="bob", text=str(start + n))
                                   for n in range(50)))

    async def test_a_session_that_does_not_read_holds_little_and_misses_nothing(self):
        bob = await aio.connect(self.engine, "bob", "d")
        await self.send_many()
        self.assertLessEqual(bob._events.qsize(), 110)
        got = []
        async for event in bob:
            if event.message:
                got.append(event.message.text)
            if len(got) == MANY:
                break
        self.assertEqual(got, [str(n) for n in range(MANY)])
        self.assertGreater(self.engine.stats()["slow_consumers"], 0)

    async def test_the_same_for_a_thread(self):
        bob = await asyncio.to_thread(self.engine.connect, "bob", "d")
        await self.send_many()

        def read():
            got = []
            while len(got) < MANY:
                event = bob.next_event(20)
                if event.message:
                    got.append(event.message.text)
            return got
        self.assertEqual(await asyncio.to_thread(read), [str(n) for n in range(MANY)])

    async def test_a_consumer_takes_a_batch_at_a_time(self):
        consumer = aio.Consumer(self.engine, "slow")
        await self.send_many()
        seen = 0
        async for batch in consumer:
            self.assertLessEqual(len(batch.messages), BATCH)
            await self.alice.call("conversations")  # other traffic makes no batch come by itself
            self.assertIsNone(consumer._batch)
            seen += sum(m.kind == "text" for m in batch.messages)
            consumer.commit(batch)
            if seen == MANY:
                break
        await consumer.close()


class Cancelling(unittest.IsolatedAsyncioTestCase):
    async def test_a_cancelled_call_leaves_the_session_whole(self):
        with chatcore.Engine() as engine:
            alice = await aio.connect(engine, "alice", "d")
            task = asyncio.create_task(alice.send(user="bob", text="one", client_id="c1"))
            await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            again = await alice.send(user="bob", text="one", client_id="c1")
            page = await alice.call("history", conversation=again.conversation)
            self.assertEqual([m.text for m in page.messages], ["one"])
            self.assertEqual(alice._replies, {})

    async def test_a_cancelled_wait_loses_no_event(self):
        with chatcore.Engine() as engine:
            alice = await aio.connect(engine, "alice", "d")
            bob = await aio.connect(engine, "bob", "d")
            while await bob.next_event(0.05):
                pass
            got = []
            for n in range(30):
                waiting = asyncio.create_task(bob.next_event())
                await asyncio.sleep(0)
                waiting.cancel()
                got += await asyncio.gather(waiting, return_exceptions=True)
                await alice.send(user="bob", text=str(n))
            while event := await bob.next_event(1):
                got.append(event)
            self.assertGreater(sum(isinstance(e, asyncio.CancelledError) for e in got), 0)
            self.assertEqual([e.message.text for e in got if getattr(e, "message", None)],
                             [str(n) for n in range(30)])


class Ends(unittest.TestCase):
    def test_an_engine_that_nobody_closes_is_closed_at_the_end(self):
        with tempfile.TemporaryDirectory() as folder:
            run("""
                import sys, chatcore
                from chatcore import backends
                class Slow(backends.Filter):
                    async def check(self, check): return chatcore.PASS
                engine = chatcore.Engine(sys.argv[1], filters=[Slow(), lambda check: None])
                engine.serve()
                engine.connect("alice", "d").send(user="bob", text="kept")
                """, folder)
            with chatcore.Engine(folder) as engine:
                bob = engine.connect("bob", "d")
                texts = [e.message.text for e in bob.events(1) if e.message]
                self.assertEqual(texts, ["kept"])

    def test_a_forked_child_is_told_and_does_no_harm(self):
        told = run("""
            import os, sys, chatcore
            with chatcore.Engine() as engine:
                alice = engine.connect("alice", "d")
                child = os.fork()
                if not child:
                    try:
                        alice.send(user="bob", text="from the child")
                    except RuntimeError as error:
                        print("child:", error, flush=True)
                    sys.exit(0)  # leaves the `with`, and runs what atexit has
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
                alice.send(user="bob", text="from the parent")
                print("parent goes on")
            """)
        self.assertIn("child: an engine stays in the process", told)
        self.assertIn("parent goes on", told)

    def test_a_child_may_have_an_engine_of_its_own(self):
        run("""
            import multiprocessing, chatcore
            def child():
                with chatcore.Engine() as engine:
                    engine.connect("alice", "d").send(user="bob", text="hello")
            with chatcore.Engine() as engine:
                engine.connect("alice", "d")
                process = multiprocessing.get_context("fork").Process(target=child)
                process.start(); process.join(20)
                assert process.exitcode == 0, process.exitcode
            """)

    def test_two_engines_do_not_mix(self):
        with chatcore.Engine() as one, chatcore.Engine() as other:
            bob = other.connect("bob", "d")
            one.connect("alice", "d").send(user="bob", text="in one")
            other.connect("alice", "d").send(user="bob", text="in the other")
            self.assertEqual([e.message.text for e in bob.events(0.3) if e.message],
                             ["in the other"])

    def test_threads_come_and_go(self):
        """Each leaves its queue to the next."""
        with chatcore.Engine(limits={"connect": (10 ** 6, 10 ** 6)}) as engine:
            def visit():
                with engine.connect("alice", "d") as alice:
                    alice.send(user="bob", text="x")
                with engine.requests("bob") as bob:
                    bob.call("conversations")
            for _ in range(50):
                thread = threading.Thread(target=visit)
                thread.start()
                thread.join()
            self.assertLessEqual(len(engine._queues), 4)

    def test_closing_twice_at_once(self):
        engine = chatcore.Engine()
        threads = [threading.Thread(target=engine.close) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with self.assertRaises(chatcore.ChatError):
            engine.connect("alice", "d")

    def test_what_outlives_its_engine_says_so(self):
        with chatcore.Engine() as engine:
            alice = engine.connect("alice", "d")
            consumer = engine.consumer("index")
        for call in (lambda: alice.send(user="bob", text="x"), lambda: list(alice.events(1)),
                     lambda: consumer.next_batch(1)):
            with self.assertRaises(chatcore.ChatError):
                call()
        alice.close()
        consumer.close()

    def test_engines_come_and_go(self):
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            with chatcore.Engine(filters=[lambda check: None]) as engine:
                engine.connect("alice", "d").send(user="bob", text="x")
        self.assertLessEqual(len(os.listdir("/proc/self/fd")), before + 2)


class Memory(unittest.TestCase):
    def test_messages_leave_nothing_behind(self):
        """CHATCORE_MESSAGES=1000000 for a long one; growth is measured behind the first quarter."""
        asyncio.run(self.talk())  # IsolatedAsyncioTestCase has asyncio in its slow, debugging mode

    async def talk(self):
        total = int(os.environ.get("CHATCORE_MESSAGES", 20000))
        limits = {**FAST, "max_recent_bytes": 1 << 20}
        with tempfile.TemporaryDirectory() as folder, \
                chatcore.Engine(folder, limits=limits, spam_filter=False,
                                sync_to_disk=False) as engine:
            alice = await aio.connect(engine, "alice", "d")
            bob = await aio.connect(engine, "bob", "d")
            reading = asyncio.create_task(self.read(bob, total))
            for start in range(0, total, 50):
                if start == total // 4:
                    before = resident()
                await asyncio.gather(*(alice.send(user="bob", text="x" * 100)
                                       for _ in range(50)))
            await reading
            grown = resident() - before
        print(f"{total} messages: {grown / 1e6:.1f} MB more", file=sys.stderr)
        # Client ids of 25 h are remembered, and LMDB's maps are mapped: 0.2 KB a message.
        self.assertLess(grown, 30e6 + total * 200)

    async def read(self, session, count):
        while count:
            count -= (await session.next_event()).message is not None


def resident():
    """Of the process's own memory, without mapped files."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    unittest.main()
