"""REST from outside, through Python's own HTTP client: every route of docs/openapi.yaml, errors,
retries, pages, servers' keys, browsers of other origins, and what must not happen.

    rest_test.py CHATCORED LIBCHATCORE [SCENARIO…]
"""
import asyncio
import ctypes
import json
import os
import re
import socket
import sys
import threading
import time
import urllib.parse

from cases import run_cases, served
from harness import Client, Server, skip
from rest import User, group, say

try:
    import yaml
except ImportError:
    skip("python3-yaml is not installed")

HERE = os.path.dirname(os.path.abspath(__file__))
DESCRIPTION = os.path.join(HERE, "..", "..", "docs", "openapi.yaml")
SCENARIOS = []


def scenario(*options):
    def add(function):
        SCENARIOS.append(served(function, "--spam-filter-off", "--search-off", *options))
        return function
    return add


# --- every route -------------------------------------------------------------------------------

class Description:
    """docs/openapi.yaml: which operations were answered as it says."""

    def __init__(self):
        with open(DESCRIPTION, encoding="utf8") as file:
            self.document = yaml.safe_load(file)
        self.left = {(method.upper(), path) for path, item in self.document["paths"].items()
                     for method in item if method != "parameters"}

    def resolve(self, node):
        while "$ref" in node:
            target = self.document
            for part in node["$ref"].lstrip("#/").split("/"):
                target = target[part]
            node = target
        return node

    def operation(self, method, path):
        path = path.split("?")[0]
        for template, item in self.document["paths"].items():
            pattern = re.sub(r"\{\w+\}", "[^/]+", template)
            if method.lower() in item and re.fullmatch(pattern, path):
                self.left.discard((method, template))
                return item[method.lower()]
        raise AssertionError(f"{method} {path} is not described")

    def check(self, schema, value, where):
        """The part of JSON Schema that the description uses for answers."""
        schema = self.resolve(schema)
        kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
        assert isinstance(value, kinds[schema["type"]]), (where, value)
        if schema["type"] == "object":
            missing = set(schema.get("required", [])) - set(value)
            assert not missing, (where, missing)
            known = schema.get("properties")
            for key, item in value.items():
                if known is not None:
                    assert key in known, f"{where}.{key} is not described"
                    self.check(known[key], item, f"{where}.{key}")
        elif schema["type"] == "array":
            for item in value:
                self.check(schema["items"], item, where)
        elif "enum" in schema:
            assert value in schema["enum"], (where, value)


class Checked(User):
    def __init__(self, description, *arguments, **options):
        super().__init__(*arguments, **options)
        self.description = description

    def ask(self, method, path, body=None, **headers):
        answer = super().ask(method, path, body, **headers)
        operation = self.description.operation(method, path)
        response = operation["responses"].get(str(answer.status),
                                              operation["responses"]["default"])
        response = self.description.resolve(response)
        schema = response["content"]["application/json"]["schema"]
        self.description.check(schema, answer.body, f"{method} {path}")
        return answer


