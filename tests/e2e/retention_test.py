#!/usr/bin/python3
"""A conversation with a retention of its own: what is older is gone from history, search and media,
on whatever side of a kill it was said; other conversations keep what they have.

    retention_test.py CHATCORED
"""
import asyncio
import json
import sys
import time
import urllib.request

from harness import Server, play, refused

PATIENCE_S = 30


def patch(server, conversation, body):
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/v1/conversations/{conversation}", method="PATCH",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {server.token('bob')}",
                 "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


async def upload(stage, client):
    upload = await client.call("upload", name="a.txt", type="text/plain", bytes=5)
    url = upload["url"]
    if url.startswith("/"):
        url = f"http://127.0.0.1:{stage.server.port}{url}"
    request = urllib.request.Request(url, data=b"hello", method=upload["method"],
                                     headers=upload["headers"])
    await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=10).read())
    return upload["media"]


async def texts(client, conversation):
    page = await client.call("history", conversation=conversation)
    return [message["text"] for message in page["messages"] if "text" in message]


async def gone(client, conversation):
    deadline = time.monotonic() + PATIENCE_S
    while await texts(client, conversation):
        assert time.monotonic() < deadline, "it is still there"
        await asyncio.sleep(0.1)


async def say(stage):
    bob = await stage.login("bob")
    alice = await stage.login("alice")
    for conversation in ("short", "long"):
        await bob.call("create", kind="group", conversation=conversation, name="n",
                       members=["alice"])
        await bob.send(conversation, text=f"walnut in {conversation}")
    media = await upload(stage, bob)
    await bob.send("short", text="with it", media=[media])
    await refused(alice.call("update", conversation="short", retention_s=1), "forbidden")
    await refused(bob.call("update", conversation="short"), "bad_request")
    await refused(bob.call("update", conversation="short", retention_s="1"), "bad_request")
    assert (await asyncio.to_thread(patch, stage.server, "short", {"retention_s": 1}))["seq"] == 4
    told = await alice.take("message", conversation="short", kind="system", action="retention")
    assert told["retention_s"] == 1 and told["from"] == "bob" and told["seq"] == 4, told
    summary = await alice.take("conversation", id="short", retention_s=1)
    assert summary["head"] == 4, summary
    return media


async def old_is_gone(stage, media):
    bob = await stage.login("bob")
    await gone(bob, "short")
    assert await texts(bob, "long") == ["walnut in long"]
    found = (await bob.call("search", text="walnut"))["messages"]
    assert [message["conversation"] for message in found] == ["long"], found
    await refused(bob.call("media", media=media), "not_found")
    assert (await bob.send("short", text="later"))["conversation"] == "short"
    await gone(bob, "short")
    await bob.call("update", conversation="short", retention_s=0, name="kept now")
    told = await bob.take("message", conversation="short", kind="system", action="renamed")
    assert told["retention_s"] == 0 and told["name"] == "kept now", told
    assert told["seq"] == 6, told
    await bob.send("short", text="stays")
    summary, = (one for one in (await bob.call("conversations"))["conversations"]
                if one["id"] == "short")
    assert "retention_s" not in summary and summary["name"] == "kept now", summary
    await asyncio.sleep(2)
    assert await texts(bob, "short") == ["stays"]


async def between_two(stage):
    """Either sets it for both, both are told in order, and whom the other has blocked may not."""
    bob, alice = await stage.login("bob"), await stage.login("alice")
    direct = (await bob.send(user="alice", text="soon gone"))["conversation"]
    assert (await alice.call("update", conversation=direct, retention_s=1))["seq"] == 2
    for client in (alice, bob):
        told = await client.take("message", conversation=direct, kind="system")
        assert (told["action"], told["retention_s"], told["seq"]) == ("retention", 1, 2), told
        assert (await client.take("conversation", id=direct, retention_s=1))["kind"] == "direct"
    await gone(bob, direct)
    await refused(bob.call("update", conversation=direct, name="ours"), "bad_request")
    await refused(bob.call("add", conversation=direct, users=["eve"]), "bad_request")
    eve = await stage.login("eve")
    await refused(eve.call("update", conversation=direct, retention_s=0), "not_found")
    await alice.call("block", user="bob")
    await refused(bob.call("update", conversation=direct, retention_s=0), "forbidden")
    await alice.call("unblock", user="bob")
    assert (await asyncio.to_thread(patch, stage.server, direct, {"retention_s": 0}))["seq"] == 3
    await bob.send(direct, text="stays")
    await asyncio.sleep(2)
    assert await texts(alice, direct) == ["stays"]


def main():
    with Server("--retention-least-s", "1") as server:
        media = play(server, say)
        play(server, between_two)
        server.kill()
        server.start()
        play(server, lambda stage: old_is_gone(stage, media))
    print("ok retention")


if __name__ == "__main__":
    sys.exit(main())
