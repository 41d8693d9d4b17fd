#!/usr/bin/python3
"""chatcored through Python `websockets`: the complete scenario table. node_test.mjs and
chromium_test.py run the part marked N and C with clients of their own.

    scenario            what must hold                                                       also in
    ------------------- -------------------------------------------------------------------- -------
    connect             the reply's fields; the subprotocol is ours; `synced` with a cursor  N C
    connect_refused     wrong signature, expired, alg none: 401 and a close from 4500 on     N
    connect_first       any other command before connect is refused
    direct              1:1 send: durable reply, delivery to both, client_id only to the     N C
                        sender; both directions get one conversation
    duplicate           the same client_id again, also after a reconnect: one message        N
    two_devices         both devices of a user get all; the sender's other device too
    offline_cursor      what was missed comes once, in order, before `synced`                N C
    offline_recorded    the same without a cursor, after a lost connection
    new_device          a device that was never here gets what is unread
    group               create, add, remove: who is removed sees nothing after it; strangers N
                        may neither write nor read
    channel             members only read
    history             pages by after and by before, ascending, no gap
    typing              reaches the others only, is switched off, is never stored            N
    receipts            delivered and read are told, move only forward, count unread         N
    edit_delete_react   each takes a seq; only the author may
    roles_and_leave     an admin may add; a member may not; who left is out
    block               a blocked user's messages are refused
    contacts_presence   contacts are told who comes and goes
    lists               conversations, members, profile
    many_in_a_frame     several commands in one frame are all answered
    heartbeat           the empty object has no answer and does no harm
    bad_input           nonsense of every kind gets a named error or a close, and the server
                        lives on                                                             N C
    oversized           a text above max_message_bytes: too_large; the session lives on      N
    refresh_expiry      a session ends at `exp` with 4501, or lives on after `refresh`
    mixed_encodings     MessagePack to JSON and back
    no_subprotocol      a client that offers none speaks JSON
    http                /healthz, /readyz, /metrics answer; other paths are 404
    restart             after kill -9 everything acknowledged is there, once
    drain               SIGTERM: close 4001, exit 0

    websockets_test.py [CHATCORED] [SCENARIO …]
"""
import asyncio
import sys
import time
import traceback
import urllib.error
import urllib.request
import uuid

import harness
from harness import JSON, MSGPACK, Client, Refused, Server, refused

SCENARIOS = {}
BOTH = (JSON, MSGPACK) if harness.msgpack else (JSON,)


def scenario(*encodings):
    def register(function):
        SCENARIOS[function.__name__] = (function, encodings)
        return function
    return register


class Stage:
    """One run of one scenario: its users have names of their own, and its clients are closed."""

    def __init__(self, server, encoding, name):
        self.server = server
        self.encoding = encoding
        self.prefix = f"{name}-{'p' if encoding == MSGPACK else 'j'}-"
        self.clients = []

    def name(self, user):
        return self.prefix + user

    async def login(self, user, **options):
        options.setdefault("encoding", self.encoding)
        client = await Client.login(self.server, self.name(user), **options)
        self.clients.append(client)
        return client

    async def login_all(self, *users):
        return [await self.login(user) for user in users]

    async def group(self, owner, *members, kind="group"):
        reply = await owner.call("create", kind=kind, name="a group",
                                 members=[self.name(member) for member in members])
        return reply["conversation"]

    async def close(self):
        for client in self.clients:
            await client.close()


# ---- connecting -----------------------------------------------------------------------------

@scenario(*BOTH)
async def connect(stage):
    started = time.time() * 1000
    alice = await stage.login("alice", device="phone-1")
    hello = alice.hello
    assert alice.socket.subprotocol == stage.encoding, alice.socket.subprotocol
    assert hello["user"] == stage.name("alice") and hello["device"] == "phone-1", hello
    assert isinstance(hello["session"], str) and hello["session"], hello
    assert abs(hello["server_time"] - started) < 60000, hello
    assert hello["ping_interval_ms"] > 0 and hello["max_message_bytes"] >= 1024, hello
    assert isinstance(alice.cursor, str) and alice.cursor, alice.cursor