@scenario()
def every_route(server):
    description = Description()
    alice = Checked(description, server, "alice")
    bob = Checked(description, server, "bob")
    team = "/v1/conversations/team"
    group(alice, "team", "bob")
    sent = alice.do("POST", f"{team}/messages", {"text": "hi", "client_id": "1", "mentions": ["bob"],
                                                 "meta": {"a": [1, None]}}, expect=201)
    message = f"{team}/messages/{sent['message']}"
    assert alice.do("PATCH", message, {"text": "hello"}) == {"seq": 3}
    thumb = urllib.parse.quote("👍")
    assert bob.do("PUT", f"{message}/reactions/{thumb}") == {"seq": 4}
    assert bob.do("DELETE", f"{message}/reactions/{thumb}") == {"seq": 5}
    page = bob.do("GET", f"{team}/messages?limit=200")
    assert [each["kind"] for each in page["messages"]] == ["system", "text", "edit", "reaction",
                                                           "reaction"]
    assert page["messages"][3]["emoji"] == "👍" and page["messages"][3]["on"] is True
    assert page["messages"][1]["meta"] == {"a": [1, None]} and page["more"] is False
    assert bob.do("PUT", f"{team}/delivered", {"seq": 3}) == {}
    assert bob.do("PUT", f"{team}/read", {"seq": 4}) == {}
    assert bob.do("PUT", f"{team}/typing", {"on": True}) == {}
    assert bob.do("PUT", f"{team}/mute", {"until": 2 ** 42}) == {}
    mine = bob.do("GET", "/v1/conversations")["conversations"][0]
    assert (mine["read"], mine["unread"], mine["muted"], mine["role"]) == (4, 0, True, "member")
    assert alice.do("PATCH", team, {"name": "The team"}) == {"seq": 6}
    assert alice.do("POST", f"{team}/members", {"users": ["carol", "dave"]}) == {"seq": 7}
    assert alice.do("PUT", f"{team}/members/carol/role", {"role": "admin"}) == {"seq": 8}
    assert alice.do("DELETE", f"{team}/members?users=dave") == {"seq": 9}
    members = bob.do("GET", f"{team}/members")["members"]
    assert [(each["user"], each["role"]) for each in members] == [
        ("alice", "owner"), ("bob", "member"), ("carol", "admin")]
    assert members[1]["read"] == 4, members
    assert bob.do("POST", f"{team}/leave") == {"seq": 10}
    assert alice.do("DELETE", message) == {"seq": 11}
    made = alice.do("POST", f"{team}/invitations", {"max_uses": 2, "expires_s": 60}, expect=201)
    assert (made["creator"], made["uses"], made["max_uses"]) == ("alice", 0, 2), made
    invited = f"/v1/invitations/{made['token']}"
    assert bob.do("GET", invited) == {"kind": "group", "name": "The team", "members": 2,
                                      "expires": made["expires"]}
    assert bob.do("POST", f"{invited}/join") == {"conversation": "team", "seq": 12}
    assert bob.do("POST", f"{invited}/join") == {"conversation": "team", "seq": 12}
    bob.fails(403, "forbidden", "GET", f"{team}/invitations")
    assert alice.do("GET", f"{team}/invitations") == {"invitations": [{**made, "uses": 1}],
                                                      "more": False}
    assert alice.do("DELETE", f"{team}/invitations/{made['token']}") == {}
    bob.do("POST", f"{team}/leave")
    bob.fails(404, "not_found", "POST", f"{invited}/join")
    bob.fails(404, "not_found", "GET", invited)
    direct = alice.do("POST", "/v1/users/bob/messages", {"text": "you", "client_id": "2"},
                      expect=201)
    assert bob.do("GET", "/v1/conversations")["conversations"][0]["id"] == direct["conversation"]
    profile = alice.do("PATCH", "/v1/profile", {"name": "Alice", "meta": {"x": 1}})
    assert profile == {"user": "alice", "name": "Alice", "meta": {"x": 1}}
    assert alice.do("GET", "/v1/profile") == profile
    assert bob.do("GET", "/v1/users/alice/profile") == profile
    assert alice.do("PUT", "/v1/contacts/bob") == {}
    assert alice.do("GET", "/v1/contacts") == {"contacts": ["bob"], "more": False}
    assert alice.do("GET", "/v1/presence?users=bob&users=carol")["presence"][0]["user"] == "bob"
    assert alice.do("DELETE", "/v1/contacts/bob") == {}
    assert alice.do("PUT", "/v1/blocks/bob") == {}
    bob.fails(403, "forbidden", "POST", "/v1/users/alice/messages", {"text": "a", "client_id": "3"})
    assert alice.do("GET", "/v1/blocks") == {"blocked": ["bob"], "more": False}
    assert alice.do("DELETE", "/v1/blocks/bob") == {}
    assert alice.do("PUT", "/v1/devices/phone",
                    {"push": {"provider": "fcm", "token": "t"}}) == {}
    alice.do("POST", "/v1/media", {"name": "a.png", "type": "image/png", "bytes": 4},
             expect=(201, 503))
    alice.do("GET", "/v1/media/nothing", expect=(404, 503))
    alice.do("GET", "/v1/search?text=hello", expect=(200, 503))
    for method in ("GET", "POST"):  # this server sends no mails: mail_test.py has them
        alice.fails(404, "not_found", method, "/v1/unsubscribe?token=x")
        alice.fails(404, "not_found", method, "/v1/verify?token=x")
    alice.fails(403, "forbidden", "GET", "/v1/users/alice/export")
    alice.fails(403, "forbidden", "DELETE", "/v1/users/alice")
    alice.fails(403, "forbidden", "POST", "/v1/revocations", {"user": "bob"})
    assert not description.left, description.left


