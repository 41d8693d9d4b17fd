#!/usr/bin/python3
"""The gateway of chatcored, below the protocol: handshakes, frames, HTTP, limits, heartbeats, slow
readers, running out of files, draining, TLS.

    gateway_test.py [CHATCORED [SCENARIO…]]     exit 77 when something it needs is not installed
"""
import asyncio
import json
import os
import random
import resource
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

from cases import run_cases, served
from harness import Client, Server, websockets
from raw import BINARY, CLOSE, PING, PONG, TEXT, Raw, eventually, masked, metric

SCENARIOS = []


def scenario(*options):
    """A scenario runs on a server of its own, with these options."""
    def register(function):
        SCENARIOS.append(served(function, *options))
        return function
    return register


def status(server, path="/healthz"):
    with Raw(server) as raw:
        return raw.ask("GET", path)[0]


# --- handshakes --------------------------------------------------------------------------------

@scenario()
def handshakes(server):
    for expected, change in [
            (101, {}),
            (101, {"Sec_WebSocket_Protocol": "other, chatcore.v1.json"}),
            (400, {"Sec_WebSocket_Protocol": "other"}),
            (400, {"Upgrade": "h2c"}),
            (426, {"Sec_WebSocket_Version": "8"}),
            (400, {"Sec_WebSocket_Key": "short"}),
            (101, {"Origin": "http://chat:1234"}),
            (403, {"Origin": "http://evil.example"}),
            (403, {"Origin": "null"}),
            (404, {"path": "/v1/other"}),
    ]:
        with Raw(server) as raw:
            answer, headers, _ = raw.upgrade(**change)
            assert answer == expected, f"{change}: {answer}, not {expected}"
            if change.get("Sec_WebSocket_Protocol") and answer == 101:
                assert headers["sec-websocket-protocol"] == "chatcore.v1.json"
            if answer != 101:
                assert raw.is_closed()
    assert metric(server, "gateway_handshakes_refused_total") == 7
    eventually("sessions end with their connections",
               lambda: metric(server, "gateway_sessions") == 0)


@scenario("--origins", "https://a.example,https://b.example")
def listed_origins(server):
    for expected, origin in [(101, "https://a.example"), (101, "https://b.example"),
                             (403, "http://chat"), (101, None)]:
        with Raw(server) as raw:
            assert raw.upgrade(Origin=origin)[0] == expected, origin


@scenario("--trusted-proxies", "127.0.0.1,10.0.0.0/8", "--max-address-connections", "2")
def address_limits(server):
    raws = []
    for expected, forwarded in [(101, "203.0.113.1"), (101, "1.1.1.1, 203.0.113.1"),
                                (503, "203.0.113.1"), (503, "203.0.113.1, 10.1.1.1"),
                                (101, "203.0.113.2"), (101, "2001:db8::1"),
                                (101, "2001:db8::2"), (503, "2001:db8::3"),
                                (101, "2001:db8:1::3"), (101, None), (101, None), (101, None)]:
        raws.append(Raw(server))
        answer, headers, _ = raws[-1].upgrade(X_Forwarded_For=forwarded)
        assert answer == expected, f"{forwarded}: {answer}, not {expected}"
        assert answer != 503 or int(headers["retry-after"]) > 0
    raws[0].socket.close()
    eventually("a place comes free", lambda: Raw(server).upgrade(
        X_Forwarded_For="203.0.113.1")[0] == 101)
    for raw in raws:
        raw.socket.close()


@scenario()
def what_is_too_long_is_named(server):
    def line(target):
        return f"GET {target} HTTP/1.1\r\nHost: chat\r\n".encode()

    def status(request):
        with Raw(server) as raw:
            raw.send(request + b"\r\n")
            answer, headers, body = raw.response()
            if answer in (414, 431):
                assert json.loads(body)["error"]["code"] == answer, body
                assert headers["connection"] == "close" and raw.is_closed()
            return answer

    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
    for size, path, header in [(7000, 404, 200), (9000, 414, 431), (1_000_000, 414, 431)]:
        assert status(line("/" + "a" * size)) == path, size
        assert status(line("/healthz?q=" + "a" * size)) == (200 if path == 404 else path), size
        assert status(line("/v1/objects/" + "a" * size)) == path, size
        for name in (b"Authorization", b"Cookie", b"User-Agent"):
            assert status(line("/healthz") + name + b": " + b"a" * size + b"\r\n") == header, size
        if size > 8192:
            assert status(line("/v1/ws") + upgrade + b"Cookie: " + b"a" * size + b"\r\n") == 431
    with Raw(server) as raw:  # on a connection that has served before
        assert raw.ask("GET", "/healthz")[0] == 200
        assert raw.ask("GET", "/healthz", Cookie="a" * 20000)[0] == 431
    with Raw(server) as raw:  # what libwebsockets gives no moment to answer
        raw.send(line("/healthz") + b"X-Own: " + b"a" * 13000 + b"\r\n\r\n")
        assert raw.is_closed() and not raw.buffer