@scenario(*BOTH)
async def connect_refused(stage):
    server = stage.server
    tokens = {
        "wrong signature": server.token("mallory", secret="another secret"),
        "expired": server.token("mallory", life_s=-60),
        "alg none": server.token("mallory", algorithm="none"),
        "no token": "",
        "nonsense": "a.b.c",
    }
    for what, token in tokens.items():
        client = await Client.open(server, stage.encoding)
        try:
            await refused(client.call("connect", token=token, device="d"), "unauthorized",
                          *(["bad_request"] if what == "no token" else []))
        except ConnectionError:
            pass  # a close without a reply says the same
        assert await client.closed() >= 4500, f"{what}: closed with {client.socket.close_code}"
        await client.close()


@scenario(*BOTH)
async def connect_first(stage):
    client = await Client.open(stage.server, stage.encoding)
    try:
        await refused(client.call("conversations"), "unauthorized", "bad_request")
    except ConnectionError:
        assert client.socket.close_code >= 4500, client.socket.close_code
    await client.close()


@scenario(None)
async def no_subprotocol(stage):
    alice = await stage.login("alice")
    assert alice.socket.subprotocol in (None, JSON)
    await alice.send(user=stage.name("bob"))


# ---- messages -------------------------------------------------------------------------------

@scenario(*BOTH)
async def direct(stage):
    alice, bob = await stage.login_all("alice", "bob")
    text = 'héllo "wörld" \\ \n 🙂'
    reply = await alice.send(user=bob.user, client_id="c-1", text=text)
    assert uuid.UUID(reply["message"]).version == 7, reply
    assert not reply.get("duplicate"), reply
    mine = await alice.take("message", id=reply["message"])
    theirs = await bob.take("message", id=reply["message"])
    assert theirs["text"] == text and theirs["from"] == alice.user and theirs["kind"] == "text"
    assert theirs["conversation"] == reply["conversation"] and theirs["ts"] == reply["ts"], theirs
    assert mine["client_id"] == "c-1" and "client_id" not in theirs, (mine, theirs)
    assert mine["seq"] == theirs["seq"] == 1, (mine, theirs)
    back = await bob.send(user=alice.user, text="back")
    assert back["conversation"] == reply["conversation"], "one conversation for the pair"
    assert (await alice.take("message", id=back["message"]))["seq"] == 2


@scenario(*BOTH)
async def duplicate(stage):
    alice, bob = await stage.login_all("alice", "bob")
    first = await alice.send(user=bob.user, client_id="same", text="once")
    again = await alice.send(user=bob.user, client_id="same", text="once")
    assert again["message"] == first["message"] and again["duplicate"] is True, again
    await alice.lose()
    alice = await stage.login("alice")
    later = await alice.send(user=bob.user, client_id="same", text="once")
    assert later["message"] == first["message"] and later["duplicate"] is True, later
    await bob.take("message", id=first["message"])
    await bob.take_none("message")
    other = await bob.send(user=alice.user, client_id="same", text="bob's own")
    assert other["message"] != first["message"] and not other.get("duplicate"), other


@scenario(*BOTH)
async def two_devices(stage):
    alice, bob = await stage.login_all("alice", "bob")
    laptop = await stage.login("alice", device="laptop")
    tablet = await stage.login("bob", device="tablet")
    sent = await alice.send(user=bob.user, client_id="two")
    for device in (alice, laptop):
        assert (await device.take("message", id=sent["message"]))["client_id"] == "two"
    for device in (bob, tablet):
        assert "client_id" not in await device.take("message", id=sent["message"])


@scenario(*BOTH)
async def many_in_a_frame(stage):
    alice, bob = await stage.login_all("alice", "bob")
    calls = [alice.expect_reply() for _ in range(20)]
    await alice.send_raw(*({"id": number, "send": {"user": bob.user, "client_id": f"m{number}",
                                                   "text": f"text {number}"}}
                           for number, _ in calls))
    replies = [await asyncio.wait_for(future, 5) for _, future in calls]
    assert len({body["message"] for _, body in replies}) == 20
    seqs = [(await bob.take("message"))["seq"] for _ in replies]
    assert seqs == list(range(1, 21)), seqs


@scenario(JSON)
async def mixed_encodings(stage):
    if not harness.msgpack:
        return
    alice = await stage.login("alice", encoding=JSON)
    bob = await stage.login("bob", encoding=MSGPACK)
    for sender, receiver in ((alice, bob), (bob, alice)):
        sent = await sender.send(user=receiver.user, text="naïve ☃")
        got = await receiver.take("message", id=sent["message"])
        assert got["text"] == "naïve ☃" and got["ts"] == sent["ts"], got


