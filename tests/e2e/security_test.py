"""Attacks from outside, each against a chatcored of its own: what docs/security.md promises, with
clients that this project did not write (Python's websockets and http.client, raw sockets).

    security_test.py CHATCORED [ATTACK…]
"""
import asyncio
import base64
import gzip
import hashlib
import hmac
import http.server
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from cases import run_cases, served
from harness import Client, Refused, Server, base64url, msgpack, play, refused, websockets
from raw import BINARY, CLOSE, TEXT, Raw, eventually, masked, metric
from rest import User, group, say

ATTACKS = []


def attack(*options):
    """An attack has a server of its own, with these options."""
    def register(function):
        ATTACKS.append(served(function, *options))
        return function
    return register


# --- what is another's -------------------------------------------------------------------------

def asked_of(conversation, message):
    """Everything that can be asked of a conversation: command and fields."""
    seq = {"seq": 1}
    target = {"message": message}
    return [
        ("history", {}), ("members", {}), ("search", {"text": "secret"}),
        ("send", {"text": "x", "client_id": os.urandom(8).hex()}), ("edit", {**target, "text": "x"}),
        ("delete", target), ("react", {**target, "emoji": "x", "on": True}), ("delivered", seq),
        ("read", seq), ("typing", {"on": True}), ("update", {"name": "x"}), ("add", {"users": ["eve"]}),
        ("remove", {"users": ["alice"]}), ("role", {"user": "eve", "role": "owner"}), ("leave", {}),
        ("mute", {"until": 2 ** 42}),
    ]


async def answers(client, conversation, message):
    """What each command is answered: the error without what a client can't learn from, or the
    reply."""
    found = {}
    for command, fields in asked_of(conversation, message):
        try:
            found[command] = await client.call(command, conversation=conversation, **fields)
        except Refused as error:
            found[command] = (error.code, error.name, error.error.get("message"))
    return found


async def finds_nothing(client, conversation, message):
    """Each is refused, in the very words in which it is where there is no such conversation."""
    found = await answers(client, conversation, message)
    assert all(isinstance(answer, tuple) and answer[:2] == (404, "not_found")
               for answer in found.values()), found
    assert found == await answers(client, "nowhere", message)


@attack("--media-off")
def anothers_history_members_and_search(server):
    async def run(stage):
        alice, bob, eve = [await stage.login(name) for name in ("alice", "bob", "eve")]
        await alice.call("create", kind="group", conversation="g", name="Secret", members=["bob"])
        sent = await alice.send("g", text="the secret word")
        direct = await alice.send(user="bob", text="another secret")
        await bob.take("message", text="another secret")
        for conversation, message in (("g", sent["message"]),
                                      (direct["conversation"], direct["message"])):
            await finds_nothing(eve, conversation, message)
        assert (await eve.call("search", text="secret"))["messages"] == []
        assert (await eve.call("conversations"))["conversations"] == []
        assert (await eve.call("presence", users=["alice", "bob"]))["presence"] == []
        await alice.send("g", text="to the end")
        await bob.take("message", text="to the end")
        await eve.take_none("message")
        await eve.take_none("conversation", within=0)
        seen = (await alice.call("history", conversation="g"))["messages"]
        assert [each["from"] for each in seen] == ["alice"] * 3, seen
    play(server, run)
    eve = User(server, "eve")
    for method, path, body in (("GET", "messages", None), ("GET", "members", None),
                               ("POST", "messages", {"text": "x", "client_id": "x"}),
                               ("POST", "members", {"users": ["eve"]}), ("POST", "leave", None),
                               ("PUT", "read", {"seq": 1}), ("PUT", "mute", {"until": 9})):
        there, nowhere = (eve.ask(method, f"/v1/conversations/{name}/{path}", body)
                          for name in ("g", "nowhere"))
        assert (there.status, there.text) == (nowhere.status, nowhere.text), (path, there.text)
        assert there.status == 404
    assert eve.do("GET", "/v1/search?text=secret")["messages"] == []
    for method, path in (("GET", "/v1/users/alice/export"), ("DELETE", "/v1/users/alice")):
        eve.fails(403, "forbidden", method, path)


async def refused_in_the_same_words(client, *tokens):
    """Each token is answered as the first, by both commands."""
    for command in ("invitation", "join"):
        words = set()
        for token in tokens:
            try:
                raise AssertionError(await client.call(command, token=token))
            except Refused as error:
                words.add((error.code, error.name, error.error.get("message")))
        assert len(words) == 1 and words.pop()[:2] == (404, "not_found"), words


