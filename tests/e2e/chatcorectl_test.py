#!/usr/bin/python3
"""chatcorectl as an operator uses it: tokens and API keys that a server takes; a backup of a server
under load, which is then killed: nothing that was acknowledged before the backup is missing in what is
restored; compacting; checking and dumping the folder of a server that writes; users, groups and
messages; export and erasure; what a shell completes.

    chatcorectl_test.py CHATCORED CHATCORECTL
"""
import asyncio
import concurrent.futures
import fcntl
import json
import os
import pty
import resource
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import urllib.request

from cases import run_cases
from harness import Client, Server, play, refused

SENDERS = 4
BEFORE = 100  # acknowledged messages of each sender before the backup begins
PAGE = 200
OPEN = ("--send-rate", "off", "--request-rate", "off", "--spam-filter-off")


def ctl(*arguments, code=0, **environment):
    done = subprocess.run([sys.argv[2], *arguments], capture_output=True, text=True, timeout=60,
                          check=False, env={**os.environ, **environment})
    assert done.returncode == code, (arguments, done)
    return done.stdout.strip() if code == 0 else done.stderr


def lines(*arguments, **environment):
    """What a command tells as JSON lines."""
    return [json.loads(line) for line in ctl(*arguments, **environment).splitlines()]


def a_token_lets_in():
    with Server() as server:
        token = ctl("token", "ann", server.secret_path)
        server.token = lambda user: token

        async def connect():
            client = await Client.login(server, "ann")
            await client.socket.close()
            return client.hello["user"]

        assert asyncio.run(connect()) == "ann"


def keys_come_and_go():
    with Server() as server:
        data = f"{server.directory}/data"
        text = ctl("keys", data, "create", "robot", "users:read,messages:write")
        listed = ctl("keys", data, "list")
        assert text.startswith("cck_") and "robot" in listed and "users:read" in listed, listed
        key = listed.split()[0]
        (listed,) = lines("keys", data, "list", "--json")
        assert listed["id"] == key and listed["scopes"] == ["messages:write", "users:read"], listed
        assert ctl("keys", data, "rotate", key) != text
        ctl("keys", data, "revoke", key)
        assert ctl("keys", data, "list") == ""
        ctl("keys", data, "revoke", key, code=1)


def figures_are_shown():
    with Server() as server:
        shown = ctl("stats", f"127.0.0.1:{server.port}")
        assert "chatcore_gateway_accepting" in shown and "chatcore_engine_users" in shown, shown
        (figures,) = lines("stats", "--json", "--server", f"http://127.0.0.1:{server.port}/")
        assert figures["chatcore_gateway_accepting"] == 1, figures


class Load:
    """Users who write to the next one as fast as they are answered, until they are cut off."""

    def __init__(self, server):
        self.server = server
        self.acknowledged = [[] for _ in range(SENDERS)]  # ids in the order of sending
        self.warm = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()))

    async def write(self, sender):
        client = await Client.login(self.server, f"user{sender}")
        acknowledged = self.acknowledged[sender]
        try:
            while True:
                sent = await client.send(user=f"user{(sender + 1) % SENDERS}",
                                         client_id=str(len(acknowledged)), text="x" * 200)
                acknowledged.append((sent["conversation"], sent["message"]))
                if all(len(each) >= BEFORE for each in self.acknowledged):
                    self.warm.set()
        except (ConnectionError, asyncio.TimeoutError):
            pass

    async def run(self):
        await asyncio.gather(*[self.write(sender) for sender in range(SENDERS)])


async def history(client, conversation):
    rows, after = [], 0
    while True:
        page = await client.call("history", conversation=conversation, after=after, limit=PAGE)
        rows += page["messages"]
        if not page["more"]:
            return rows
        after = rows[-1]["seq"]


async def verify(server, wanted):
    """Everything that was acknowledged is there, and a conversation's seqs have no gap."""
    for sender, acknowledged in enumerate(wanted):
        client = await Client.login(server, f"user{sender}")
        for conversation in {of for of, _ in acknowledged}:
            rows = await history(client, conversation)
            assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
            missing = {id for of, id in acknowledged if of == conversation} - \
                {row["id"] for row in rows}
            assert not missing, f"{len(missing)} acknowledged messages are missing"
        sent = await client.send(user=f"user{(sender + 1) % SENDERS}", client_id="after", text="on")
        assert sent["message"]
        await client.socket.close()