# ---- coming online --------------------------------------------------------------------------

async def missed(client):
    """The texts that came before `synced`, which must be the last push so far."""
    await client.take("synced", within=5)
    return [(body["seq"], body["text"]) for key, body in client.pushes if key == "message"]


@scenario(*BOTH)
async def offline_cursor(stage):
    alice, bob = await stage.login_all("alice", "bob")
    await alice.send(user=bob.user, text="seen")
    await bob.take("message", text="seen")
    await bob.close()
    bob = await stage.login("bob", cursor=bob.cursor)
    await bob.close()
    cursor = bob.cursor
    for number in range(5):
        await alice.send(user=bob.user, text=f"missed {number}")
    bob = await stage.login("bob", cursor=cursor, synced=False)
    assert await missed(bob) == [(number + 2, f"missed {number}") for number in range(5)]
    live = await alice.send(user=bob.user, text="live")
    assert (await bob.take("message", id=live["message"]))["seq"] == 7
    await bob.close()


@scenario(*BOTH)
async def offline_recorded(stage):
    alice, bob = await stage.login_all("alice", "bob")
    first = await alice.send(user=bob.user, text="seen")
    await bob.take("message", text="seen")
    await bob.call("delivered", conversation=first["conversation"], seq=1)
    await bob.lose()
    for number in range(5):
        await alice.send(user=stage.name("bob"), text=f"missed {number}")
    bob = await stage.login("bob", synced=False)
    got = [pair for pair in await missed(bob) if pair[0] > 1]
    assert got == [(number + 2, f"missed {number}") for number in range(5)], got


@scenario(*BOTH)
async def new_device(stage):
    alice = await stage.login("alice")
    for number in range(3):
        await alice.send(user=stage.name("bob"), text=f"unread {number}")
    bob = await stage.login("bob", device="never-seen", synced=False)
    got = await missed(bob)
    assert got == [(number + 1, f"unread {number}") for number in range(3)], got


@scenario(*BOTH)
async def history(stage):
    alice, bob = await stage.login_all("alice", "bob")
    for number in range(1, 26):
        sent = await alice.send(user=bob.user, text=f"text {number}")
    where = sent["conversation"]
    forwards, after, more = [], 0, True
    while more:
        page = await bob.call("history", conversation=where, after=after, limit=10)
        forwards += [message["seq"] for message in page["messages"]]
        after, more = forwards[-1], page["more"]
    assert forwards == list(range(1, 26)), forwards
    page = await bob.call("history", conversation=where, before=11, limit=4)
    assert [message["seq"] for message in page["messages"]] == [7, 8, 9, 10] and page["more"]
    assert page["messages"][0]["text"] == "text 7" and page["messages"][0]["from"] == alice.user
    stranger = await stage.login("stranger")
    await refused(stranger.call("history", conversation=where, after=0), "not_found")


# ---- groups ---------------------------------------------------------------------------------

@scenario(*BOTH)
async def group(stage):
    alice, bob, carol, mallory = await stage.login_all("alice", "bob", "carol", "mallory")
    where = await stage.group(alice, "bob")
    assert (await bob.take("message", conversation=where))["kind"] == "system"
    for client in (alice, bob):
        sent = await client.send(conversation=where, text=f"from {client.user}")
        await alice.take("message", id=sent["message"])
        await bob.take("message", id=sent["message"])
    await refused(mallory.send(conversation=where), "not_found")
    await refused(mallory.call("history", conversation=where, after=0), "not_found")
    await refused(mallory.call("add", conversation=where, users=[mallory.user]), "not_found")
    added = await alice.call("add", conversation=where, users=[carol.user])
    sent = await alice.send(conversation=where, text="welcome")
    welcome = await carol.take("message", id=sent["message"])
    assert welcome["seq"] == added["seq"] + 1, (welcome, added)
    removed = await alice.call("remove", conversation=where, users=[bob.user])
    sent = await carol.send(conversation=where, text="bob is gone")
    await alice.take("message", id=sent["message"])
    await bob.take_none("message", text="bob is gone")
    assert all(body["seq"] <= removed["seq"] for key, body in bob.pushes if key == "message")
    await refused(bob.send(conversation=where), "not_found")


