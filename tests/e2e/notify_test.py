"""Notifications from outside: a chatcored that appends them to a file, users who go offline, and
kill -9 in between.
"""
import asyncio
import json
import os
import time

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
    assert first["token"] == "bob-token" and first["user"] == "bob" and first["badge"] == 6, first
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
    import urllib.request
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as reply:
        text = reply.read().decode()
    assert "chatcore_engine_notifications_waiting 0" in text, text


def main():
    server = Server("--notify-urgent-ms", str(WINDOW_MS // 2), "--notify-window-ms", str(WINDOW_MS))
    path = os.path.join(server.directory, "notifications")
    server.options += ("--notify-file", path)
    with server:
        asyncio.run(gathered_and_taken_back(server, path))
        asyncio.run(killed(server, path))
        asyncio.run(figures(server))
    print("ok notifications: gathered, taken back, and over crashes", flush=True)


main()