def backed_up_under_load(server, backup):
    load = Load(server)
    load.thread.start()
    assert load.warm.wait(timeout=60)
    before = [list(each) for each in load.acknowledged]
    ctl("backup", f"{server.directory}/data", backup)
    (found,) = lines("check", f"{server.directory}/data", "--json")  # of a server that writes
    assert found["rows"] + found["unstored"] >= sum(map(len, before)), found
    during = sum(map(len, load.acknowledged)) - sum(map(len, before))
    server.kill()
    load.thread.join(timeout=60)
    print(f"# {sum(map(len, before))} messages before the backup, {during} during it")
    return before


def a_hot_backup_loses_nothing():
    server = Server(*OPEN)
    backup = f"{server.directory}/backup"
    data = f"{server.directory}/data"
    server.start()
    try:
        before = backed_up_under_load(server, backup)
        ctl("restore", backup, data, code=1)  # something is there
        assert lines("check", data, "--json")[-1]["faults"] == 0  # what the kill has left
        assert lines("check", backup, "--json")[-1]["faults"] == 0
        shutil.rmtree(data)
        ctl("restore", backup, data)
        server.start()
        asyncio.run(verify(server, before))
        assert server.stop() == 0
        ctl("compact", data)
        assert not os.path.exists(f"{data}/compact")
        server.start()
        asyncio.run(verify(server, before))
        ctl("compact", data, code=1)  # a server has it open
        assert server.stop() == 0
    finally:
        if server.process.poll() is None:
            server.kill()
        shutil.rmtree(server.directory, ignore_errors=True)


def plain_files(data):
    """What stands in a data folder beside its parts, but for what is made anew: the index, a lock."""
    found = {}
    for name in os.listdir(data):
        if os.path.isfile(f"{data}/{name}") and not name.startswith(("search.db", "api_keys.lock")):
            with open(f"{data}/{name}", "rb") as file:
                found[name] = file.read()
    return found


def a_backup_has_the_keys():
    """Links of mails that were sent, and API keys, go on to be good on what was put back."""
    server = Server("--smtp-url", "smtp://127.0.0.1:9", "--smtp-from", "chat@example.org",
                    "--smtp-tls-off", "--public-url", "https://chat.example.org")
    backup, data = f"{server.directory}/backup", f"{server.directory}/data"
    with server:
        ctl("keys", data, "create", "bot", "admin")
        kept = plain_files(data)
        assert {"api_keys", "unsubscribe_key"} <= set(kept), set(kept)
        ctl("backup", data, backup)
        server.kill()
        shutil.rmtree(data)
        ctl("restore", backup, data)
        restored = plain_files(data)
        assert restored == kept, (set(restored), set(kept))
        assert os.stat(f"{data}/unsubscribe_key").st_mode & 0o777 == 0o600
        server.start()
        assert plain_files(data) == kept


async def company(stage):
    """Alice's group of three, a direct conversation; answers the group's id."""
    alice, bob = await stage.login("alice"), await stage.login("bob")
    group = (await alice.call("create", kind="group", name="Lunch",
                              members=["bob", "carol"]))["conversation"]
    for number in range(3):
        await alice.send(conversation=group, text=f"message {number}")
    await alice.call("profile", name="Alice", meta={"colour": "red"})
    await alice.call("block", user="mallory")
    await bob.send(user="alice", text="direct \x1b[31m")
    await bob.call("read", conversation=group, seq=2)
    return group


def until_stored(data, messages):
    deadline = time.monotonic() + 10
    while lines("check", data, "--json")[-1]["rows"] < messages:
        assert time.monotonic() < deadline, "the store stays behind"


