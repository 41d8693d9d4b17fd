#!/usr/bin/python3
"""What a user has left is given out whole, and erased; an erased user's words are in no answer, also
after the server was killed.

    privacy_test.py CHATCORED
"""
import asyncio
import json
import os
import sys

from harness import Server, play, refused

SECRET = "hunter2"
PARTS = {"profile", "devices", "contacts", "blocked", "conversations", "messages"}


async def say(client, text, **where):
    return await client.call("send", text=text, client_id=os.urandom(8).hex(), **where)


async def fill(stage):
    alice = await stage.login("alice")
    bob = await stage.login("bob")
    await alice.call("profile", name=f"Alice {SECRET}", meta={"note": SECRET})
    await alice.call("device", push={"provider": "email", "token": f"{SECRET}@example.org"})
    await alice.call("add_contact", user="bob")
    await alice.call("block", user="eve")
    await bob.call("create", kind="group", conversation="team", name="team", members=["alice"])
    await say(bob, "bob's own words", conversation="team")
    for number in range(450):
        await say(alice, f"{SECRET} {number}", conversation="team")
    await say(alice, f"between us: {SECRET}", user="bob")
    await alice.call("read", conversation="team", seq=2)


async def export(stage):
    """The pages, as lines of JSON."""
    admin = await stage.login("root", admin=True)
    lines, seen, cursor = [], set(), {}
    while True:
        page = await admin.call("export", user="alice", **cursor)
        part = (PARTS & page.keys()).pop()
        seen.add(part)
        values = page[part] if isinstance(page[part], list) else [page[part]]
        lines += [json.dumps({part: value}) for value in values]
        if not page["more"]:
            break
        cursor = {"cursor": page["cursor"]}
    assert seen == PARTS, seen
    return lines


def check_export(lines):
    values = [json.loads(line) for line in lines]
    messages = [value["messages"] for value in values if "messages" in value]
    texts = [message["text"] for message in messages if message["kind"] == "text"]
    assert sorted(texts) == sorted([f"{SECRET} {n}" for n in range(450)] +
                                   [f"between us: {SECRET}"]), len(texts)
    assert {message["from"] for message in messages} == {"alice"}
    assert {"profile": {"user": "alice", "name": f"Alice {SECRET}",
                        "meta": {"note": SECRET}}} in values
    assert {"devices": {"device": "phone", "provider": "email",
                        "token": f"{SECRET}@example.org"}} in values
    assert {"contacts": "bob"} in values and {"blocked": "eve"} in values
    team, = (value["conversations"] for value in values
             if value.get("conversations", {}).get("id") == "team")
    assert team["read"] == 2, team
    assert "bob's own words" not in "".join(lines)


async def erase(stage):
    alice = await stage.login("alice")
    admin = await stage.login("root", admin=True)
    await refused(alice.call("erase", user="alice"), "forbidden")
    await refused(alice.call("export", user="bob"), "forbidden")
    await refused(admin.call("export", user="alice", cursor="7:x"), "bad_request")
    await refused(admin.call("erase", user="alice"), "conflict")
    await alice.call("leave", conversation="team")
    await admin.call("erase", user="alice")
    assert await alice.closed() == 4503


async def nothing_is_left(stage):
    bob = await stage.login("bob")
    answers = [await bob.call("profile", user="alice"), await bob.call("search", text=SECRET)]
    for conversation in (await bob.call("conversations"))["conversations"]:
        after, more = 0, True
        while more:
            page = await bob.call("history", conversation=conversation["id"], after=after,
                                  limit=200)
            answers.append(page)
            more = page["more"]
            after = page["messages"][-1]["seq"] if page["messages"] else after
        assert after >= 1
    told = json.dumps(answers)
    assert SECRET not in told, told[:1000]
    assert "bob's own words" in told


def main():
    with Server("--send-rate", "off", "--spam-filter-off") as server:
        play(server, fill)
        asyncio.run(asyncio.sleep(0.5))  # what was said is in the store some 200 ms later
        check_export(play(server, export))
        play(server, erase)
        play(server, nothing_is_left)
        left = "".join(play(server, export))
        assert SECRET not in left, left[:1000]
        server.kill()
        server.start()
        play(server, nothing_is_left)
    print("ok privacy")


if __name__ == "__main__":
    sys.exit(main())