@scenario()
def description_is_served(server):
    answer = User(server).ask("GET", "/v1/openapi.yaml")
    with open(DESCRIPTION, "rb") as file:
        assert answer.status == 200 and answer.text == file.read()


# --- errors ------------------------------------------------------------------------------------

@scenario()
def errors_have_one_form(server):
    alice, eve, nobody = User(server, "alice"), User(server, "eve"), User(server)
    group(alice, "g")
    messages = "/v1/conversations/g/messages"
    nobody.fails(401, "unauthorized", "GET", "/v1/conversations")
    assert nobody.ask("GET", "/v1/conversations").headers["www-authenticate"].startswith("Bearer")
    for token in ("x", server.token("alice", life_s=-5), server.token("alice", algorithm="none"),
                  server.token("alice", secret="another secret, long enough"), "cck_x",
                  "cck_0123456789ab_" + "A" * 43):
        User(server, token=token).fails(401, "unauthorized", "GET", "/v1/conversations")
    User(server, headers={"Authorization": "Basic YTpi"}).fails(401, "unauthorized", "GET",
                                                                "/v1/conversations")
    for body in (None, "", "{", "[]", "{}", '{"text":1,"client_id":"a"}', '{"text":"a"}',
                 '{"text":"a","client_id":"a b"}', '{"text":"a","client_id":"a","client_id":"a"}',
                 '{"text":"\\ud83d","client_id":"a"}', '{"text":"a","client_id":"a"}x',
                 '{"conversation":"g","text":"a","client_id":"a"}', "[" * 5000):
        alice.fails(400, "bad_request", "POST", messages, body)
    alice.fails(400, "bad_request", "POST", messages, b'{"text":"\xff","client_id":"a"}')
    alice.fails(400, "bad_request", "GET", f"{messages}?limit=x")
    alice.fails(400, "bad_request", "GET", f"{messages}?limit=1&limit=2")
    error = alice.fails(400, "bad_request", "PUT", "/v1/conversations/g/read", {"seq": "1"})
    assert error["message"].startswith("seq:"), error
    eve.fails(404, "not_found", "GET", messages)
    eve.fails(404, "not_found", "POST", messages, {"text": "a", "client_id": "a"})
    alice.fails(404, "not_found", "GET", "/v1/conversations/none/messages")
    alice.fails(404, "not_found", "GET", "/v1/nothing")
    alice.fails(404, "not_found", "GET", "/v1/conversations/g/nothing")
    assert alice.ask("PUT", messages).headers["allow"] == "GET, POST"
    alice.fails(405, "method_not_allowed", "PUT", messages)
    alice.fails(405, "method_not_allowed", "OPTIONS", messages)
    alice.fails(409, "conflict", "POST", "/v1/conversations",
                {"kind": "group", "conversation": "g", "name": "", "members": []})
    alice.fails(413, "too_large", "POST", messages, {"text": "a" * 70000, "client_id": "a"})
    with socket.create_connection(("127.0.0.1", server.port)) as raw:  # refused before it comes
        raw.settimeout(20)
        raw.sendall(b"POST /v1/conversations HTTP/1.1\r\nHost: a\r\nContent-Length: 600000\r\n\r\n")
        assert raw.recv(1000).startswith(b"HTTP/1.1 413 ")
    User(server, "alice").fails(411, "length_required", "POST", messages, None,
                                Transfer_Encoding="chunked")
    assert say(alice, "g", "still here")["message"]