@attack("--media-off")
def invitations_let_in_only_whom_they_should(server):
    async def run(stage):
        alice, bob, eve, dave = [await stage.login(name) for name in ("alice", "bob", "eve", "dave")]
        await alice.call("create", kind="group", conversation="g", name="Secret", members=["bob"])
        for client, name in ((bob, "forbidden"), (eve, "not_found")):
            for command, fields in (("invite", {}), ("invitations", {}),
                                    ("revoke_invitation", {"token": "x"})):
                await refused(client.call(command, conversation="g", **fields), name)
        made = [(await alice.call("invite", conversation="g", **fields))["token"]
                for fields in ({}, {"max_uses": 1}, {"expires_s": 1}, {})]
        revoked, once, brief, kept = made
        assert len(set(made)) == 4 and all(re.fullmatch(r"[\w-]{32}", each) for each in made), made
        await alice.call("revoke_invitation", conversation="g", token=revoked)
        joins = await asyncio.gather(*(each.call("join", token=once) for each in (eve, dave)),
                                     return_exceptions=True)
        losers = [each for each in joins if isinstance(each, Refused)]
        assert [each.name for each in losers] == ["not_found"], joins
        out = eve if joins[0] is losers[0] else dave
        members = (await alice.call("members", conversation="g"))["members"]
        assert len(members) == 3 and out.user not in [each["user"] for each in members], members
        await asyncio.sleep(1.1)
        await refused_in_the_same_words(out, "x" * 32, revoked, once, brief)
        await alice.call("remove", conversation="g", users=["bob"])
        await refused(bob.call("join", token=kept), "forbidden")
        await refused(bob.call("invitation", token=kept), "forbidden")
        assert (await out.call("join", token=kept))["conversation"] == "g"
    play(server, run)


@attack()
def anothers_media(server):
    data = b"a secret picture"

    async def run(stage):
        alice, bob, eve = [await stage.login(name) for name in ("alice", "bob", "eve")]
        await alice.call("create", kind="group", conversation="g", name="", members=["bob"])
        granted = await alice.call("upload", name="a.png", type="image/png", bytes=len(data))
        answer = User(server).ask(granted["method"], granted["url"], data, **granted["headers"])
        assert answer.status in (200, 201), answer.status
        await alice.send("g", text="", media=[granted["media"]])
        got = await bob.call("media", media=granted["media"])
        assert User(server).ask("GET", got["url"]).text == data
        for attempt in (eve.call("media", media=granted["media"]),
                        eve.send(user="eve2", media=[granted["media"]])):
            await refused(attempt, "not_found")
        return got["url"]
    url = play(server, run)
    User(server, "eve").fails(404, "not_found", "GET", "/v1/media/" + url.split("?")[0].split("/")[-1])
    path, _, query = url.partition("?")
    fields = urllib.parse.parse_qsl(query)
    nobody = User(server)
    for i, (name, value) in enumerate(fields):  # each field of the signed URL changed, or left out
        for changed in ([(name, value[:-1] + ("0" if value[-1] != "0" else "1"))], []):
            wrong = urllib.parse.urlencode(fields[:i] + changed + fields[i + 1:])
            answer = nobody.ask("GET", f"{path}?{wrong}")
            assert answer.status in (400, 403, 404) and data not in answer.text, (name, answer.status)


@attack()
def a_group_that_one_left(server):
    """Nothing behind the leaving is pushed, searched, or read, over an open connection, by a cursor
    from before, or over REST; what a removed one held comes to nothing, too."""
    async def run(stage):
        alice, bob, carol = [await stage.login(name) for name in ("alice", "bob", "carol")]
        await alice.call("create", kind="group", conversation="g", name="", members=["bob", "carol"])
        first = await alice.send("g", text="while they are in")
        for client in (bob, carol):
            await client.take("message", text="while they are in")
        cursor = bob.cursor
        left = (await bob.call("leave", conversation="g"))["seq"]
        await alice.call("remove", conversation="g", users=["carol"])
        await alice.send("g", text="behind their backs")
        await alice.take("message", text="behind their backs")
        for client in (bob, carol):
            await client.take_none("message", text="behind their backs")
            await finds_nothing(client, "g", first["message"])
        again = await Client.login(server, "bob", cursor=cursor)
        stage.clients.append(again)
        pushed = [body for name, body in again.pushes if name == "message"]
        assert all(body["seq"] <= left for body in pushed), pushed
        assert "behind" not in json.dumps(again.pushes), again.pushes
        assert (await again.call("search", text="behind"))["messages"] == []
    play(server, run)
    for name in ("bob", "carol"):
        User(server, name).fails(404, "not_found", "GET", "/v1/conversations/g/messages")