@scenario(*BOTH)
async def channel(stage):
    alice, bob = await stage.login_all("alice", "bob")
    where = await stage.group(alice, "bob", kind="channel")
    sent = await alice.send(conversation=where, text="news")
    await bob.take("message", id=sent["message"])
    await refused(bob.send(conversation=where), "forbidden")


@scenario(*BOTH)
async def roles_and_leave(stage):
    alice, bob, carol = await stage.login_all("alice", "bob", "carol")
    where = await stage.group(alice, "bob")
    await refused(bob.call("add", conversation=where, users=[carol.user]), "forbidden")
    await alice.call("role", conversation=where, user=bob.user, role="admin")
    await bob.call("add", conversation=where, users=[carol.user])
    await carol.call("leave", conversation=where)
    await refused(carol.send(conversation=where), "not_found")
    await alice.call("update", conversation=where, name="another name")
    page = await bob.call("members", conversation=where)
    assert {member["user"] for member in page["members"]} == {alice.user, bob.user}, page


@scenario(*BOTH)
async def edit_delete_react(stage):
    alice, bob = await stage.login_all("alice", "bob")
    sent = await alice.send(user=bob.user, text="first")
    where, message = sent["conversation"], sent["message"]
    edited = await alice.call("edit", conversation=where, message=message, text="second")
    assert edited["seq"] == 2, edited
    assert (await bob.take("message", seq=2))["kind"] == "edit"
    await refused(bob.call("edit", conversation=where, message=message, text="mine"), "forbidden")
    reacted = await bob.call("react", conversation=where, message=message, emoji="👍", on=True)
    assert (await alice.take("message", seq=reacted["seq"]))["kind"] == "reaction"
    await refused(bob.call("delete", conversation=where, message=message), "forbidden")
    deleted = await alice.call("delete", conversation=where, message=message)
    assert (await bob.take("message", seq=deleted["seq"]))["kind"] == "delete"
    missing = str(uuid.uuid4())
    await refused(alice.call("delete", conversation=where, message=missing), "not_found")


# ---- what is not a message ------------------------------------------------------------------

@scenario(*BOTH)
async def typing(stage):
    alice, bob = await stage.login_all("alice", "bob")
    where = (await alice.send(user=bob.user))["conversation"]
    await alice.call("typing", conversation=where, on=True)
    assert (await bob.take("typing", conversation=where))["user"] == alice.user
    await alice.call("typing", conversation=where, on=False)
    await bob.take("typing", conversation=where, on=False)
    await alice.take_none("typing")
    page = await bob.call("history", conversation=where, after=0)
    assert [message["kind"] for message in page["messages"]] == ["text"], page


@scenario(*BOTH)
async def receipts(stage):
    alice, bob = await stage.login_all("alice", "bob")
    for number in range(3):
        where = (await alice.send(user=bob.user, text=f"text {number}"))["conversation"]
        await bob.take("message", text=f"text {number}")

    async def unread():
        page = await bob.call("conversations", limit=100)
        return next(item["unread"] for item in page["conversations"] if item["id"] == where)

    assert await unread() == 3
    await bob.call("delivered", conversation=where, seq=3)
    receipt = await alice.take("receipt", conversation=where, user=bob.user)
    assert receipt.get("delivered") == 3, receipt
    await bob.call("read", conversation=where, seq=2)
    assert (await alice.take("receipt", user=bob.user, read=2))["conversation"] == where
    assert await unread() == 1
    await bob.call("read", conversation=where, seq=1)
    assert await unread() == 1, "cursors only move forward"


@scenario(*BOTH)
async def block(stage):
    alice, bob = await stage.login_all("alice", "bob")
    await bob.call("block", user=alice.user)
    await refused(alice.send(user=bob.user), "forbidden")
    assert await bob.call("blocked") == {"blocked": [alice.user], "more": False}
    assert await alice.call("blocked") == {"blocked": [], "more": False}
    await bob.call("unblock", user=alice.user)
    await alice.send(user=bob.user, text="again")
    await bob.take("message", text="again")


