#!/usr/bin/python3
"""What a user has left is given out whole, and erased; an erased user's words are in no answer, also
after the server was killed, while it erased and after, and in no file once the folder is compacted.

    privacy_test.py CHATCORED CHATCORECTL
"""
import asyncio
import json
import os
import subprocess
import sys

from harness import Server, play, refused

SECRET = "hunter2"
PARTS = {"profile", "devices", "contacts", "blocked", "conversations", "messages",
         "invitations"}


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
    for start in range(0, 450, 50):
        await asyncio.gather(*(say(alice, f"{SECRET} {number}", conversation="team")
                               for number in range(start, start + 50)))
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
    bob = await stage.login("bob")
    await admin.call("erase", user="alice")
    assert await alice.closed() == 4503
    await bob.take("message", conversation="team", kind="system", action="left", users=["alice"])
    members = (await bob.call("members", conversation="team"))["members"]
    assert [member["user"] for member in members] == ["bob"], members


async def cut_off(stage, after_s):
    """The server is killed while it erases; it may have been done by then."""
    admin = await stage.login("root", admin=True)
    erasing = asyncio.create_task(admin.call("erase", user="alice"))
    await asyncio.sleep(after_s)
    stage.server.kill()
    try:
        await erasing
    except ConnectionError:
        pass


async def again(stage):
    """What was broken off is asked for again: members see one leaving, whenever it happened."""
    admin = await stage.login("root", admin=True)
    bob = await stage.login("bob")
    await admin.call("erase", user="alice")
    page = await bob.call("history", conversation="team", limit=200)
    left = [message for message in page["messages"] if message.get("action") == "left"]
    assert len(left) == 1 and left[0]["users"] == ["alice"], left


def files_with(folder, words):
    found = []
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                content = file.read().lower()
            found += [(name, word) for word in words if word.lower().encode() in content]
    return found


def no_file_has_it(server):
    data = os.path.join(server.directory, "data")
    assert server.stop() == 0, server.trace()
    subprocess.run([sys.argv[2], "compact", data], check=True, stdout=subprocess.DEVNULL)
    left = files_with(data, [SECRET])
    assert not left, left
    assert files_with(data, ["bob's own words"]), "the search for words finds nothing at all"
    server.start()


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
        no_file_has_it(server)
        play(server, nothing_is_left)
    for after_s in (0.002, 0.01):
        with Server("--send-rate", "off", "--spam-filter-off") as server:
            play(server, fill)
            play(server, lambda stage: cut_off(stage, after_s))
            server.start()
            play(server, again)
            play(server, nothing_is_left)
            no_file_has_it(server)
    print("ok privacy")


if __name__ == "__main__":
    sys.exit(main())