PROXY = "127.0.0.2"  # 127.0.0.1 is no proxy's
V2_START = b"\r\n\r\n\0\r\nQUIT\n"


def v1(client):
    return f"PROXY TCP4 {client} 10.0.0.1 51000 443\r\n".encode()


def v2(client, more=b""):
    addresses = socket.inet_aton(client) + bytes([10, 0, 0, 1]) + struct.pack(">HH", 51000, 443)
    return V2_START + struct.pack(">BBH", 0x21, 0x11, len(addresses + more)) + addresses + more


@scenario("--trusted-proxies", PROXY, "--proxy-protocol", "--max-address-connections", "2")
def proxy_protocol_tells_the_client(server):
    raws = []
    for expected, header in [(101, v1("203.0.113.1")), (101, v2("203.0.113.1")),
                             (503, v1("203.0.113.1")), (503, v2("203.0.113.1", bytes(600))),
                             (101, v2("203.0.113.2"))]:
        raws.append(Raw(server, source=PROXY))
        raws[-1].send(header)
        answer = raws[-1].upgrade(X_Forwarded_For="203.0.113.9")[0]
        assert answer == expected, f"{header}: {answer}, not {expected}"
    for raw in raws:
        raw.socket.close()
    with Raw(server, source=PROXY) as raw:  # a health check of the proxy's own
        raw.send(V2_START + b"\x20\0\0\0")
        assert raw.ask("GET", "/healthz")[0] == 200
    with Raw(server, source=PROXY) as raw:  # in pieces; the last has the request, too
        request = b"GET /healthz HTTP/1.1\r\nHost: chat\r\n\r\n"
        header = v2("203.0.113.3", bytes(40))
        for at in range(len(header) - 1):
            raw.send(header[at:at + 1])
            time.sleep(0.001)
        raw.send(header[-1:] + request)
        assert raw.response()[0] == 200
    with Raw(server) as raw:
        assert raw.ask("GET", "/healthz")[0] == 200


@scenario("--trusted-proxies", PROXY, "--proxy-protocol", "--handshake-ms", "700")
def proxy_protocol_is_needed_and_trusted(server):
    for source, begins in [(PROXY, b"GET /healthz HTTP/1.1\r\nHost: chat\r\n\r\n"),
                           (PROXY, V2_START + b"\x21\x11\xff\xff"),
                           (PROXY, b"PROXY TCP4 " + b"1" * 200),
                           (PROXY, b"PROXY"),  # and nothing else, for too long
                           (PROXY, b""),
                           (None, v2("203.0.113.1") + b"GET /healthz HTTP/1.1\r\n\r\n")]:
        with Raw(server, source=source) as raw:
            raw.send(begins)
            assert raw.is_closed() and b" 200 " not in raw.buffer, (source, begins, raw.buffer)
    eventually("what waited is gone", lambda: metric(server, "gateway_connections") == 1)
    with Raw(server, source=PROXY) as raw:
        raw.send(b"PROX")  # the server stops meanwhile
        eventually("it is accepted", lambda: metric(server, "gateway_connections") == 2)
        assert server.stop() == 0
        assert raw.is_closed()


# --- frames ------------------------------------------------------------------------------------