# --- tokens ------------------------------------------------------------------------------------

def token(secret, head, claims):
    """A token put together by hand."""
    signed = ".".join(base64url(json.dumps(part).encode()) for part in (head, claims))
    mac = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64url(mac)}"


def forged_tokens(server):
    now = int(time.time())
    good = {"sub": "alice", "exp": now + 600, "aud": "chat", "iss": "here"}
    hs256 = {"alg": "HS256", "typ": "JWT"}

    def signed(head=None, secret=None, **changes):
        claims = {key: value for key, value in {**good, **changes}.items() if value is not None}
        return token(secret or server.secret, head or hs256, claims)

    valid = signed()
    head, body, mac = valid.split(".")
    other = base64url(json.dumps({**good, "sub": "root", "admin": True}).encode())
    none = base64url(b'{"alg":"none"}')
    return valid, {
        "none": f"{none}.{body}.", "none, with a signature": f"{none}.{body}.{mac}",
        "None": signed({"alg": "None"}), "no algorithm": signed({"typ": "JWT"}),
        "another algorithm": signed({"alg": "HS512"}), "the key's other algorithm":
            signed({"alg": "RS256"}), "a key of its own": signed({**hs256, "jwk": {"kty": "oct"}},
                                                                 secret="k" * 32),
        "an unknown critical header": signed({**hs256, "crit": ["b64"], "b64": False}),
        "a wrong key": signed(secret="another secret that is long"), "an empty key":
            token("", hs256, good),
        "no signature": f"{head}.{body}.", "two parts": f"{head}.{body}", "a cut signature":
            valid[:-4], "a changed user": f"{head}.{other}.{mac}", "padding": valid + "=",
        "a wrong audience": signed(aud="mail"), "no audience": signed(aud=None),
        "a wrong issuer": signed(iss="there"), "expired": signed(exp=now - 60),
        "no end": signed(exp=None), "not yet": signed(nbf=now + 600),
        "an end that is text": signed(exp=str(now + 600)), "no user": signed(sub=None),
        "a user that is no name": signed(sub="a b"),
    }


@attack("--audience", "chat", "--issuer", "here")
def forged_and_expired_tokens(server):
    valid, forged = forged_tokens(server)
    assert User(server, token=valid).do("GET", "/v1/profile") == {"user": "alice"}

    async def run():
        for what, text in forged.items():
            client = await Client.open(server)
            try:
                await refused(client.call("connect", token=text, device="d"), "unauthorized")
            except ConnectionError:
                pass  # a close without a reply says the same
            assert await client.closed() == 4501, what
            await client.close()
    asyncio.run(run())
    for what, text in forged.items():
        answer = User(server, token=text).ask("GET", "/v1/profile")
        assert answer.status == 401 and answer.name == "unauthorized", (what, answer.status)


@attack("--threads", "2")
def tokens_replayed_after_revocation(server):
    """By id and by user; over connections that are open, REST that is under way, new ones, and
    after a kill. Other tokens go on."""
    now = int(time.time())
    first = {"jti": "t-1", "iat": now - 60}
    second = {"jti": "t-2", "iat": now - 60}
    later = {"jti": "t-3", "iat": now + 60}

    def rest(user="alice", **claims):
        return User(server, token=server.token(user, **claims))

    def revoke(**fields):
        User(server, token=server.token("root", admin=True)).do("POST", "/v1/revocations", fields)

    async def run(stage):
        phone, tablet = [await stage.login("alice", **claims) for claims in (first, second)]
        by_rest = rest(**first)
        by_rest.do("GET", "/v1/profile")
        revoke(jti="t-1")
        assert await phone.closed() == 4501
        by_rest.fails(401, "unauthorized", "GET", "/v1/profile")  # its session had been let in
        await refused(tablet.call("refresh", token=server.token("alice", **first)), "unauthorized")
        again = await Client.open(server)
        await refused(again.call("connect", token=server.token("alice", **first), device="d"),
                      "unauthorized")
        assert await again.closed() == 4501
        await tablet.call("conversations")
        fresh, bob = await stage.login("alice", **later), await stage.login("bob")
        revoke(user="alice")
        assert await tablet.closed() == 4501
        for client in (fresh, bob):
            await client.call("conversations")
    play(server, run)
    rest("bob").fails(403, "forbidden", "POST", "/v1/revocations", {"user": "alice"})
    server.kill()
    server.start()
    for claims in (first, second, {}):  # without iat: as old as can be
        rest(**claims).fails(401, "unauthorized", "GET", "/v1/profile")
    rest(**later).do("GET", "/v1/profile")
    rest("bob").do("GET", "/v1/profile")


