"""Backends written in Python: the conformance suites of their ports, an engine that lives on them,
and what goes wrong in them."""
import asyncio
import logging
import pathlib
import sys
import tempfile
import threading
import time
import unittest

import chatcore
from chatcore import ChatError, Code, backends, testing

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "examples")]

import doubles  # noqa: E402
import doubles_media  # noqa: E402
from sqlite_backends import SqliteDirectory, SqliteLog, SqliteStore  # noqa: E402


def place(cleanups, backend, *arguments):
    """What makes a new folder, and answers what opens a backend there."""
    def fresh():
        folder = tempfile.TemporaryDirectory()
        cleanups(folder.cleanup)
        return lambda: backend(folder.name, *arguments)
    return fresh


class Conformance(unittest.TestCase):
    def run_suite(self, port, fresh, least, beside=None):
        cases = testing.conformance(port, fresh, beside=beside, timeout=60)
        self.assertGreaterEqual(len(cases), least)
        self.assertEqual([case for case in cases if case.failure], [])

    def test_log(self):
        self.run_suite("log", place(self.addCleanup, SqliteLog, 4), 15)

    def test_store(self):
        self.run_suite("store", place(self.addCleanup, SqliteStore), 20)

    def test_directory(self):
        self.run_suite("directory", place(self.addCleanup, SqliteDirectory), 20)

    def test_search(self):
        self.run_suite("search", place(self.addCleanup, doubles.SqliteSearch), 10)

    def test_notifier_of_coroutines(self):
        provider = doubles.Provider()
        self.run_suite("notifier", provider.fresh(doubles.AsyncNotifier), 10, provider)

    def test_notifier_of_plain_methods(self):
        provider = doubles.Provider()
        self.run_suite("notifier", provider.fresh(doubles.PlainNotifier), 10, provider)

    def test_media(self):
        objects = doubles_media.Objects()
        self.run_suite("media", objects.fresh, 10, objects)

    def test_cluster(self):
        hub = doubles_media.Hub()
        self.run_suite("cluster", hub.fresh, 5, hub)

    def test_a_backend_that_is_wrong_fails(self):
        class Forgetful(SqliteStore):
            def read_heads(self, conversations):
                return [None for _ in conversations]

        cases = testing.conformance("store", place(self.addCleanup, Forgetful),
                                    only="heads do not go back")
        self.assertEqual(len(cases), 1)
        self.assertIn("wanted", cases[0].failure)


def own(folder):
    return {"log": SqliteLog(folder), "store": SqliteStore(folder),
            "directory": SqliteDirectory(folder)}


class Engines(unittest.TestCase):
    def test_an_engine_lives_on_them_and_starts_again(self):
        with tempfile.TemporaryDirectory() as folder:
            with chatcore.Engine(None, **own(folder)) as engine:
                alice = engine.connect("alice", "laptop")
                alice.call("create", kind="group", conversation="club", name="Club",
                           members=["bob"])
                for n in range(100):
                    alice.send(conversation="club", text=str(n), client_id=f"c{n}")
            with chatcore.Engine(None, **own(folder)) as engine:
                alice = engine.connect("alice", "laptop")
                again = alice.send(conversation="club", text="99", client_id="c99")
                self.assertTrue(again.duplicate)
                page = alice.call("history", conversation="club", limit=200).messages
                self.assertEqual([m.text for m in page if m.kind == "text"],
                                 [str(n) for n in range(100)])
                self.assertEqual([m.seq for m in page], list(range(1, 102)))

    def test_a_notifier_tells_who_is_away(self):
        provider = doubles.Provider()
        with chatcore.Engine(notifiers=[doubles.AsyncNotifier(provider)],
                             notify={"window_ms": 1000}) as engine:
            with engine.connect("bob", "phone") as bob:
                bob.call("device", push={"provider": "async", "token": "good-1"})
            engine.connect("alice", "laptop").send(user="bob", text="are you there?")
            until = time.monotonic() + 30
            while not provider.received("good-1", "are you there?"):
                self.assertLess(time.monotonic(), until)
                time.sleep(0.02)

    def test_a_search_of_ones_own(self):
        with tempfile.TemporaryDirectory() as folder:
            with chatcore.Engine(search=doubles.SqliteSearch(folder)) as engine:
                alice = engine.connect("alice", "laptop")
                alice.send(user="bob", text="a needle in the hay")
                until = time.monotonic() + 30
                while not alice.call("search", text="needle").messages:
                    self.assertLess(time.monotonic(), until)

    def test_open_raises(self):
        class Broken(SqliteLog):
            def open(self):
                raise ChatError(Code.ELOCKED)

        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises(ChatError) as caught:
                chatcore.Engine(None, log=Broken(folder))
            self.assertEqual(caught.exception.constant, "CC_ELOCKED")

    def test_one_backend_has_one_engine(self):
        with tempfile.TemporaryDirectory() as folder:
            log = SqliteLog(folder)
            with chatcore.Engine(None, log=log):
                with self.assertRaises(ValueError):
                    chatcore.Engine(None, log=log)


