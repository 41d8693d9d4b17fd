#!/usr/bin/python3
"""Who sees whether somebody is there, and how far he has read: set over WebSocket and REST, told to
those who watch, and still so after a kill.

    visibility_test.py CHATCORED
"""
import asyncio
import json
import sys
import urllib.request

from harness import Server, play, refused


def rest(server, method, path, user, body=None):
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{path}", method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"Bearer {server.token(user)}",
                 "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


async def over_rest(stage, *request):
    return await asyncio.to_thread(rest, stage.server, *request)


async def seen(client, user):
    return (await client.call("presence", users=[user]))["presence"]


async def presence(stage):
    bob = await stage.login("bob")
    alice = await stage.login("alice")
    carol = await stage.login("carol")
    for watcher in (alice, carol):
        await watcher.call("add_contact", user="bob")
    await bob.call("add_contact", user="carol")
    assert (await seen(alice, "bob"))[0]["status"] == "online"
    profile = await over_rest(stage, "PATCH", "/v1/profile", "bob", {"presence": "contacts"})
    assert profile == {"user": "bob", "presence": "contacts"}, profile
    assert "last_seen" not in await alice.take("presence", user="bob", status="offline")
    assert await seen(alice, "bob") == []
    assert (await seen(carol, "bob"))[0]["status"] == "online"
    profile = await bob.call("profile", presence="nobody", read_marks="private")
    assert profile == {"user": "bob", "presence": "nobody", "read_marks": "private"}, profile
    await carol.take("presence", user="bob", status="offline")
    await refused(bob.call("profile", presence="friends"), "bad_request")
    await refused(bob.call("profile", read_marks=True), "bad_request")
    assert await alice.call("profile", user="bob") == {"user": "bob"}


async def reading(stage):
    """After a kill."""
    alice = await stage.login("alice")
    bob = await stage.login("bob")
    tablet = await stage.login("bob", device="tablet")
    await alice.take_none("presence", user="bob")
    assert await seen(alice, "bob") == []
    conversation = (await alice.send(user="bob", text="read this"))["conversation"]
    await bob.take("message", text="read this")
    await bob.call("read", conversation=conversation, seq=1)
    assert (await tablet.take("receipt", conversation=conversation))["read"] == 1
    told = await alice.take("receipt", conversation=conversation, user="bob")
    assert told["delivered"] == 1 and "read" not in told, told
    await over_rest(stage, "PUT", f"/v1/conversations/{conversation}/read", "bob", {"seq": 1})
    await bob.send(user="alice", text="and this")
    await alice.call("read", conversation=conversation, seq=2)
    told = await bob.take("receipt", conversation=conversation, user="alice")
    assert told["delivered"] == 2 and "read" not in told, told
    await bob.call("profile", presence="everyone", read_marks="public")
    await alice.take("presence", user="bob", status="online")
    await bob.call("read", conversation=conversation, seq=2)
    assert (await alice.take("receipt", user="bob", read=2))["conversation"] == conversation
    assert not [one for one in alice.pushes if one[0] == "receipt"], alice.pushes


def main():
    with Server() as server:
        play(server, presence)
        server.kill()
        server.start()
        play(server, reading)
    print("ok visibility")


if __name__ == "__main__":
    sys.exit(main())