# --- browsers ----------------------------------------------------------------------------------

@attack()
def a_page_of_another_site(server):
    async def opened(**headers):
        try:
            socket_ = await websockets.connect(server.url, **headers)
        except websockets.InvalidHandshake as error:
            return getattr(error, "status_code", None) or error.response.status_code
        await socket_.close()
        return 101

    own = f"http://127.0.0.1:{server.port}"
    for origin, expected in ((None, 101), (own, 101), ("https://evil.example", 403), ("null", 403),
                             (own + ".evil.example", 403), ("http://127.0.0.1.evil.example", 403),
                             ("http://evil.example@127.0.0.1", 403), ("file://", 403)):
        options = {"origin": origin} if origin else {}
        assert asyncio.run(opened(**options)) == expected, origin
    assert metric(server, "gateway_handshakes_refused_total") == 6
    # and REST: no cookie lets in, and no origin is told that it may read
    answer = User(server, headers={"Origin": "https://evil.example",
                                   "Cookie": "token=" + server.token("alice")}).ask("GET", "/v1/profile")
    assert answer.status == 401 and "access-control-allow-origin" not in answer.headers


@attack()
def answers_that_no_page_may_use(server):
    """What is not a page is never taken for one, and the page's own policy has no hole."""
    nobody = User(server)
    for path in ("/v1/profile", "/metrics", "/v1/openapi.yaml", "/v1/<script>alert(1)</script>"):
        answer = nobody.ask("GET", urllib.parse.quote(path))
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert "html" not in answer.headers["content-type"], path
        assert b"<script>" not in answer.text or path == "/v1/openapi.yaml"
    policy = nobody.ask("GET", "/").headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, policy
    assert "unsafe" not in policy and "*" not in policy and "http:" not in policy, policy


# --- too much ----------------------------------------------------------------------------------

def deep_json(depth, key="x"):
    return (f'{{"id":5,"send":{{"user":"bob","client_id":"d","text":"t","{key}":' + '{"a":' * depth
            + "1" + "}" * depth + "}}").encode()


def deep_msgpack(depth, key=b"x"):
    inner = b"\x81\xa1a" * depth + b"\x01"
    return (b"\x82\xa2id\x05\xa4send\x84\xa4user\xa3bob\xa9client_id\xa1d\xa4text\xa1t"
            + bytes([0xa0 | len(key)]) + key + inner)


def is_refused(server, opcode, payload, subprotocol):
    """An error, or a closing with 4500; the server serves on."""
    with Raw(server) as raw:
        assert raw.upgrade(Sec_WebSocket_Protocol=subprotocol)[0] == 101
        raw.send(masked(opcode, payload))
        kind, data = raw.frame()
        if kind == CLOSE:
            return struct.unpack(">H", data[:2])[0] == 4500
        value = json.loads(data) if kind == TEXT else msgpack.unpackb(data)
        return value["error"]["code"] in (400, 401, 413)


@attack()
def oversized_and_deep(server):
    for opcode, subprotocol, deep in ((TEXT, "chatcore.v1.json", deep_json),
                                      (BINARY, "chatcore.v1.msgpack", deep_msgpack)):
        for payload in (deep(9, "meta" if opcode == TEXT else b"meta"), deep(64), deep(20000),
                        deep(80000)[:200000]):
            assert is_refused(server, opcode, payload, subprotocol), (subprotocol, len(payload))
    for payload in (b"[" * 400000, b'{"id":1,"connect":' * 20000):
        assert is_refused(server, TEXT, payload, "chatcore.v1.json")
    for head in (b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff" + b"x" * 9,
                 b"\xc6\xff\xff\xff\xff", b"\x91" * 400000):  # sizes that are not there
        assert is_refused(server, BINARY, head, "chatcore.v1.msgpack"), head[:5]
    for frames in (masked(TEXT, b"x", announce=2 ** 40), masked(TEXT, b"x" * 600000),
                   masked(TEXT, b"x" * 300000, final=False) + masked(0, b"x" * 300000)):
        with Raw(server, timeout=20) as raw:
            assert raw.upgrade()[0] == 101
            try:
                raw.send(frames)
            except ConnectionError:
                pass  # it has closed already
            assert raw.close_code()[0] == 4500
    alice = User(server, "alice")
    group(alice, "g")
    path = "/v1/conversations/g/messages"
    for body in (deep_json(9, "meta"), b"[" * 400000, b'{"meta":' * 60000):
        assert alice.ask("POST", path, body).status == 400
    with Raw(server) as raw:
        raw.send(b"POST /v1/conversations HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000000\r\n\r\n")
        assert raw.response()[0] == 413
    assert say(alice, "g", "still here")["message"]