@scenario()
def fragments(server):
    with Raw(server) as raw:
        raw.login(server, "fay")
        text = json.dumps({"id": 2, "send": {"user": "guy", "client_id": "1", "text": "é" * 900}})
        data = text.encode()
        # one message in many fragments, with pings between, byte by byte
        wire = b""
        for i, at in enumerate(range(0, len(data), 100)):
            final = at + 100 >= len(data)
            wire += masked(TEXT if i == 0 else 0, data[at:at + 100], final)
            if not final:
                wire += masked(PING, b"p%d" % i)
        for i in range(0, len(wire), 7):
            raw.send(wire[i:i + 7])
        pongs, texts = 0, []
        while not any(value.get("id") == 2 for value in texts):
            opcode, payload = raw.frame()
            pongs += opcode == PONG
            if opcode == TEXT:
                texts += [json.loads(line) for line in payload.decode().split("\n")]
        assert pongs >= 1
        pushed = [value["message"]["text"] for value in texts if "message" in value]
        assert pushed == ["é" * 900], texts
        # many messages in one segment, and empty objects
        raw.send(b"".join(masked(TEXT, b'{"id":%d,"conversations":{"limit":1}}\n{}' % i)
                          for i in range(10, 40)))
        seen = []
        while len(seen) < 30:
            seen += [value["id"] for value in raw.objects() if "id" in value]
        assert sorted(seen) == list(range(10, 40))


@scenario("--max-frame-bytes", "2000")
def wrong_frames(server):
    big = b'{"id":1,"connect":{"token":"' + b"x" * 3000 + b'"}}'
    for frames in (masked(TEXT, big), masked(TEXT, b"x" * 10, announce=2 ** 40),
                   masked(TEXT, b"x" * 1500, final=False) + masked(0, b"x" * 501),
                   masked(TEXT, b"{"), masked(TEXT, b"[1]"), masked(BINARY, b"{}"),
                   masked(TEXT, b"\xff\xfe")):
        with Raw(server) as raw:
            assert raw.upgrade()[0] == 101
            raw.send(frames)
            code, _ = raw.close_code()
            assert code == 4500, frames[:20]
            raw.send(masked(CLOSE, struct.pack(">H", code)))
            assert raw.is_closed()
    # what breaks WebSocket itself ends the connection, too
    for frames in (masked(3), masked(0, b"x"), masked(PING, b"x" * 126), masked(TEXT | 0x40, b"{}"),
                   masked(PING, b"x", final=False)):
        with Raw(server, timeout=10) as raw:  # libwebsockets waits 5 s for the closing handshake
            assert raw.upgrade()[0] == 101
            raw.send(frames)
            try:
                assert raw.is_closed()
            except TimeoutError as error:
                raise AssertionError(f"not closed: {frames[:20]}") from error
    assert status(server) == 200


@scenario()
def closing(server):
    """The closing handshake from the client's side; and connections that are just cut."""
    with Raw(server) as raw:
        raw.login(server, "joe")
        raw.send(masked(CLOSE, struct.pack(">H", 1000) + b"bye"))
        code, reason = raw.close_code()
        assert (code, reason) == (1000, "bye")
        assert raw.is_closed()
    raws = [Raw(server).login(server, f"user-{i}") for i in range(20)]
    eventually("all are there", lambda: metric(server, "engine_sessions") == 20)
    for raw in raws:
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.socket.close()
    eventually("all are gone", lambda: metric(server, "engine_sessions") == 0)
    eventually("only this is there", lambda: metric(server, "gateway_connections") == 1)


@scenario()
def noise(server):
    """Random bytes, to the HTTP side and inside of WebSocket frames."""
    generator = random.Random(7)
    verbs = [b"GET ", b"POST ", b"CONNECT ", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01",
             b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
             b"Connection: Upgrade, HTTP2-Settings\r\nHost: a\r\n\r\n",
             b"GET /\0 HTTP/1.1\r\n\r\n", b"GET x HTTP/9.9\r\n\r\n",
             b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 3000 + b"\r\n"]
    for i in range(60):
        with Raw(server) as raw:
            try:
                raw.send(verbs[i % len(verbs)] + generator.randbytes(generator.randrange(400)))
            except ConnectionError:
                pass
    for i in range(60):
        with Raw(server) as raw:
            assert raw.upgrade()[0] == 101
            raw.send(masked(TEXT, generator.randbytes(generator.randrange(300)))
                     + generator.randbytes(generator.randrange(30)))
    eventually("all are gone", lambda: metric(server, "gateway_connections") == 1, 20)
    assert status(server) == 200


# --- HTTP --------------------------------------------------------------------------------------