def people_and_groups_are_listed():
    with Server() as server:
        data = f"{server.directory}/data"
        group = play(server, company)
        users = {user["user"]: user for user in lines("users", data, "list", "--json")}
        assert set(users) == {"alice", "bob", "carol"}, users
        assert users["alice"] == {"user": "alice", "name": "Alice", "conversations": 2,
                                  "devices": 0, "contacts": 0, "blocked": 1}
        shown = ctl("users", data, "show", "alice")
        assert "mallory" in shown and group in shown and "Alice" in shown, shown
        assert "no such user" in ctl("users", data, "show", "zoe", code=1)
        (listed,) = lines("groups", data, "list", "--json")
        assert listed["name"] == "Lunch" and listed["members"] == 3, listed
        members = lines("groups", data, "members", group, "--json")
        assert members[0] == {"user": "alice", "role": "owner"} and len(members) == 3, members
        assert "Lunch" in ctl("groups", data, "show", group)
        assert "no such conversation" in ctl("groups", data, "members", "none", code=1)


def folders_are_dumped():
    with Server() as server:
        data = f"{server.directory}/data"
        group = play(server, company)
        until_stored(data, 5)
        dump = lines("dump", data)
        tables = {line["table"] for line in dump}
        assert {"position", "offset", "head", "row", "inbox", "cursor", "profile", "relation",
                "conversation", "member", "membership"} <= tables, tables
        said = [line["message"]["text"] for line in dump if line["table"] == "row"
                and line["message"]["conversation"] == group and "text" in line["message"]]
        assert said == ["message 0", "message 1", "message 2"], said
        (profile,) = [line for line in dump if line["table"] == "profile"]
        assert profile["meta"] == {"colour": "red"}, profile
        assert {line["table"] for line in lines("dump", data, "log")} <= {"record", "position"}
        assert server.stop() == 0
        assert len(lines("dump", data)) >= len(dump)


def invitations_outlive_a_restart():
    async def make(stage):
        alice, bob = await stage.login("alice"), await stage.login("bob")
        await alice.call("create", kind="group", conversation="g", name="Lunch", members=["bob"])
        token = (await alice.call("invite", conversation="g", max_uses=2))["token"]
        await alice.call("remove", conversation="g", users=["bob"])
        await (await stage.login("carol")).call("join", token=token)
        await refused(bob.call("join", token=token), "forbidden")
        return token

    async def use(stage):
        bob, dave, erin = [await stage.login(name) for name in ("bob", "dave", "erin")]
        await refused(bob.call("join", token=token), "forbidden")
        assert (await dave.call("join", token=token))["conversation"] == "g"
        await refused(erin.call("join", token=token), "not_found")

    with Server() as server:
        data = f"{server.directory}/data"
        token = play(server, make)
        server.kill()
        dump = lines("dump", data, "directory")
        (one,) = [line for line in dump if line["table"] == "invitation"]
        assert (one["token"], one["conversation"], one["creator"], one["uses"], one["max_uses"]) == (
            token, "g", "alice", 1, 2), one
        (barred,) = [line for line in dump if line["table"] == "barred"]
        assert barred == {"table": "barred", "conversation": "g", "user": "bob"}, barred
        assert lines("check", data, "--json")[-1]["faults"] == 0
        server.start()
        play(server, use)


def a_conversation_is_followed():
    with Server() as server:
        data = f"{server.directory}/data"
        group = play(server, company)
        key = {"CHATCORE_KEY": ctl("keys", data, "create", "reader", "messages:read"),
               "CHATCORE_SERVER": f"127.0.0.1:{server.port}"}
        time.sleep(1.1)  # the server looks for new keys once a second
        rows = lines("tail", group, "--as", "bob", "--once", "--last", "2", "--json", **key)
        assert [row["seq"] for row in rows] == [3, 4], rows
        assert "message 2" in ctl("tail", group, "--as", "bob", "--once", **key)
        assert "not_found" in ctl("tail", group, "--as", "zoe", "--once", code=1, **key)
        assert "--as" in ctl("tail", group, "--once", code=1, **key)
        assert "API key" in ctl("tail", group, "--as", "bob", code=1)
        command = [sys.argv[2], "tail", group, "--as", "bob", "--last", "1"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                              env={**os.environ, **key}) as follower:
            async def say(stage):
                alice = await stage.login("alice")
                await alice.send(conversation=group, text="one\x1b more")
            try:
                assert "message 2" in follower.stdout.readline()
                play(server, say)
                line = follower.stdout.readline()
            finally:
                follower.kill()
        assert "alice: one  more" in line and "\x1b" not in line, line
        history_waits(server, group, key["CHATCORE_KEY"])