@attack()
def compressed_bombs(server):
    """Compression is not taken, in neither direction, so nothing is ever inflated. (A frame that
    says it is compressed: `wrong_frames` in gateway_test.py.)"""
    with Raw(server) as raw:
        code, headers, _ = raw.upgrade(Sec_WebSocket_Extensions="permessage-deflate")
        assert code == 101 and "sec-websocket-extensions" not in headers
    alice = User(server, "alice")
    group(alice, "g")
    bomb = gzip.compress(b'{"text":"' + b"a" * (64 << 20) + b'"}')
    for coding in ("gzip", "deflate", "br", "gzip, gzip", "x"):
        error = alice.fails(415, "unsupported_type", "POST", "/v1/conversations/g/messages",
                            bomb, Content_Encoding=coding)
        assert error["code"] == 415
    assert alice.ask("POST", "/v1/conversations/g/messages", {"text": "a", "client_id": "1"},
                     Content_Encoding="identity").status == 201
    memory = open(f"/proc/{server.process.pid}/status", encoding="ascii").read()
    assert int(memory.split("VmHWM:")[1].split()[0]) < 64 << 10, "something was inflated"


# --- too slow ----------------------------------------------------------------------------------

def trickle(raw, first, then=b"a"):
    """Sends a byte now and then, until the server closes. How many it took."""
    count = 0
    try:
        raw.send(first)
        while count < 400:
            raw.socket.settimeout(0.05)
            try:
                if not raw.more():
                    return count
            except TimeoutError:
                pass
            raw.send(then)
            count += 1
    except ConnectionError:
        return count
    raise AssertionError(f"not closed after {count} bytes")


SLOW = [b"", b"GET /v1/ws HT", b"GET /v1/ws HTTP/1.1\r\nHost: a\r\nX-A: ",
        b"POST /v1/conversations HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{"]


@attack("--handshake-ms", "500")
def slow_loris(server):
    """Each byte in time, and the whole never: the time is for the whole."""
    others = [Raw(server) for _ in range(40)]  # they do not hold up who comes next
    for other in others:
        other.send(SLOW[1])
    assert User(server, "alice").do("GET", "/v1/profile")
    for first in SLOW:
        with Raw(server) as raw:
            trickle(raw, first)
    for other in others:
        assert other.is_closed()
        other.socket.close()
    # upgraded, and never says who it is: the engine's time for that is 10 s, tried in its tests
    eventually("only this is there", lambda: metric(server, "gateway_connections") == 1)


def slow_loris_over_tls():
    with tempfile.TemporaryDirectory() as folder:
        cert, key = f"{folder}/cert", f"{folder}/key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-keyout", key, "-out", cert], check=True, capture_output=True)
        with Server("--tls-cert", cert, "--tls-key", key, "--handshake-ms", "500") as server:
            with Raw(server) as raw:
                assert raw.is_closed()
            with Raw(server) as raw:  # the beginning of a ClientHello of 4,000 bytes
                trickle(raw, b"\x16\x03\x01\x0f\xa0\x01\x00\x0f\x9c\x03\x03", b"\0")
            context = ssl.create_default_context(cafile=cert)
            context.check_hostname = False
            with Raw(server) as raw:
                raw.socket = context.wrap_socket(raw.socket)
                trickle(raw, SLOW[2])
            with Raw(server) as raw:
                raw.socket = context.wrap_socket(raw.socket)
                assert raw.ask("GET", "/healthz")[0] == 200


# --- paths -------------------------------------------------------------------------------------

OUT = ["../key", "..%2fkey", "%2e%2e/key", "%2e%2e%2fkey", "..%252fkey", "%252e%252e%252fkey", "..%5ckey",
       "..%c0%afkey", "%uff0e%uff0e/key", "../../jwt", "../api_keys", "tmp/0", "key", "", "/", "//etc/passwd",
       "....//....//etc/passwd", "..", ".", "%00", "%2e", "/etc/passwd", "..;/key"]


def raw_exchange(server, method, target):
    """As no library would send it. Empty: the connection was closed."""
    with Raw(server, timeout=20) as raw:
        raw.send(f"{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
                 "Connection: close\r\n\r\nx".encode())
        raw.is_closed()
        return raw.buffer


