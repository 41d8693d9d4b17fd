#!/usr/bin/python3
"""Roles and channels, over WebSocket and REST; and changes of members that a kill cuts off: who is a
member is what the history tells, whenever the server died.

    groups_test.py CHATCORED
"""
import asyncio
import json
import random
import sys
import time
import urllib.error
import urllib.request

from harness import Refused, Server, play, refused

PATIENCE_S = 20
CHANGERS = ("alice", "bob")
GUESTS = ("carol", "dave", "erin", "frank")


def rest(server, user, method, path, body=None):
    """The status and the answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/v1/conversations/{path}", method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"Bearer {server.token(user)}",
                 "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


async def over_rest(stage, *request):
    return await asyncio.to_thread(rest, stage.server, *request)


async def post(stage, user, text):
    status, _ = await over_rest(stage, user, "POST", "news/messages",
                                {"client_id": f"{user}-{len(text)}", "text": text})
    return status


async def in_a_channel_members_read(stage):
    alice, bob, carol = [await stage.login(user) for user in ("alice", "bob", "carol")]
    await alice.call("create", kind="channel", conversation="news", name="News",
                     members=["bob", "carol"])
    sent = (await alice.send("news", text="first"))["message"]
    assert (await bob.take("message", conversation="news", text="first"))["seq"] == 2
    await refused(bob.send("news"), "forbidden")
    assert await post(stage, "bob", "no") == 403
    await bob.call("react", conversation="news", message=sent, emoji="+", on=True)
    await refused(bob.call("delete", conversation="news", message=sent), "forbidden")
    for call in (bob.call("role", conversation="news", user="bob", role="admin"),
                 bob.call("update", conversation="news", name="Mine"),
                 bob.call("add", conversation="news", users=["dave"]),
                 bob.call("remove", conversation="news", users=["carol"])):
        await refused(call, "forbidden")
    status, _ = await over_rest(stage, "alice", "PUT", "news/members/bob/role", {"role": "admin"})
    assert status == 200
    assert (await carol.take("message", conversation="news", action="role"))["role"] == "admin"
    await bob.send("news", text="as an admin")
    assert await post(stage, "bob", "over REST") == 201
    await refused(bob.call("role", conversation="news", user="carol", role="admin"), "forbidden")
    await refused(bob.call("add", conversation="news", users=["dave"], role="admin"), "forbidden")
    await refused(bob.call("remove", conversation="news", users=["alice"]), "forbidden")
    await bob.call("remove", conversation="news", users=["carol"])
    await carol.take("conversation", id="news", gone=True)
    await refused(alice.call("role", conversation="news", user="alice", role="member"),
                  "bad_request")
    await alice.call("role", conversation="news", user="bob", role="member")
    assert await post(stage, "bob", "no more") == 403
    await alice.call("leave", conversation="news")
    status, page = await over_rest(stage, "bob", "GET", "news/members")
    assert status == 200 and page["members"] == [{"user": "bob", "role": "owner"}], page


async def make_group(stage):
    alice = await stage.login("alice")
    await alice.call("create", kind="group", conversation="team", name="team", members=["bob"])
    await alice.call("role", conversation="team", user="bob", role="owner")


async def change_at_random(client, draw):
    """Until the server is gone. Refusals are what two get who change the same."""
    while True:
        guest = draw.choice(GUESTS)
        calls = (("add", {"users": [guest]}), ("remove", {"users": [guest]}),
                 ("update", {"name": f"name {draw.random()}"}),
                 ("role", {"user": guest, "role": draw.choice(("admin", "member"))}))
        command, fields = draw.choice(calls)
        try:
            await client.call(command, conversation="team", **fields)
        except Refused:
            pass
        except (ConnectionError, asyncio.TimeoutError):
            return


async def cut_off(stage, seed):
    draw = random.Random(seed)
    clients = [await stage.login(user) for user in CHANGERS]
    changes = [asyncio.create_task(change_at_random(client, draw)) for client in clients]
    await asyncio.sleep(draw.uniform(0.02, 0.2))
    stage.server.kill()
    await asyncio.gather(*changes)
    for client in clients:
        await client.reader
        for future in client.waiting.values():  # a call that could not even be sent
            future.exception()


async def told_by_history(client):
    """Who is what, and the name, from the messages alone; these have no gap."""
    members, name, seq, more = {}, None, 0, True
    while more:
        page = await client.call("history", conversation="team", after=seq, limit=200)
        more = page["more"]
        for message in page["messages"]:
            assert message["seq"] == seq + 1, (message, seq)
            seq += 1
            action, users = message["action"], message.get("users", [])
            if action == "created":
                members.update({message["from"]: "owner"}, **dict.fromkeys(users, "member"))
            if action in ("created", "renamed"):
                name = message["name"]
            for user in users if action in ("added", "role") else ():
                members[user] = message["role"]
            for user in users if action in ("removed", "left") else ():
                del members[user]
    return members, name, seq


async def agree(stage):
    alice = await stage.login("alice")
    members, name, head = await told_by_history(alice)
    page = await alice.call("members", conversation="team")
    assert {one["user"]: one["role"] for one in page["members"]} == members, (page, members)
    status, page = await over_rest(stage, "bob", "GET", "team/members")
    assert status == 200 and {one["user"]: one["role"] for one in page["members"]} == members
    for user in CHANGERS + GUESTS:
        client = await stage.login(user)
        listed = (await client.call("conversations"))["conversations"]
        team = [one for one in listed if one["id"] == "team"]
        assert bool(team) == (user in members), (user, team, members)
        for one in team:
            assert (one["name"], one["members"], one["head"], one["role"]) == \
                (name, len(members), head, members[user]), (one, members)
    return head


async def all_agree(stage):
    """A change that the directory had taken when the server died comes into the log a moment after
    the start: so for a moment the history may lag behind."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await agree(stage)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.1)


def main():
    with Server("--request-rate", "off") as server:
        play(server, in_a_channel_members_read)
        play(server, make_group)
        head = 0
        for seed in range(5):
            play(server, lambda stage: cut_off(stage, seed))
            server.start()
            before, head = head, play(server, all_agree)
        assert head > before
    print(f"ok groups: {head} changes")


if __name__ == "__main__":
    sys.exit(main())