@scenario("--dev")
def http(server):
    with Raw(server) as raw:  # all on one connection
        assert raw.ask("GET", "/healthz")[0] == 200
        assert raw.ask("GET", "/readyz")[0] == 200
        assert raw.ask("GET", "/healthz?a=b")[0] == 200
        assert raw.ask("GET", "/nothing")[0] == 404
        assert raw.ask("DELETE", "/healthz")[0] == 405
        code, headers, body = raw.ask("GET", "/")
        assert code == 200 and b"<title>" in body
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        code, _, body = raw.ask("POST", "/v1/dev/token", b'{"user":"zoe"}')
        assert code == 200 and json.loads(body)["token"]
        for bad in (b"", b"{", b'{"user":1}', b'{"user":""}', b"[]"):
            assert raw.ask("POST", "/v1/dev/token", bad)[0] == 400, bad
    for expected, body, headers in [(413, None, {"Content_Length": 10 ** 9}), (400, None, {}),
                                    (411, None, {"Content_Length": "x"}),
                                    (411, None, {"Transfer_Encoding": "chunked"})]:
        with Raw(server) as raw:
            assert raw.ask("POST", "/v1/dev/token", body, **headers)[0] == expected, headers
            assert raw.is_closed()
    with Raw(server) as raw:
        raw.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        while b"\r\n\r\n" not in raw.buffer:
            assert raw.more()
        assert b"<title>" not in raw.buffer
    eventually("connections are given back",
               lambda: metric(server, "gateway_connections") == 1)


@scenario("--dev")
def requests_in_one_read(server):
    """Only the first is served, and the connection closed: its client asks again. (libwebsockets
    would turn round for ever at a body that came along.)"""
    get = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    post = (b"POST /v1/dev/token HTTP/1.1\r\nHost: a\r\nContent-Length: 14\r\n\r\n"
            b'{"user":"zoe"}')
    for requests in (get + post, post + post + get, get + get, post + b"POST"):
        with Raw(server) as raw:
            raw.send(requests)
            assert raw.is_closed()
            assert raw.buffer.count(b"HTTP/1.1 ") == 1, raw.buffer
            assert b"\r\nConnection: close\r\n" in raw.buffer
    with Raw(server) as raw:
        assert raw.ask("GET", "/healthz")[0] == 200


@scenario()
def no_tokens_without_dev(server):
    with Raw(server) as raw:
        assert raw.ask("POST", "/v1/dev/token", b'{"user":"zoe"}')[0] == 404
        assert raw.ask("GET", "/")[0] == 200  # the page: it asks for a token then


# --- heartbeats --------------------------------------------------------------------------------

@scenario("--ping-interval-ms", "300")
def heartbeats(server):
    silent, ponging, beating = (Raw(server).login(server, name) for name in ("s", "p", "b"))
    began = time.monotonic()
    pings = 0
    for raw in (ponging, beating):
        raw.socket.settimeout(0.1)
    while time.monotonic() - began < 1.6:
        for raw in (ponging, beating):
            try:
                opcode, payload = raw.frame()
                pings += opcode == PING
                if opcode == PING and raw is ponging:
                    raw.send(masked(PONG, payload))
            except TimeoutError:
                pass
        beating.send(masked(TEXT, b"{}"))
    assert pings >= 2
    assert silent.close_code()[0] == 4008
    for raw in (ponging, beating):
        raw.socket.settimeout(5)
        raw.tell({"id": 9, "conversations": {}})
        while not any(value.get("id") == 9 for value in raw.objects()):
            pass
    assert metric(server, "gateway_silent_total") == 1
    for raw in (silent, ponging, beating):
        raw.socket.close()


@scenario("--ping-interval-ms", "500")
def a_stall_of_the_server_is_nobodys_silence(server):
    """A process that stood still has not read what came meanwhile: it asks once more."""
    async def run():
        clients = [await Client.login(server, f"user-{i}") for i in range(5)]
        server.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2)
        server.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(1.5)
        for client in clients:
            await client.call("contacts")
            await client.lose()
    asyncio.run(run())
    assert metric(server, "gateway_silent_total") == 0


# --- slow readers ------------------------------------------------------------------------------

async def talk(server, count, size, at_once=50):
    """`count` messages to rob, who may not read. Answers the conversation."""
    client = await Client.login(server, "tom")
    conversation = None
    for start in range(0, count, at_once):
        replies = await asyncio.gather(*(
            client.send(user="rob", client_id=f"m{i}", text=f"{i} ".ljust(size, "x"))
            for i in range(start, min(start + at_once, count))))
        conversation = replies[0]["conversation"]
    await client.close()
    return conversation


NO_RATES = ("--send-rate", "off", "--request-rate", "off", "--connect-rate", "off",
            "--spam-filter-off")