def history_waits(server, group, key):
    def ask(wait_s, after, user="bob"):
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.port}/v1/conversations/{group}/messages"
            f"?after={after}&wait_s={wait_s}",
            headers={"Authorization": f"Bearer {key}", "X-Chatcore-User": user})
        began = time.monotonic()
        with urllib.request.urlopen(request, timeout=60) as answer:
            messages = json.load(answer)["messages"]
        return [message["seq"] for message in messages], time.monotonic() - began

    last = ask(20, 0)[0][-1]  # what is there is not waited for
    assert ask(0, last)[0] == []
    seqs, seconds = ask(1, last)
    assert seqs == [] and seconds > 0.9, (seqs, seconds)

    async def say(stage):
        alice = await stage.login("alice")
        await alice.send(conversation=group, text="waited for")
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = [pool.submit(ask, 30, last, "alice") for _ in range(12)]
        early = [next(concurrent.futures.as_completed(answers)).result()]
        while len(early) < 4:  # 8 of a user may wait
            time.sleep(0.05)
            early = [answer.result() for answer in answers if answer.done()]
        assert all(seqs == [] for seqs, _ in early), early
        play(server, say)
        got = [answer.result() for answer in answers]
    assert sorted(seqs for seqs, _ in got) == [[]] * 4 + [[last + 1]] * 8, got

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        waiting = pool.submit(ask, 30, last + 1)
        time.sleep(0.5)
        began = time.monotonic()
        server.stop()  # nobody has to wait for it
        assert time.monotonic() - began < 15
        try:
            assert waiting.result()[0] == []
        except OSError:
            pass


def a_user_is_exported_and_erased():
    with Server() as server:
        data = f"{server.directory}/data"
        play(server, company)
        path = f"{server.directory}/key"
        with open(path, "w", encoding="ascii") as file:
            file.write(ctl("keys", data, "create", "boss", "admin") + "\n")
        remote = ("--server", f"http://127.0.0.1:{server.port}", "--key-file", path)
        time.sleep(1.1)
        until_stored(data, 5)
        parts = lines("export", "alice", *remote)
        assert {"blocked": "mallory"} in parts, parts
        assert [part["messages"]["text"] for part in parts if "text" in part.get("messages", {})] \
            == ["message 0", "message 1", "message 2"], parts
        assert "--yes" in ctl("erase", "alice", *remote, code=64)
        ctl("erase", "alice", "--yes", *remote)
        assert not any("text" in part.get("messages", {}) and part["messages"]["text"]
                       for part in lines("export", "alice", *remote))
        assert lines("check", data, "--json")[-1]["faults"] == 0
        assert "message 0" not in ctl("dump", data, "store")


async def found(stage, text):
    client = await stage.login("bob")
    deadline = time.monotonic() + 10
    while True:
        hits = (await client.call("search", text=text))["messages"]
        if hits or time.monotonic() > deadline:
            return hits
        await asyncio.sleep(0.05)


def the_index_is_made_anew():
    with Server() as server:
        data = f"{server.directory}/data"
        play(server, company)
        assert play(server, lambda stage: found(stage, "message"))
        ctl("reindex", data, code=1)  # a server has it open
        assert server.stop() == 0
        assert os.path.exists(f"{data}/search.db")
        ctl("reindex", data)
        assert not os.path.exists(f"{data}/search.db")
        server.start()
        assert len(play(server, lambda stage: found(stage, "message"))) == 3


def damage_is_found():
    with Server() as server:
        data = f"{server.directory}/data"
        play(server, company)
        assert server.stop() == 0
        assert "0 faults" in ctl("check", data)
        shutil.rmtree(f"{data}/directory")
        other = Server()
        other.start()
        assert other.stop() == 0
        shutil.copytree(f"{other.directory}/data/directory", f"{data}/directory")
        shutil.rmtree(other.directory)
        ctl("check", data, code=2)
        with open(f"{data}/store/data.mdb", "r+b") as file:
            file.truncate(8192 + 100)
        assert "damaged" in ctl("check", data, code=1)