@scenario()
def errors_outside_of_rest_have_the_same_form(server):
    nobody = User(server)
    for method, path, status, name in (
            ("GET", "/nothing", 404, "not_found"), ("DELETE", "/healthz", 405, "method_not_allowed"),
            ("GET", "/v1/objects/x", 404, "not_found"), ("GET", "/v1/ws", 426, "upgrade_required"),
            ("PUT", "/v1/ws", 426, "upgrade_required")):
        nobody.fails(status, name, method, path)
    assert nobody.ask("DELETE", "/healthz").headers["allow"] == "GET"
    answer = nobody.ask("DELETE", "/v1/objects/x")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, PUT, OPTIONS")


@scenario("--request-rate", "5/1", "--send-rate", "3/1")
def rates_are_the_users(server):
    alice, again = User(server, "alice"), User(server, "alice")
    group(alice, "g")
    for connection in (alice, again, alice):
        say(connection, "g", "a")
    error = again.fails(429, "rate_limited", "POST", "/v1/conversations/g/messages",
                        {"text": "a", "client_id": "x"})
    assert error["retry_after_ms"] > 0
    say(User(server, "alice2"), say_to(server, "alice2"), "others are not slowed")


def say_to(server, user):
    group(User(server, user), f"of-{user}")
    return f"of-{user}"


@scenario()
def expired_tokens_end(server):
    """Also on a connection, and a session, that served before."""
    user = User(server, token=server.token("alice", life_s=2))
    deadline = time.monotonic() + 10
    while user.ask("GET", "/v1/conversations").status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    user.fails(401, "unauthorized", "GET", "/v1/conversations")


# --- retries, pages, order ---------------------------------------------------------------------

@scenario()
def retries_make_no_second_message(server):
    alice = User(server, "alice")
    group(alice, "g")
    path = "/v1/conversations/g/messages"
    first = alice.do("POST", path, {"text": "once", "client_id": "k"}, expect=201)
    again = User(server, "alice").do("POST", path, {"text": "once"}, expect=200,
                                     Idempotency_Key="k")
    assert again == {**first, "duplicate": True}, again

    async def over_websocket():
        client = await Client.login(server, "alice")
        reply = await client.send("g", client_id="k")
        assert reply["message"] == first["message"] and reply["duplicate"], reply
        await client.close()
    asyncio.run(over_websocket())
    assert len(alice.do("GET", path)["messages"]) == 2  # it, and that the group was made


@scenario()
def a_retry_makes_no_second_group(server):
    alice = User(server, "alice")
    wanted = {"kind": "group", "name": "Once", "members": ["bob"]}
    first = alice.do("POST", "/v1/conversations", wanted, expect=201, Idempotency_Key="k")
    again = User(server, "alice").do("POST", "/v1/conversations", {**wanted, "client_id": "k"},
                                     expect=200)
    assert again == {**first, "duplicate": True}, again
    alice.do("POST", "/v1/conversations", wanted, expect=201, Idempotency_Key="other")
    bob = User(server, "bob")
    theirs = bob.do("POST", "/v1/conversations", wanted, expect=201, Idempotency_Key="k")
    assert theirs["conversation"] != first["conversation"]
    assert len(alice.do("GET", "/v1/conversations")["conversations"]) == 2
    alice.fails(400, "bad_request", "POST", "/v1/conversations", {**wanted, "client_id": "k"},
                Idempotency_Key="k")
    # an id that somebody else has taken before is no retry
    eve = User(server, "eve")
    alice.do("POST", f"/v1/conversations/{first['conversation']}/leave")
    alice.fails(409, "conflict", "POST", "/v1/conversations", wanted, Idempotency_Key="k")
    eve.fails(409, "conflict", "POST", "/v1/conversations",
              {**wanted, "conversation": first["conversation"]})