@scenario(*NO_RATES)
def slow_reader(server):
    """Who does not read goes back to catching up, and gets everything once, in order."""
    count = 4000
    raw = Raw(server, receive_buffer=4096, timeout=20)
    raw.login(server, "rob")
    asyncio.run(talk(server, count, 500))
    assert metric(server, "engine_slow_consumers_total") >= 1
    assert metric(server, "gateway_blocked_total") >= 1
    assert metric(server, "gateway_output_bytes") < 4 << 20
    seen = []
    while len(seen) < count:
        seen += [value["message"]["seq"] for value in raw.objects() if "message" in value]
    assert seen == list(range(1, count + 1)), "lost, doubled or out of order"
    raw.socket.close()
    eventually("nothing waits any more", lambda: metric(server, "gateway_output_bytes") == 0)


@scenario("--max-output-bytes", "1000000", *NO_RATES)
def output_bound(server):
    """What waits for one connection is bounded: who asks and does not read is cut."""
    conversation = asyncio.run(talk(server, 20, 40000, at_once=1))
    raw = Raw(server, receive_buffer=4096, timeout=20)
    raw.login(server, "rob")
    for i in range(2, 40):
        raw.tell({"id": i, "history": {"conversation": conversation, "limit": 20}})
    eventually("it is cut", lambda: metric(server, "gateway_output_overflows_total") == 1)
    assert raw.is_closed()
    eventually("what waited is given back", lambda: metric(server, "gateway_output_bytes") == 0)

    async def come_back():
        client = await Client.login(server, "rob")
        page = await client.call("history", conversation=conversation, limit=20)
        assert [message["seq"] for message in page["messages"]] == list(range(1, 21))
        await client.close()

    asyncio.run(come_back())


# --- limits of the machine ----------------------------------------------------------------------

def cpu_seconds(server):
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@scenario(*NO_RATES)
def out_of_files(server):
    """No files left: accepting pauses, nothing spins, and goes on when there are some again."""
    used = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    limit = used + 20
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
    raws = [Raw(server) for _ in range(40)]
    served = raws[:15]
    for i, raw in enumerate(served):
        raw.login(server, f"user-{i}")
    time.sleep(0.5)
    began = cpu_seconds(server)
    time.sleep(1.5)
    assert cpu_seconds(server) - began < 0.3, "it spins"
    served[0].tell({"id": 5, "conversations": {}})
    while not any(value.get("id") == 5 for value in served[0].objects()):
        pass
    for raw in raws[:30]:
        raw.socket.close()
    raws[-1].login(server, "late")
    assert metric(server, "gateway_accept_pauses_total") >= 1
    for raw in raws:
        raw.socket.close()
    eventually("all are gone", lambda: metric(server, "gateway_connections") == 1)


@scenario("--max-connections", "10")
def connection_limit(server):
    raws = [Raw(server) for _ in range(12)]
    for raw in raws[:10]:
        assert raw.upgrade()[0] == 101
    raws[11].socket.settimeout(0.5)
    try:
        raws[11].upgrade()
        raise AssertionError("served beyond the limit")
    except TimeoutError:
        pass
    raws[0].socket.close()
    raws[1].socket.close()
    raws[11].socket.settimeout(5)
    assert raws[11].response()[0] == 101
    for raw in raws:
        raw.socket.close()


# --- draining ----------------------------------------------------------------------------------

@scenario("--drain-ms", "1000", "--threads", "2", *NO_RATES)
def draining(server):
    raws = [Raw(server).login(server, f"user-{i}") for i in range(40)]
    health = Raw(server)
    assert health.ask("GET", "/readyz")[0] == 200
    began = time.monotonic()
    server.process.terminate()
    eventually("it is not ready", lambda: health.ask("GET", "/readyz")[0] == 503, 1)
    assert Raw(server).ask("GET", "/readyz")[0] == 503, "a health check connects anew"
    assert Raw(server).ask("GET", "/healthz")[0] == 200
    status, headers = Raw(server).upgrade()[:2]
    assert status == 503 and "retry-after" in headers, (status, headers)
    ends = []
    for raw in raws:
        assert raw.close_code() == (4001, "1000")
        raw.send(masked(CLOSE, struct.pack(">H", 4001)))
    for raw in raws:
        assert raw.is_closed()
    ends.append(time.monotonic() - began)
    assert server.process.wait(10) == 0
    assert 0.5 < ends[-1] < 2.5, ends