@attack()
def paths_that_lead_out(server):
    async def run(stage):
        alice = await stage.login("alice")
        return await alice.call("upload", name="../../x", type="image/png", bytes=1)
    granted = play(server, run)
    ticket = granted["url"].partition("?")[2]
    media = granted["media"]
    names = OUT + [f"{media}/../../key", f"{media}%2f..%2f..%2fkey", f"{media}%00", "A" * 2000,
                   f"{media[:6]}/{media}/data"]
    targets = [f"/v1/objects/{name}?{ticket}" for name in names]
    targets += [f"/{name}" for name in OUT if name not in ("", ".", "%2e", "/")]
    targets += [f"/v1/{name}" for name in OUT]
    data = os.path.join(server.directory, "data")
    secrets = [open(os.path.join(data, "media", "key"), "rb").read(), server.secret.encode(), b"root:"]
    for target in targets:
        for method in ("GET", "PUT"):
            answer = raw_exchange(server, method, target)
            assert not any(secret in answer for secret in secrets), (method, target)
            if answer and b"<title>chatcore" not in answer:  # "/.." is "/": the page
                assert int(answer.split()[1]) in (400, 401, 403, 404, 405), (target, answer)
    written = {name for _, _, files in os.walk(server.directory) for name in files}
    assert not written & {"x", "jwt", "passwd"}, written
    assert os.stat(os.path.join(data, "media", "key")).st_mode & 0o777 == 0o600


# --- addresses that a server is made to call ------------------------------------------------------

class Inside(http.server.BaseHTTPRequestHandler):
    """What nobody outside may reach. It sends whoever comes to another place of its own."""
    called = []

    def do_POST(self):
        Inside.called.append(self.path)
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(307)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_):
        pass


async def notify(server, user, urls):
    """Somebody with these webhooks is written to while away."""
    client = await Client.login(server, user)
    await client.send(user="alice", text="hello")
    await client.close()
    for number, url in enumerate(urls):
        rest = User(server, user)
        rest.do("PUT", f"/v1/devices/d{number}", {"push": {"provider": "webhook", "token": url}})
    alice = await Client.login(server, "alice", device=f"for-{user}")
    while (await alice.call("presence", users=[user]))["presence"][0]["status"] != "offline":
        await asyncio.sleep(0.05)
    await alice.send(user=user, text="inside")
    await alice.close()


async def notify_all(server, **users):
    await asyncio.gather(*(notify(server, user, urls) for user, urls in users.items()))


class Six(http.server.ThreadingHTTPServer):
    """On IPv4 and IPv6."""
    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def with_webhooks(*options):
    server = Server("--notify-urgent-ms", "200", *options)
    path = os.path.join(server.directory, "webhook-secrets")
    with open(path, "w", encoding="ascii") as file:
        file.write("whsec_" + base64.b64encode(os.urandom(32)).decode())
    server.options += ("--webhook-secret-file", path)
    return server


def addresses_inside():
    """However it is written, what the name or number turns out to be is looked at when the socket is
    opened: so it does not matter what a name said when it was registered."""
    inside = Six(("::", 0), Inside)
    threading.Thread(target=inside.serve_forever, daemon=True).start()
    port = inside.server_port
    urls = [f"http://{host}:{port}/" for host in
            ("127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "0.0.0.0",
             "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "10.0.0.1", "192.168.0.1",
             "169.254.169.254", "[fd00::1]", "[fe80::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]")]
    refused_total = "engine_notifications_refused_total"
    with with_webhooks() as server:
        asyncio.run(notify_all(server, bob=urls[:9], carol=urls[9:]))
        eventually("all are refused", lambda: metric(server, refused_total) == len(urls), 30)
        assert not Inside.called, Inside.called
    with with_webhooks("--webhook-allow-private") as server:  # a redirection is a failure
        asyncio.run(notify(server, "bob", [f"http://127.0.0.1:{port}/hook"]))
        eventually("it is to be repeated",
                   lambda: metric(server, "engine_notifications_retried_total") >= 1, 30)
        assert set(Inside.called) == {"/hook"}, Inside.called
    inside.shutdown()


# --- proxies, and what shares a connection -------------------------------------------------------

