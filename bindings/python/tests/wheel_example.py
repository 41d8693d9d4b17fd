"""What wheel_test.py runs in the clean system: all libraries that are loaded must be the wheel's or those of
Python and the C library."""
import asyncio
import json
import re
import tempfile
import time

import chatcore
import websockets
from chatcore import testing
from sqlite_backends import SqliteDirectory, SqliteLog, SqliteStore


def verify(token):
    return (token, time.time() + 60)


async def talk(port, alice):
    async with websockets.connect(f"ws://127.0.0.1:{port}/v1/ws",
                                  subprotocols=["chatcore.v1.json"]) as socket:
        await socket.send('{"id":1,"connect":{"token":"bob","device":"d"}}')
        await asyncio.to_thread(alice)
        while True:
            for line in (await asyncio.wait_for(socket.recv(), 20)).splitlines():
                if json.loads(line).get("message", {}).get("text") == "from a wheel":
                    return


def say(engine):
    with engine.requests("alice") as alice:
        alice.send(user="bob", text="from a wheel")


def loaded():
    with open("/proc/self/maps", encoding="ascii") as maps:
        return set(re.findall(r"(/\S+\.so\S*)", maps.read()))


with tempfile.TemporaryDirectory() as folder:
    with chatcore.Engine(folder + "/lmdb", verify=verify) as engine:
        asyncio.run(talk(engine.serve().port, lambda: say(engine)))
    with chatcore.Engine(None, log=SqliteLog(folder), store=SqliteStore(folder),
                         directory=SqliteDirectory(folder)) as engine:
        say(engine)
    cases = testing.conformance("log", lambda: lambda: SqliteLog(tempfile.mkdtemp(), 4),
                                only="records come back in order")
    assert [case.failure for case in cases] == [None], cases
for name in ("chatcore", "lmdb", "websockets", "uv", "event", "sodium"):
    paths = [path for path in loaded() if re.search(rf"/lib{name}[-_.]", path)]
    assert paths and all("/try/venv/" in path for path in paths), (name, paths)
print("a message came over WebSocket; every library of ours is the wheel's")