@scenario()
def lists_come_in_pages(server):
    alice = User(server, "alice")
    for number in range(5):
        group(alice, f"g{number}", *[f"u{member}" for member in range(5)])
        alice.do("PUT", f"/v1/contacts/c{number}")
        alice.do("PUT", f"/v1/blocks/b{number}")
    for _ in range(9):
        say(alice, "g0", "a")
    for path, key, name in [("/v1/conversations", "conversations", lambda each: each["id"]),
                            ("/v1/contacts", "contacts", lambda each: each),
                            ("/v1/blocks", "blocked", lambda each: each),
                            ("/v1/conversations/g0/members", "members", lambda each: each["user"]),
                            ("/v1/conversations/g0/messages", "messages", lambda each: each["seq"])]:
        whole = alice.do("GET", f"{path}?limit=200")
        assert not whole["more"]
        after, found = ("0" if key == "messages" else None), []
        while True:
            query = {"limit": 2, **({"after": after} if after is not None else {})}
            page = alice.do("GET", f"{path}?{urllib.parse.urlencode(query)}")
            found += page[key]
            if not page["more"]:
                break
            after = name(page[key][-1])
        assert found == whole[key], (path, found)
    page = alice.do("GET", "/v1/conversations/g0/messages?before=4&limit=2")
    assert [each["seq"] for each in page["messages"]] == [2, 3] and page["more"]


@scenario()
def changes_of_a_group_stand_in_order(server):
    """Each takes one seq and one system message; a member who looks on is pushed the same."""
    alice, bob = User(server, "alice"), User(server, "bob")

    async def watch():
        watcher = await Client.login(server, "walt")
        await asyncio.get_running_loop().run_in_executor(None, change)
        for seq in range(1, 10):
            await watcher.take("message", conversation="g", seq=seq)
        await watcher.close()

    def change():
        base = "/v1/conversations/g"
        group(alice, "g", "bob", "walt")
        say(bob, "g", "before")
        alice.do("PATCH", base, {"name": "New"})
        alice.do("POST", f"{base}/members", {"users": ["carol", "dave"], "role": "member"})
        alice.do("PUT", f"{base}/members/bob/role", {"role": "admin"})
        bob.do("DELETE", f"{base}/members", {"users": ["carol", "dave"]})
        say(bob, "g", "after")
        bob.do("POST", f"{base}/leave")
        alice.do("PATCH", base, {"name": "Last"})
        bob.fails(404, "not_found", "PATCH", base, {"name": "I was here"})
    asyncio.run(watch())
    messages = alice.do("GET", "/v1/conversations/g/messages")["messages"]
    assert [each["seq"] for each in messages] == list(range(1, 10))
    told = [(each["from"], each.get("action", each.get("text")),
             each.get("users", each.get("name"))) for each in messages]
    assert told == [
        ("alice", "created", ["bob", "walt"]), ("bob", "before", None),
        ("alice", "renamed", "New"), ("alice", "added", ["carol", "dave"]),
        ("alice", "role", ["bob"]), ("bob", "removed", ["carol", "dave"]), ("bob", "after", None),
        ("bob", "left", ["bob"]), ("alice", "renamed", "Last")], told


