#!/usr/bin/python3
"""chatcorectl as an operator uses it: tokens and API keys that a server takes; a backup of a server
under load, which is then killed: nothing that was acknowledged before the backup is missing in what is
restored; compacting.

    chatcorectl_test.py CHATCORED CHATCORECTL
"""
import asyncio
import os
import shutil
import subprocess
import sys
import threading
import urllib.request

from harness import Client, Server

SENDERS = 4
BEFORE = 100  # acknowledged messages of each sender before the backup begins
PAGE = 200
OPEN = ("--send-rate", "off", "--request-rate", "off", "--spam-filter-off")


def ctl(*arguments, code=0):
    done = subprocess.run([sys.argv[2], *arguments], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == code, (arguments, done)
    return done.stdout.strip() if code == 0 else done.stderr


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
        assert ctl("keys", data, "rotate", key) != text
        ctl("keys", data, "revoke", key)
        assert ctl("keys", data, "list") == ""
        ctl("keys", data, "revoke", key, code=1)


def figures_are_shown():
    with Server() as server:
        shown = ctl("stats", f"127.0.0.1:{server.port}")
        assert "chatcore_gateway_accepting" in shown and "chatcore_engine_users" in shown, shown


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


def what_is_wrong_is_told():
    with Server() as server:
        there = server.directory
        ctl("backup", f"{there}/none", f"{there}/b", code=1)
        assert not os.path.exists(f"{there}/b") and not os.path.exists(f"{there}/b.incomplete")
        assert "File exists" in ctl("backup", f"{there}/data", there, code=1)
        assert "no server answers" in ctl("stats", "127.0.0.1:1", code=1)
        ctl("backup", f"{there}/data", code=64)
        ctl("nonsense", code=64)
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/readyz") as answer:
            assert answer.status == 200


TESTS = [a_token_lets_in, keys_come_and_go, figures_are_shown, a_hot_backup_loses_nothing,
         what_is_wrong_is_told]


def main():
    failed = 0
    for test in TESTS:
        try:
            test()
            print(f"ok {test.__name__}", flush=True)
        except Exception as error:  # the others go on
            print(f"not ok {test.__name__}: {error!r}", flush=True)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
