#!/usr/bin/python3
"""Search, as a client sees it: what is found, by whom; the server killed, and its index lost.

    search_test.py CHATCORED
"""
import asyncio
import os
import sys

from harness import Server, play, refused
from rest import User


async def texts(client, text, **more):
    found = await client.call("search", text=text, **more)
    return [message["text"] for message in found["messages"]]


async def say(client, conversation, text):
    return await client.call("send", conversation=conversation, text=text,
                             client_id=os.urandom(8).hex())


async def fill(stage):
    alice = await stage.login("alice")
    bob = await stage.login("bob")
    await bob.call("create", kind="group", conversation="team", name="team", members=["alice"])
    await say(bob, "team", "The quick brown fox")
    slip = await say(bob, "team", "a slip of the tongue")
    gone = await say(bob, "team", "gone tomorrow")
    await say(alice, "team", "東京大学で学ぶ")
    await bob.call("edit", conversation="team", message=slip["message"], text="well put")
    await bob.call("delete", conversation="team", message=gone["message"])


async def check(stage):
    alice = await stage.login("alice")
    eve = await stage.login("eve")
    assert await texts(alice, "QUICK bro") == ["The quick brown fox"]
    assert await texts(alice, "東京", conversation="team") == ["東京大学で学ぶ"]
    assert await texts(alice, "well put") == ["well put"]
    assert await texts(alice, "slip") == []
    assert await texts(alice, "gone") == []
    assert await texts(alice, '"NOT (text:* OR') == []
    assert await texts(eve, "quick") == []
    await refused(texts(eve, "quick", conversation="team"), "not_found")
    await refused(texts(alice, "quick", conversation="nowhere"), "not_found")
    await refused(texts(alice, ""), "bad_request")


async def pages(stage):
    """Each message once, from the newest to the oldest, however many are said meanwhile."""
    bob = await stage.login("bob")
    await bob.call("create", kind="group", conversation="pages", name="", members=[])
    for number in range(7):
        await say(bob, "pages", f"leaf {number}")
    found, page = [], await bob.call("search", text="leaf", limit=3)
    while True:
        found += [message["text"] for message in page["messages"]]
        if not page["more"]:
            break
        await say(bob, "pages", "another leaf")
        page = await bob.call("search", text="leaf", limit=3, cursor=page["cursor"])
    assert found == [f"leaf {number}" for number in reversed(range(7))], found
    assert "cursor" not in page
    await refused(bob.call("search", text="leaf", cursor="no cursor"), "bad_request")


def pages_over_rest(server):
    bob = User(server, "bob")
    page = bob.do("GET", "/v1/search?text=leaf&conversation=pages&limit=100")
    whole = [message["seq"] for message in page["messages"]]
    assert len(whole) > 7 and not page["more"] and "cursor" not in page, page
    found, cursor = [], ""
    while page["more"] or not found:
        page = bob.do("GET", f"/v1/search?text=leaf&conversation=pages&limit=4{cursor}")
        found += [message["seq"] for message in page["messages"]]
        cursor = f"&cursor={page.get('cursor')}"
    assert found == whole, (found, whole)
    bob.fails(400, "bad_request", "GET", "/v1/search?text=leaf&cursor=x")


async def history_has_none_of_it(stage):
    """What memory does not hold any more is gone with the next write to the store."""
    bob = await stage.login("bob")
    for _ in range(100):
        page = await bob.call("history", conversation="team", limit=200)
        said = [message.get("text") for message in page["messages"]]
        if "gone tomorrow" not in said and "a slip of the tongue" not in said:
            break
        await asyncio.sleep(0.1)
    assert said.count("well put") == 2 and "gone tomorrow" not in said, said
    assert "a slip of the tongue" not in said and said.count("") == 1, said


async def members_come_and_go(stage):
    bob = await stage.login("bob")
    carol = await stage.login("carol")
    await bob.call("add", conversation="team", users=["carol"])
    await say(bob, "team", "quick, carol")
    assert await texts(carol, "quick") == ["quick, carol"]
    await bob.call("remove", conversation="team", users=["carol"])
    assert await texts(carol, "quick") == []
    await bob.call("delete", conversation="team",
                   message=(await bob.call("search", text="carol"))["messages"][0]["id"])


def lose_index(server):
    for name in ("search.db", "search.db-wal"):
        path = os.path.join(server.directory, "data", name)
        if os.path.exists(path):
            os.remove(path)


async def until_indexed(stage):
    """The index is made while the server runs."""
    alice = await stage.login("alice")
    for _ in range(300):
        if await texts(alice, "東京"):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the index was not made anew")


def main():
    with Server() as server:
        play(server, fill)
        play(server, check)
        play(server, history_has_none_of_it)
        play(server, pages)
        pages_over_rest(server)
        server.kill()
        server.start()
        play(server, check)
        play(server, history_has_none_of_it)
        play(server, members_come_and_go)
        server.kill()
        server.start()
        play(server, check)
        server.stop()
        lose_index(server)
        server.start()
        play(server, until_indexed)
        play(server, check)
    print("ok search")


if __name__ == "__main__":
    sys.exit(main())