@scenario(*BOTH)
async def contacts_presence(stage):
    alice, bob = await stage.login_all("alice", "bob")
    await alice.call("add_contact", user=bob.user)
    await bob.call("add_contact", user=alice.user)
    assert bob.user in str(await alice.call("contacts"))
    seen = (await alice.call("presence", users=[bob.user]))["presence"]
    assert seen[0]["user"] == bob.user and seen[0]["status"] == "online", seen
    await bob.close()
    await alice.take("presence", user=bob.user, status="offline", within=10)
    await stage.login("bob")
    await alice.take("presence", user=bob.user, status="online", within=10)


@scenario(*BOTH)
async def lists(stage):
    alice, bob = await stage.login_all("alice", "bob")
    wheres = {await stage.group(alice, "bob") for _ in range(3)}
    found, after, more = [], None, True
    while more:
        fields = {"limit": 2, **({"after": after} if after else {})}
        page = await bob.call("conversations", **fields)
        found += [item["id"] for item in page["conversations"]]
        after, more = found[-1], page["more"]
    assert set(found) == wheres and len(found) == 3, found
    page = await bob.call("members", conversation=found[0])
    roles = {member["user"]: member["role"] for member in page["members"]}
    assert roles == {alice.user: "owner", bob.user: "member"}, roles
    await alice.call("profile", name="Alice A.")
    assert "Alice A." in str(await bob.call("profile", user=alice.user))


# ---- nonsense -------------------------------------------------------------------------------

async def alive(stage):
    probe = await stage.login("probe")
    await probe.call("conversations")
    await probe.close()


@scenario(*BOTH)
async def bad_input(stage):
    alice, bob = await stage.login_all("alice", "bob")
    await refused(alice.call("no_such_command", x=1), "bad_request")
    await refused(alice.call("send", user=bob.user, text="no client_id"), "bad_request")
    await refused(alice.call("send", client_id="x", text="to nobody"), "bad_request")
    await refused(alice.call("send", user=bob.user, client_id="x" * 65, text="x"), "bad_request")
    await refused(alice.call("send", user=bob.user, client_id="x", text=7), "bad_request")
    await refused(alice.call("send", user="two words", client_id="x", text="x"), "bad_request")
    await refused(alice.call("send", user=["list"], client_id="x", text="x"), "bad_request")
    await refused(alice.send(conversation="no-such-conversation"), "not_found")
    await refused(alice.call("create", kind="herd", name="x", members=[]), "bad_request")
    await alice.send(user=bob.user, text="still here")
    await bob.take("message", text="still here")
    await bob.take_none("message")
    await bad_frames(stage)


async def bad_frames(stage):
    """Whatever is not a command at all: an error or a close, never the server's end."""
    text = ["{", "[]", "null", "{}}", '{"id":1}', '{"id":-1,"send":{}}', '{"id":1,"a":{},"b":{}}',
            '{"id":1,"conversations":[]}', "[" * 5000, '{"id":1,"conversations":{"a":"\\ud800"}}',
            '{"id":18446744073709551616,"conversations":{}}', "\x00", '{"id":1.5,"conversations":{}}']
    binary = [b"\xc1", b"\xdf\xff\xff\xff\xff", b"\x81", b"\x91" * 5000, b"\x82\xa2id\x01", b"\x00",
              b"\x82\xa2id\x01\xadconversations\xdb\xff\xff\xff\xff", b"\x82\xa2id\xff\xa1x\x80"]
    for frame in text if stage.encoding == JSON else binary:
        client = await stage.login("nonsense")
        before = len(client.pushes)
        await client.socket.send(frame)
        deadline = time.monotonic() + 3
        while not client.stray and not client.socket.closed and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        answered = client.stray or client.socket.closed or len(client.pushes) > before
        assert answered, f"{frame[:40]!r}: no answer and no close"
        if client.socket.closed:
            assert client.socket.close_code in (1002, 1003, 1007, 1009, 4500), \
                f"{frame[:40]!r}: closed with {client.socket.close_code}"
        await client.close()
    await alive(stage)


@scenario(*BOTH)
async def oversized(stage):
    alice, bob = await stage.login_all("alice", "bob")
    limit = alice.hello["max_message_bytes"]
    await refused(alice.send(user=bob.user, text="x" * (limit + 1)), "too_large")
    await alice.send(user=bob.user, text="fits")
    await bob.take("message", text="fits")
    await bob.take_none("message")
    try:
        await alice.send(user=bob.user, text="x" * (64 * limit))
        raise AssertionError("a frame of 64 times the limit was taken")
    except (Refused, ConnectionError) as error:
        assert isinstance(error, ConnectionError) or error.name == "too_large", error
    await alive(stage)