@scenario("--drain-ms", "30000")
def second_signal(server):
    raw = Raw(server).login(server, "ann")
    server.process.terminate()
    time.sleep(0.3)
    server.process.terminate()
    assert server.process.wait(10) == 0
    assert raw.is_closed()


# --- TLS ---------------------------------------------------------------------------------------

def tls():
    with tempfile.TemporaryDirectory() as folder:
        cert, key = f"{folder}/cert", f"{folder}/key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", key, "-out", cert], check=True, capture_output=True)
        with Server("--tls-cert", cert, "--tls-key", key) as server:
            asyncio.run(chat_over_tls(server, cert))


async def chat_over_tls(server, cert):
    context = ssl.create_default_context(cafile=cert)
    url = f"wss://localhost:{server.port}/v1/ws"
    sockets = [await websockets.connect(url, ssl=context, host="127.0.0.1",
                                       server_hostname="localhost") for _ in range(10)]
    for i, one in enumerate(sockets):
        await one.send(json.dumps({"id": 1, "connect": {"token": server.token(f"u{i}"),
                                                         "device": "d"}}))
        assert "connect" in json.loads((await one.recv()).split("\n")[0])
    await sockets[0].send(json.dumps({"id": 2, "send": {"user": "u1", "client_id": "1",
                                                        "text": "x" * 60000}}))
    received = ""
    while '"text":"' + "x" * 60000 not in received:
        received = await asyncio.wait_for(sockets[1].recv(), 5)
    for one in sockets:
        await one.close()


def broken_tls():
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cert", "key"):
            with open(f"{folder}/{name}", "w", encoding="ascii") as file:
                file.write("nothing")
        result = subprocess.run(
            [sys.argv[1], "--listen", "127.0.0.1:0", "--tls-cert", f"{folder}/cert", "--tls-key",
             f"{folder}/key"], capture_output=True, text=True, timeout=20, check=False)
        assert result.returncode == 1 and "gateway can't be opened" in result.stderr, result


# --- ports ---------------------------------------------------------------------------------------

def taken_port():
    """Two servers share a port only if both say so."""
    with Server() as server:
        listen = f"127.0.0.1:{server.port}"
        result = subprocess.run([sys.argv[1], "--listen", listen], capture_output=True, text=True,
                                timeout=20, check=False)
        assert result.returncode == 1 and "can't be opened" in result.stderr, result
        with Server("--listen", listen, "--share-port") as other:
            assert other.port == server.port
            assert sum(status(server) == 200 for _ in range(20)) == 20


# --- settings ----------------------------------------------------------------------------------

def settings():
    def run(*arguments):
        return subprocess.run([sys.argv[1], *arguments], capture_output=True, text=True,
                              timeout=20, check=False)

    for arguments, expected in [
            (["--listen", "nowhere"], "not an address and port"),
            (["--listen", "127.0.0.1:70000"], "not an address and port"),
            (["--threads", "many"], "makes no sense"),
            (["--send-rate", "fast"], "not a rate"),
            (["--log-level", "loud"], "no such log level"),
            (["--jwt-secret-file", "/nonexistent"], "/nonexistent"),
            (["--nonsense"], "nonsense"),
    ]:
        result = run(*arguments)
        assert result.returncode != 0 and expected in result.stderr, (arguments, result)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/config"
        for text, expected in [("threads = many", "config:1"), ("x = 1", "no such setting"),
                               ("[other]\nthreads = 1", "config:2"), ("nonsense", "config:1")]:
            with open(path, "w", encoding="utf8") as file:
                file.write(text + "\n")
            result = run("--config", path)
            assert result.returncode != 0 and expected in result.stderr, (text, result)
        with open(path, "w", encoding="utf8") as file:
            file.write("[chatcored]\n# a comment\nping-interval-ms = 1234\ndev = yes\n"
                       "listen = 127.0.0.1:1\n")
        with Server("--config", path) as server:  # the command line's --listen wins
            with Raw(server) as raw:
                assert raw.ask("GET", "/")[0] == 200
                assert raw.upgrade()[0] == 101
                raw.tell({"id": 1, "connect": {"token": server.token("ann"), "device": "d"}})
                assert raw.objects()[0]["connect"]["ping_interval_ms"] == 1234


ALONE = [tls, broken_tls, taken_port, settings]


if __name__ == "__main__":
    sys.exit(run_cases(SCENARIOS + ALONE, sys.argv[2:]))