def help_tells_of_every_command():
    names = [row["name"] for row in lines("help", "--json")]
    everything = ctl("help")
    assert len(names) > 10 and ctl("--help") == everything
    for name in names:
        assert f"\n{name} " in everything, name
        told = ctl("help", name)
        assert told.startswith(f"chatcorectl {name}") and ctl(name, "--help") == told or \
            name == "complete", told
    ctl("help", "nonsense", code=1)
    ctl("check", "--nonsense", "x", code=64)


def small_files():
    """Writing beyond is an error, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def first_screen(command, rows):
    """What a program draws on a terminal of so many lines, until it begins a second time."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
    with subprocess.Popen(command, stdout=theirs, stderr=theirs) as program:
        drawn = b""
        while drawn.count(b"\x1b[H") < 2:
            drawn += os.read(ours, 65536)
        program.kill()
    os.close(ours)
    os.close(theirs)
    return drawn.split(b"\x1b[H")[1].decode()


def what_is_wrong_is_told():
    with Server() as server:
        there = server.directory
        ctl("backup", f"{there}/none", f"{there}/b", code=1)
        assert not os.path.exists(f"{there}/b") and not os.path.exists(f"{there}/b.incomplete")
        for command in (("check",), ("dump",), ("users", "list"), ("groups", "list")):
            told = ctl(command[0], f"{there}/none", *command[1:], code=1)
            assert "data.mdb: No such file" in told, told
        assert "File exists" in ctl("backup", f"{there}/data", there, code=1)
        assert "no server answers" in ctl("stats", "127.0.0.1:1", code=1)
        ctl("backup", f"{there}/data", code=64)
        assert "nonsense: there is no such command" in ctl("nonsense", code=64)
        assert "chatcorectl: unrecognized option" in ctl("check", "x", "--nonsense", code=64)
        assert f"{there}/no: No such file" in ctl("backup", f"{there}/data", f"{there}/no/b", code=1)
        full = subprocess.run([sys.argv[2], "backup", f"{there}/data", f"{there}/b"], check=False,
                              preexec_fn=small_files)
        assert full.returncode == 1 and not os.path.exists(f"{there}/b.incomplete"), full
        screen = first_screen([sys.argv[2], "top", f"127.0.0.1:{server.port}"], 24)
        assert screen.count("\n") < 24 and "more: chatcorectl stats" in screen, screen
        assert "chatcore_gateway_accepting" in screen, screen
        server.stop()
        os.makedirs(f"{there}/data/compact/log")  # as one leaves that is killed
        with open(f"{there}/data/compact/log/data.mdb", "wb") as file:
            file.write(b"half")
        ctl("compact", f"{there}/data")
        assert not os.path.exists(f"{there}/data/compact")
        server.start()
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/readyz") as answer:
            assert answer.status == 200


def tokens_are_revoked():
    with Server() as server:
        admin = {"CHATCORE_KEY": ctl("keys", f"{server.directory}/data", "create", "root", "admin"),
                 "CHATCORE_SERVER": f"127.0.0.1:{server.port}"}
        now = int(time.time())

        async def step(stage):
            first, second, third = [await stage.login("ann", jti=f"t-{number}", iat=now - 60 * number)
                                    for number in (1, 2, 3)]
            loop = asyncio.get_running_loop()

            def revoke(*arguments):
                return loop.run_in_executor(None, lambda: ctl("revoke", *arguments, **admin))
            await revoke("token", "t-1")
            assert await first.closed() == 4501
            await revoke("user", "ann", str(now - 150))
            assert await third.closed() == 4501
            await second.call("conversations")
            await revoke("user", "ann")
            assert await second.closed() == 4501
        play(server, step)
        for wrong in (("token",), ("token", "a", "b"), ("user", "a", "soon"), ("key", "a")):
            ctl("revoke", *wrong, code=64, **admin)
        assert "bad_request" in ctl("revoke", "token", "a b", code=1, **admin)


TESTS = [a_token_lets_in, tokens_are_revoked, keys_come_and_go, figures_are_shown,
         a_hot_backup_loses_nothing, a_backup_has_the_keys, people_and_groups_are_listed,
         folders_are_dumped, invitations_outlive_a_restart, a_conversation_is_followed,
         a_user_is_exported_and_erased, the_index_is_made_anew, damage_is_found,
         help_tells_of_every_command, what_is_wrong_is_told]


if __name__ == "__main__":
    sys.exit(run_cases(TESTS))