@scenario(*BOTH)
async def heartbeat(stage):
    alice = await stage.login("alice")
    before = len(alice.pushes)
    await alice.send_raw({})
    await alice.send_raw({}, {})
    await alice.call("conversations")
    assert not alice.stray and len(alice.pushes) == before, (alice.stray, alice.pushes)
    pong = await alice.socket.ping()
    await asyncio.wait_for(pong, 5)


@scenario(*BOTH)
async def refresh_expiry(stage):
    server = stage.server
    client = await Client.open(server, stage.encoding)
    user = stage.name("alice")
    await client.call("connect", token=server.token(user, life_s=2), device="short")
    other = await Client.open(server, stage.encoding)
    await other.call("connect", token=server.token(user, life_s=2), device="long")
    reply = await other.call("refresh", token=server.token(user, life_s=600))
    assert reply["expires"] > 0, reply
    await refused(other.call("refresh", token=server.token("somebody-else")), "unauthorized",
                  "forbidden", "bad_request")
    assert await client.closed(within=8) == 4501, client.socket.close_code
    await other.call("conversations")
    await client.close()
    await other.close()


# ---- the server as a whole ------------------------------------------------------------------

def get(server, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


@scenario(JSON)
async def http(stage):
    loop = asyncio.get_running_loop()

    async def fetch(path):
        return await loop.run_in_executor(None, get, stage.server, path)

    assert (await fetch("/healthz"))[0] == 200
    assert (await fetch("/readyz"))[0] == 200
    status, body = await fetch("/metrics")
    assert status == 200 and "# TYPE" in body, (status, body[:200])
    assert (await fetch("/no/such/path"))[0] == 404


async def restart():
    """Its own server: kill -9 behind acknowledged messages, then the same data again."""
    server = Server().start()
    try:
        alice = await Client.login(server, "alice")
        sent = [await alice.send(user="bob", client_id=f"r{i}", text=f"text {i}") for i in range(50)]
        server.kill()
        server.start()
        alice = await Client.login(server, "alice")
        again = await alice.send(user="bob", client_id="r49", text="text 49")
        assert again["duplicate"] is True and again["message"] == sent[49]["message"], again
        page = await alice.call("history", conversation=sent[0]["conversation"], after=0, limit=200)
        assert [m["id"] for m in page["messages"]] == [reply["message"] for reply in sent]
        assert [m["seq"] for m in page["messages"]] == list(range(1, 51))
        bob = await Client.login(server, "bob", synced=False)
        assert [text for _, text in await missed(bob)] == [f"text {i}" for i in range(50)]
        await bob.close()
        await alice.close()
    finally:
        server.__exit__(*sys.exc_info())


async def drain():
    """Its own server: SIGTERM asks the clients to go elsewhere, and ends with 0."""
    server = Server().start()
    client = await Client.login(server, "alice")
    loop = asyncio.get_running_loop()
    status = loop.run_in_executor(None, server.stop)
    code = await client.closed(within=20)
    await client.close()
    assert await status == 0, f"exit status {await status}\n{server.trace()}"
    assert code == 4001, f"closed with {code}"
    server.__exit__(None, None, None)


# ---- running them ---------------------------------------------------------------------------

async def run_one(name, function, stage):
    try:
        await asyncio.wait_for(function(stage) if stage else function(), 60)
        print(f"ok   {name}", flush=True)
        return True
    except Exception:  # whatever it is, the other scenarios still run
        print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
        return False
    finally:
        if stage:
            await stage.close()


async def main(wanted):
    results = []
    if not harness.msgpack:
        print("SKIPPED: MessagePack, since python3-msgpack is not installed")
    with Server() as server:
        for name, (function, encodings) in SCENARIOS.items():
            for encoding in encodings if not wanted or name in wanted else ():
                label = f"{name} ({encoding})"
                results.append(await run_one(label, function, Stage(server, encoding, name)))
    for function in (restart, drain):
        if not wanted or function.__name__ in wanted:
            results.append(await run_one(function.__name__, function, None))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[2:])))