@scenario()
def many_at_once_make_one_order(server):
    owner = User(server, "u0")
    group(owner, "g", *[f"u{number}" for number in range(1, 8)])
    failures = []

    def write(number):
        try:
            user = User(server, f"u{number}")
            for count in range(20):
                say(user, "g", f"{number}.{count}")
        except Exception as failure:  # told by the main thread
            failures.append(failure)
    threads = [threading.Thread(target=write, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    messages = owner.do("GET", "/v1/conversations/g/messages?limit=200")["messages"]
    assert [each["seq"] for each in messages] == list(range(1, 162))
    for number in range(8):
        own = [each["text"] for each in messages if each["from"] == f"u{number}" and "text" in each]
        assert own == [f"{number}.{count}" for count in range(20)], own


# --- what a request is not ---------------------------------------------------------------------

@scenario()
def a_request_is_no_presence(server):
    async def run():
        bob = await Client.login(server, "bob")
        await bob.call("add_contact", user="alice")
        loop = asyncio.get_running_loop()
        alice = User(server, "alice")
        await loop.run_in_executor(None, group, alice, "g", "bob")
        await loop.run_in_executor(None, say, alice, "g", "hi")
        await bob.take("message", text="hi")
        assert (await bob.call("presence", users=["alice"]))["presence"][0]["status"] == "offline"
        await bob.take_none("presence")
        await bob.send("g", text="for the phone")
        await loop.run_in_executor(None, alice.do, "GET", "/v1/conversations/g/messages")
        phone = await Client.login(server, "alice", synced=False)
        await phone.take("message", text="for the phone")  # history has taken nothing from it
        await phone.close()
        await bob.close()
    asyncio.run(run())


@scenario()
def clients_that_go_leave_nothing(server):
    """The answer has nobody to go to, at any moment; the server ends well (the harness looks)."""
    alice = User(server, "alice")
    group(alice, "g")
    token = server.token("alice")
    for number in range(60):
        body = json.dumps({"text": "a", "client_id": f"c{number}"})
        request = (f"POST /v1/conversations/g/messages HTTP/1.1\r\nHost: a\r\n"
                   f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            raw.sendall(request.encode()[:len(request) - (number % 3) * 5])
    assert alice.do("GET", "/v1/conversations/g/messages")


# --- servers -----------------------------------------------------------------------------------

class Time(ctypes.Structure):
    _fields_ = [("wall_ms", ctypes.c_int64), ("mono_ms", ctypes.c_int64)]


class Keys:
    """The library's functions for keys, as a tool calls them, on a running server's file."""
    scopes = {"messages:read": 1, "messages:write": 2, "conversations:read": 4,
              "conversations:write": 8, "users:read": 16, "users:write": 32, "admin": 64}

    def __init__(self, server):
        self.library = ctypes.CDLL(sys.argv[2])
        self.handle = ctypes.c_void_p()
        path = os.path.join(server.directory, "data", "api_keys").encode()
        self.call("open", None, path, ctypes.byref(self.handle))

    def call(self, name, *arguments):
        result = getattr(self.library, f"cc_api_keys_{name}")(*arguments)
        assert result == 0, (name, result)

    @staticmethod
    def now():
        return Time(time.time_ns() // 10 ** 6, time.monotonic_ns() // 10 ** 6)

    def create(self, *scopes):
        text = ctypes.create_string_buffer(64)
        bits = ctypes.c_uint(sum(self.scopes[scope] for scope in scopes))
        self.call("create", self.handle, b"a test", bits, self.now(), text)
        return text.value.decode()

    def rotate(self, key, grace_ms):
        text = ctypes.create_string_buffer(64)
        self.call("rotate", self.handle, key.split("_")[1].encode(), ctypes.c_int64(grace_ms),
                  self.now(), text)
        return text.value.decode()

    def revoke(self, key):
        self.call("revoke", self.handle, key.split("_")[1].encode())

    def close(self):
        self.library.cc_api_keys_free(self.handle)


def becomes(status, user, method, path):
    """A change of the file is seen within a second."""
    deadline = time.monotonic() + 10
    while user.ask(method, path).status != status:
        assert time.monotonic() < deadline, f"{method} {path} does not become {status}"
        time.sleep(0.1)


def acting(server, key, user):
    return User(server, token=key, headers={"X-Chatcore-User": user} if user else {})


@scenario()
def servers_act_for_users(server):
    keys = Keys(server)
    key = keys.create("messages:write", "conversations:write", "conversations:read")
    alice = acting(server, key, "alice")
    becomes(200, alice, "GET", "/v1/conversations")
    group(alice, "g", "bob")
    say(acting(server, key, "bob"), "g", "by a server")
    seen = User(server, "alice").do("GET", "/v1/conversations/g/messages")["messages"]
    assert seen[-1]["from"] == "bob" and seen[-1]["text"] == "by a server"
    # what the user may not, the server may not; nor what the key may not
    eve = acting(server, key, "eve")
    eve.fails(404, "not_found", "POST", "/v1/conversations/g/messages",
              {"text": "a", "client_id": "a"})
    for method, path in [("GET", "/v1/conversations/g/messages"), ("GET", "/v1/profile"),
                         ("PATCH", "/v1/profile"), ("PUT", "/v1/contacts/bob"),
                         ("GET", "/v1/search?text=a"), ("PUT", "/v1/devices/d")]:
        alice.fails(403, "forbidden", method, path)
    acting(server, key, None).fails(400, "bad_request", "GET", "/v1/conversations")
    acting(server, key, "no good").fails(400, "bad_request", "GET", "/v1/conversations")
    # on a connection with keep-alive, each request is the user's that it names
    for user in ("alice", "bob", "eve", "alice"):
        found = alice.do("GET", "/v1/conversations", **{"X-Chatcore-User": user})
        assert len(found["conversations"]) == (0 if user == "eve" else 1), (user, found)
    # a user's token is not made another's by the header
    listed = User(server, "eve", headers={"X-Chatcore-User": "alice"}).do("GET", "/v1/conversations")
    assert listed["conversations"] == []
    keys.close()


@scenario()
def administrators_act_everywhere(server):
    keys = Keys(server)
    admin = acting(server, keys.create("admin"), "root")
    group(User(server, "alice"), "g", "bob")
    becomes(200, admin, "GET", "/v1/profile")
    admin.do("PATCH", "/v1/conversations/g", {"name": "Renamed"})
    admin.do("DELETE", "/v1/conversations/g/members?users=bob")
    listed = User(server, "alice").do("GET", "/v1/conversations/g/members")["members"]
    assert [each["user"] for each in listed] == ["alice"]
    assert admin.do("GET", "/v1/users/bob/export")["profile"] == {"user": "bob"}
    assert admin.do("DELETE", "/v1/users/alice") == {}  # an owner: he leaves what he owned
    assert admin.do("DELETE", "/v1/users/bob") == {}
    keys.close()


@scenario()
def keys_are_rotated_and_revoked(server):
    keys = Keys(server)
    old, other = keys.create("users:read"), keys.create("users:read")
    by_old = acting(server, old, "alice")
    becomes(200, by_old, "GET", "/v1/profile")
    new = keys.rotate(old, 3600000)
    by_new = acting(server, new, "alice")
    becomes(200, by_new, "GET", "/v1/profile")
    by_old.do("GET", "/v1/profile")
    keys.rotate(old, 0)
    becomes(401, by_old, "GET", "/v1/profile")
    becomes(401, by_new, "GET", "/v1/profile")
    by_other = acting(server, other, "alice")
    by_other.do("GET", "/v1/profile")
    keys.revoke(other)
    becomes(401, by_other, "GET", "/v1/profile")
    with open(os.path.join(server.directory, "data", "api_keys"), encoding="utf8") as file:
        content = file.read()
    assert not any(secret.split("_", 2)[2] in content for secret in (old, new, other))
    keys.close()


# --- browsers ----------------------------------------------------------------------------------

PREFLIGHT = {"Origin": "https://app.example", "Access-Control-Request-Method": "PUT",
             "Access-Control-Request-Headers": "authorization"}


@scenario("--cors-origins", "https://app.example,https://b.example")
def named_origins_may_read(server):
    alice = User(server, "alice")
    asked = User(server).ask("OPTIONS", "/v1/contacts/bob", **PREFLIGHT)
    assert asked.status == 204 and asked.text == b""
    assert asked.headers["access-control-allow-origin"] == "https://app.example"
    assert "PUT" in asked.headers["access-control-allow-methods"]
    assert "Authorization" in asked.headers["access-control-allow-headers"]
    assert "Origin" in asked.headers["vary"]
    for path, status in [("/v1/conversations", 200), ("/v1/nothing", 404)]:
        answer = alice.ask("GET", path, Origin="https://app.example")
        assert answer.status == status
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        for origin in ("https://evil.example", "https://app.example.evil.example", "null"):
            answer = alice.ask("GET", path, Origin=origin)
            assert "access-control-allow-origin" not in answer.headers
    refused = User(server).ask("OPTIONS", "/v1/contacts/bob",
                               **{**PREFLIGHT, "Origin": "https://evil.example"})
    assert refused.status == 405 and "access-control-allow-origin" not in refused.headers


@scenario()
def no_origin_may_read_unless_named(server):
    answer = User(server, "alice").ask("GET", "/v1/conversations", Origin="https://app.example")
    assert answer.status == 200 and "access-control-allow-origin" not in answer.headers
    assert User(server).ask("OPTIONS", "/v1/contacts/bob", **PREFLIGHT).status == 405


# --- running -----------------------------------------------------------------------------------


if __name__ == "__main__":
    sys.exit(run_cases(SCENARIOS, sys.argv[3:]))