@attack("--trusted-proxies", "127.0.0.1", "--connect-rate", "5/1")
def a_proxy_s_connection_has_many_clients(server):
    """Each request of a connection is its client's, and what a client puts in front of its own
    address counts for nothing."""
    def ask(raw, user, forwarded):
        return raw.ask("GET", "/v1/profile", Authorization="Bearer " + server.token(user),
                       **({"X_Forwarded_For": forwarded} if forwarded else {}))[0]

    def is_limited(raw, name, *addresses):
        """Each request comes with a token not seen before, which counts as a connect."""
        return any(ask(raw, f"{name}{number}", addresses[number % len(addresses)]) == 429
                   for number in range(100))

    with Raw(server) as raw:
        assert is_limited(raw, "a", "203.0.113.1")
        assert ask(raw, "b", "203.0.113.2") == 200
        assert ask(raw, "c", None) == 200  # the proxy's own
        assert is_limited(raw, "d", *[f"1.2.3.{number}, 203.0.113.3" for number in range(100)])
        assert ask(raw, "e", "203.0.113.4") == 200


@attack()
def answers_end_where_they_say(server):
    """Else a proxy would take the rest for the answer to somebody else's request."""
    async def run(stage):
        return await (await stage.login("alice")).call("upload", name="a", type="image/png", bytes=4)
    url = play(server, run)["url"]
    with Raw(server) as raw:
        for path in ("/v1/objects/nothing", url, "/nothing", "/v1/profile", "/v1/openapi.yaml"):
            raw.send(f"HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            while b"\r\n\r\n" not in raw.buffer:
                assert raw.more()
            head, raw.buffer = raw.buffer.split(b"\r\n\r\n", 1)
            assert head.startswith(b"HTTP/1.1 "), (path, head)
            status, _, body = raw.ask("GET", "/healthz")
            assert (status, body) == (200, b"alive\n"), path
    for header in ("Transfer-Encoding : chunked", "Content-Length : 3", "Transfer-Encoding: chunked",
                   "Content-Length: 4"):
        with Raw(server) as raw:
            raw.send(f"POST /v1/conversations HTTP/1.1\r\nHost: a\r\n{header}\r\n"
                     "Content-Length: 2\r\n\r\n{}".encode())
            status, headers, _ = raw.response()
            assert status in (400, 411), (header, status)
            assert raw.is_closed()


# --- what takes room ------------------------------------------------------------------------------

@attack("--handshake-ms", "30000")
def bodies_that_never_end_take_bounded_memory(server):
    """64 MiB in all, whoever sends them; what is more is refused, and the room given back."""
    size, count = 500000, 200
    raws = [Raw(server, timeout=20) for _ in range(count)]
    for raw in raws:
        raw.send(f"POST /v1/conversations HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
                 .encode())
        try:
            raw.send(b"x" * (size - 1))
        except ConnectionError:
            pass  # it was refused before it was whole
    left = (64 << 20) // size + 2  # and this one, and the last that still had some room
    eventually("what has no room is refused",
               lambda: metric(server, "gateway_connections") <= left, 25)
    told = []
    for raw in raws:
        raw.socket.settimeout(0.01)
        try:
            told.append(raw.more()[:13])
        except (TimeoutError, ConnectionError):
            pass  # it has room, or was cut while it was sending
    assert set(told) <= {b"HTTP/1.1 503 ", b""} and b"HTTP/1.1 503 " in told, told
    for raw in raws:
        raw.socket.close()
    eventually("the room is given back", lambda: User(server, "alice").ask(
        "POST", "/v1/conversations", b"x" * size).status == 400)


@attack("--trusted-proxies", "127.0.0.1")
def slow_transfers_of_one_address(server):
    """An address has 64 places of 256, and others theirs; a place is given back."""
    size = 4 << 20

    async def run(stage):
        alice = await stage.login("alice")
        granted = await alice.call("upload", name="a", type="video/mp4", bytes=size)
        answer = User(server).ask("PUT", granted["url"], b"x" * size, Content_Type="video/mp4")
        assert answer.status == 201
        await alice.send(user="bob", text="", media=[granted["media"]])
        return (await alice.call("media", media=granted["media"]))["url"]
    url = play(server, run)

    def begin(forwarded):
        raw = Raw(server, receive_buffer=4096)
        raw.send(f"GET {url} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {forwarded}\r\n\r\n".encode())
        while b"\r\n" not in raw.buffer:
            assert raw.more()
        return int(raw.buffer.split()[1]), raw
    begun = [begin("203.0.113.1") for _ in range(66)]
    assert [status for status, _ in begun] == [200] * 64 + [503] * 2
    assert begin("203.0.113.2")[0] == 200
    for _, raw in begun:
        raw.socket.close()
    eventually("a place comes free", lambda: begin("203.0.113.1")[0] == 200)


@attack()
def one_upload_does_not_fill_the_disk(server):
    size = 1 << 20

    async def run(stage):
        alice = await stage.login("alice")
        return await alice.call("upload", name="a", type="image/png", bytes=size)
    granted = play(server, run)
    head = (f"PUT {granted['url']} HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\n"
            f"Content-Length: {size}\r\nExpect: 100-continue\r\n\r\n").encode()
    raws = [Raw(server) for _ in range(6)]
    answers_ = []
    for raw in raws:
        raw.send(head)
        raw.more()
        answers_.append(int(raw.buffer.split()[1]))
    assert answers_ == [100, 100, 100, 503, 503, 503], answers_
    for raw in raws:
        raw.socket.close()

    def stored():
        answer = User(server).ask("PUT", granted["url"], b"x" * size, Content_Type="image/png")
        return answer.status == 201
    eventually("who was cut off may try again", stored)


# --- one user's flood --------------------------------------------------------------------------

FLOODS, EACH = 4, 400


async def flood(server, number, done):
    """As much as a connection takes, without waiting for answers. How many were taken."""
    client = await Client.login(server, "flo", device=f"d{number}")
    taken = 0
    for start in range(0, EACH, 40):
        results = await asyncio.gather(*(client.send("g", text=f"flood {number}.{start + i}")
                                         for i in range(40)), return_exceptions=True)
        for result in results:
            assert not isinstance(result, Exception) or result.code in (429, 503), result
            taken += not isinstance(result, Exception)
    done.append(number)
    await client.close()
    return taken


@attack("--spam-filter-off", "--connect-rate", "off")
def a_flood_of_one_user(server):
    """The flood is bounded by the user's rate, over all connections; nothing of another user's is
    refused meanwhile, and between two messages of his there are only so many of the flood's. Told by
    seq and by the server's own times, not by this machine's."""
    async def run(stage):
        bob = await stage.login("bob")
        await bob.call("create", kind="group", conversation="g", name="", members=["flo"])
        done = []
        floods = [asyncio.ensure_future(flood(server, number, done)) for number in range(FLOODS)]
        sent = 0
        while len(done) < FLOODS:
            await bob.send("g", text=f"bob {sent}")
            sent += 1
            await asyncio.sleep(0.05)
        taken = sum(await asyncio.gather(*floods))
        messages, more, after = [], True, 0
        while more:
            page = await bob.call("history", conversation="g", after=after, limit=200)
            messages, more = messages + page["messages"], page["more"]
            after = messages[-1]["seq"]
        return sent, taken, messages
    sent, taken, messages = play(server, run)
    texts = [each for each in messages if each["kind"] == "text"]
    own = [each for each in texts if each["from"] == "bob"]
    theirs = [each for each in texts if each["from"] == "flo"]
    assert len(own) == sent and len(theirs) == taken, (len(own), sent, len(theirs), taken)
    seconds = (theirs[-1]["ts"] - theirs[0]["ts"]) / 1000
    assert 200 <= taken <= 201 + 50 * (seconds + 1), (taken, seconds)  # send: 200, then 50/s
    assert [each["text"] for each in own] == [f"bob {number}" for number in range(sent)]
    assert taken < FLOODS * EACH, "nothing of the flood was refused"


# --- what is written of it -----------------------------------------------------------------------

def the_page_names_tests_that_there_are():
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.join(here, "..", "..")
    with open(os.path.join(root, "docs", "security.md"), encoding="utf8") as page:
        rows = [line.split("|") for line in page if line.startswith("| ") and line.count("|") == 4]
    texts = {}
    for folder, _, files in os.walk(os.path.join(root, "tests")):
        for name in files:
            if name.endswith((".py", ".mjs", ".c", ".build")):
                with open(os.path.join(folder, name), encoding="utf8") as file:
                    texts[os.path.relpath(os.path.join(folder, name), root)] = file.read()
    everything = "\n".join(texts.values())
    missing = [named for row in rows for named in re.findall(r"`([^`]+)`", row[3])
               if not any(path.endswith(named) or f"/{named}/" in f"/{path}" for path in texts)
               and not re.search(rf"\b{re.escape(named)}\b", everything)
               and not os.path.exists(os.path.join(root, named.split()[0]))]
    assert len(rows) > 25 and not missing, missing
    untried = [function.__name__ for function in ATTACKS
               if not any(f"`{function.__name__}`" in row[3] for row in rows)]
    assert not untried, untried


# --- running -----------------------------------------------------------------------------------

ALONE = [slow_loris_over_tls, addresses_inside, the_page_names_tests_that_there_are]


if __name__ == "__main__":
    sys.exit(run_cases(ATTACKS + ALONE, sys.argv[2:]))