class Faults(unittest.TestCase):
    def setUp(self):
        logging.getLogger("chatcore").disabled = True
        self.addCleanup(setattr, logging.getLogger("chatcore"), "disabled", False)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def error_of(self, raised):
        class Failing(SqliteDirectory):
            def profile_get(self, user):
                raise raised

        with chatcore.Engine(None, directory=Failing(self.folder)) as engine:
            alice = engine.connect("alice", "laptop")
            with self.assertRaises(ChatError) as caught:
                alice.call("profile", user="bob")
            return caught.exception.constant

    def test_exceptions_become_named_errors(self):
        self.assertEqual(self.error_of(ChatError(Code.ENOSPACE)), "CC_ENOSPACE")
        self.assertEqual(self.error_of(TimeoutError()), "CC_ETIMEOUT")
        self.assertEqual(self.error_of(MemoryError()), "CC_ENOMEM")
        self.assertEqual(self.error_of(OSError(28, "full")), "CC_ENOSPACE")
        self.assertEqual(self.error_of(ZeroDivisionError()), "CC_EIO")

    def test_an_answer_of_a_wrong_type_is_an_error(self):
        class Wrong(SqliteDirectory):
            def profile_get(self, user):
                return "no profile"

        with chatcore.Engine(None, directory=Wrong(self.folder)) as engine:
            alice = engine.connect("alice", "laptop")
            with self.assertRaises(ChatError) as caught:
                alice.call("profile", user="bob")
            self.assertEqual(caught.exception.constant, "CC_EIO")

    def test_a_coroutine_may_answer_late_and_others_pass_it(self):
        class Slow(SqliteDirectory):
            async def profile_get(self, user):
                if user == "slow":
                    await asyncio.sleep(0.5)
                return backends.Profile(name=user)

        with chatcore.Engine(None, directory=Slow(self.folder)) as engine:
            alice = engine.connect("alice", "laptop")
            bob = threading.Thread(target=lambda: engine.connect("bob", "d").call(
                "profile", user="slow"))
            bob.start()
            for _ in range(20):
                alice.call("profile", user="quick")
            self.assertTrue(bob.is_alive())
            bob.join()

    def test_one_that_never_answers_does_not_hang_close(self):
        hangs = threading.Event()

        class Dead(SqliteStore):
            def write(self, *arguments):
                hangs.wait()

        engine = chatcore.Engine(None, store=Dead(self.folder))
        alice = engine.connect("alice", "laptop")
        alice.send(user="bob", text="in the log, and not in the store")
        begin = time.monotonic()
        engine.close(timeout=1)
        self.assertLess(time.monotonic() - begin, 30)
        hangs.set()

    def test_a_coroutine_that_never_answers_does_not_hang_close(self):
        class Dead(SqliteLog):
            async def append(self, partition, records):
                await asyncio.Event().wait()

        engine = chatcore.Engine(None, log=Dead(self.folder))
        alice = engine.connect("alice", "laptop")
        alice.submit("send", {"user": "bob", "text": "never durable"})
        alice.queue.flush()
        engine.close(timeout=1)

    def test_a_backend_on_the_engines_thread(self):
        did = []

        class Quick(backends.Filter):
            threads = 0

            def open(self):
                did.append("open")

            def check(self, check):
                did.append("check")
                return chatcore.PASS

            def close(self):
                did.append("close")

        with chatcore.Engine(filters=[Quick()]) as engine:
            engine.connect("alice", "d").send(user="bob", text="x")
        self.assertEqual(did, ["open", "check", "close"])

    def test_filters_and_tokens_that_wait(self):
        async def slow_filter(check):
            await asyncio.sleep(0.01)
            return chatcore.CHANGE(check.text.upper())

        class Tokens(backends.Auth):
            async def verify(self, token):
                await asyncio.sleep(0.01)
                return backends.Identity(token) if token == "alice" else None

        with chatcore.Engine(auth=Tokens(), filters=[slow_filter]) as engine:
            alice = engine.session("")
            alice.call("connect", token="alice", device="d")
            sent = alice.send(user="bob", text="quiet")
            page = alice.call("history", conversation=sent.conversation).messages
            self.assertEqual(page[-1].text, "QUIET")
            with self.assertRaises(ChatError) as caught:
                engine.session("").call("connect", token="eve", device="d")
            self.assertEqual(caught.exception.code, 401)


if __name__ == "__main__":
    unittest.main()
