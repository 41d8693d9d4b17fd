"""Media from outside: signed URLs used as clients use them, and as attackers would.

    media_test.py CHATCORED [CHATCORE_IMAGE]
"""
import asyncio
import base64
import concurrent.futures
import functools
import hashlib
import http.client
import json
import os
import socket
import struct
import sys
import time
import traceback
import urllib.parse
import zlib

from harness import Client, Server, refused

IMAGE_PROGRAM = sys.argv[2] if len(sys.argv) > 2 else ""
OPTIONS = ["--spam-filter-off", "--no-sync", "--drain-ms", "1"] + \
    (["--image-program", IMAGE_PROGRAM] if IMAGE_PROGRAM else [])


# --- a client of HTTP ---------------------------------------------------------------------------

def exchange(server, method, url, body=None, headers=None):
    """One request on a connection of its own. Answers status, headers in small letters, body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(method, url, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


async def http_do(server, method, url, body=None, headers=None):
    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return await loop.run_in_executor(
            pool, functools.partial(exchange, server, method, url, body, headers))


async def grant(client, data, name="file.bin", kind="application/octet-stream", **fields):
    return await client.call("upload", name=name, type=kind, bytes=len(data), **fields)


async def put(server, granted, data, **changes):
    headers = {**granted["headers"], **changes}
    return await http_do(server, granted["method"], granted["url"], data, headers)


async def upload(server, client, data, **fields):
    granted = await grant(client, data, **fields)
    status, _, text = await put(server, granted, data)
    assert status == 201, (status, text)
    assert json.loads(text)["media"] == granted["media"]
    return granted["media"]


async def download(server, client, media, **headers):
    signed = await client.call("media", media=media)
    return await http_do(server, "GET", signed["url"], headers=headers)


async def users(server, *names):
    return [await Client.login(server, name) for name in names]


async def close(*clients):
    for client in clients:
        await client.close()


def files_of(server):
    """All files below the folder of media but the key."""
    top = os.path.join(server.directory, "data", "media")
    return sorted(os.path.relpath(os.path.join(folder, name), top)
                  for folder, _, names in os.walk(top) for name in names if name != "key")


def png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + \
            struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes((x + y) % 256 for x in range(width) for _ in "rgb")
                    for y in range(height))
    return b"\x89PNG\r\n\x1a\n" + \
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + \
        chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# --- as clients do ------------------------------------------------------------------------------

async def an_object_goes_from_one_to_the_other(server):
    alice, bob = await users(server, "alice", "bob")
    data = os.urandom(300_000)
    media = await upload(server, alice, data, name="räum.bin",
                         sha256=hashlib.sha256(data).hexdigest())
    await alice.send(user="bob", text="look", media=[media])
    message = await bob.take("message")
    assert message["kind"] == "media" and message["media"] == [media]
    assert message["files"] == [{"media": media, "type": "application/octet-stream",
                                 "bytes": len(data), "name": "räum.bin"}], message
    status, headers, body = await download(server, bob, media)
    assert status == 200 and body == data
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''r%C3%A4um.bin"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].endswith("sandbox")
    assert headers["cache-control"].startswith("private, max-age=")
    assert headers["cache-control"].endswith(", immutable")
    history = await bob.call("history", conversation=message["conversation"])
    assert history["messages"][-1]["files"] == message["files"]
    await close(alice, bob)


async def parts_and_conditions(server):
    alice, bob = await users(server, "alice", "bob")
    data = os.urandom(200_000)
    media = await upload(server, alice, data, kind="video/mp4", name="film.mp4")
    await alice.send(user="bob", media=[media])
    url = (await bob.call("media", media=media))["url"]
    assert url == (await alice.call("media", media=media))["url"], "caches know one URL"
    _, headers, _ = await http_do(server, "GET", url)
    etag = headers["etag"]
    assert headers["content-type"] == "video/mp4"
    assert headers["content-disposition"].startswith("inline")
    for text, wanted in (("bytes=0-0", data[:1]), ("bytes=5-99999", data[5:100_000]),
                         ("bytes=150000-", data[150_000:]), ("bytes=-7", data[-7:]),
                         ("bytes=199999-900000", data[199_999:])):
        status, headers, body = await http_do(server, "GET", url, headers={"Range": text})
        assert status == 206 and body == wanted, (text, status)
        assert headers["content-range"].endswith("/200000")
    for text in ("bytes=200000-", "bytes=-0"):
        status, headers, _ = await http_do(server, "GET", url, headers={"Range": text})
        assert status == 416 and headers["content-range"] == "bytes */200000", (text, status)
    for text in ("bytes=9-3", "bytes=0-1,5-6", "pages=1-2", "bytes=x-", "bytes=", "bytes=1"):
        status, _, body = await http_do(server, "GET", url, headers={"Range": text})
        assert status == 200 and body == data, (text, status)
    status, headers, body = await http_do(server, "GET", url, headers={"If-None-Match": etag})
    assert status == 304 and body == b"" and headers["etag"] == etag
    status, _, _ = await http_do(server, "GET", url, headers={"If-None-Match": '"other"'})
    assert status == 200
    for tag, wanted in ((etag, 206), ('"other"', 200)):
        status, _, _ = await http_do(server, "GET", url,
                                     headers={"Range": "bytes=1-2", "If-Range": tag})
        assert status == wanted
    status, headers, body = await http_do(server, "HEAD", url)
    assert status == 200 and body == b"" and headers["content-length"] == "200000"
    await close(alice, bob)


async def one_connection_serves_many_requests(server):
    alice, = await users(server, "alice")
    data = os.urandom(100_000)
    await alice.call("create", kind="group", conversation="keep", name="", members=[])
    media = await upload(server, alice, data)
    await alice.send("keep", media=[media])
    url = (await alice.call("media", media=media))["url"]
    granted = await grant(alice, data)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    for _ in range(3):
        connection.request("GET", url)
        assert connection.getresponse().read() == data
    connection.request("PUT", granted["url"], data, granted["headers"])
    answer = connection.getresponse()
    assert answer.status == 201 and answer.read()
    connection.request("GET", "/healthz")
    assert connection.getresponse().read() == b"alive\n"
    connection.close()
    await close(alice)


async def an_image_has_a_size_and_a_thumbnail(server):
    if not IMAGE_PROGRAM:
        return
    alice, bob = await users(server, "alice", "bob")
    data = png(640, 400)
    granted = await grant(alice, data, name="cat.png", kind="image/png")
    status, _, text = await put(server, granted, data)
    assert status == 201 and json.loads(text)["width"] == 640, (status, text)
    media = granted["media"]
    await alice.send(user="bob", media=[media])
    message = await bob.take("message", kind="media")
    described, = message["files"]
    assert (described["width"], described["height"]) == (640, 400)
    status, headers, body = await download(server, bob, described["thumbnail"])
    assert status == 200 and headers["content-type"] == "image/jpeg"
    assert body[:2] == b"\xff\xd8" and 500 < len(body) < 60_000
    status, headers, _ = await download(server, bob, media)
    assert headers["content-disposition"].startswith("inline")
    # a thumbnail is not an upload of its own
    await refused(alice.send(user="bob", media=[described["thumbnail"]]), "not_found")
    # what only says that it is an image, or is far too large, is a plain file
    for lie in (b"GIF89a" + os.urandom(500), os.urandom(500), bomb()):
        granted = await grant(alice, lie, name="x.png", kind="image/png")
        status, _, text = await put(server, granted, lie)
        assert status == 201 and "width" not in json.loads(text), text
    await close(alice, bob)


def bomb():
    """A small file that says it has 40,000 by 40,000 pixels."""
    small = png(8, 8)
    head = b"IHDR" + struct.pack(">IIBBBBB", 40000, 40000, 8, 2, 0, 0, 0)
    return small[:12] + head + struct.pack(">I", zlib.crc32(head)) + small[33:]


async def a_page_is_no_page_here(server):
    alice, bob = await users(server, "alice", "bob")
    for kind in ("text/html", "image/svg+xml", "application/xhtml+xml", "text/xml"):
        media = await upload(server, alice, b"<script>alert(1)</script>", kind=kind,
                             name="a\"b;.html")
        await alice.send(user="bob", media=[media])
        _, headers, _ = await download(server, bob, media)
        assert headers["content-disposition"] == "attachment; filename*=UTF-8''a%22b%3B.html"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    for name, kind in (("a\nb", "text/plain"), ("a", "text/plain\r\nX: y"), ("a", "text"),
                       ("a", "/plain"), ("a", "text/"), ("a", "text/plain,x"), ("a", "")):
        await refused(alice.call("upload", name=name, type=kind, bytes=1), "bad_request")
    await close(alice, bob)


async def pages_of_other_hosts(server):
    alice, = await users(server, "alice")
    granted = await grant(alice, b"x")
    own = {"Origin": f"http://127.0.0.1:{server.port}", "Access-Control-Request-Method": "PUT"}
    status, headers, _ = await http_do(server, "OPTIONS", granted["url"], headers=own)
    assert status == 204 and headers["access-control-allow-origin"] == own["Origin"]
    assert "PUT" in headers["access-control-allow-methods"]
    other = {**own, "Origin": "https://evil.example"}
    status, headers, _ = await http_do(server, "OPTIONS", granted["url"], headers=other)
    assert "access-control-allow-origin" not in headers and headers["vary"] == "Origin"
    await close(alice)


# --- as attackers do ----------------------------------------------------------------------------

async def what_was_not_promised_is_refused(server):
    alice, = await users(server, "alice")
    data = os.urandom(10_000)
    right = hashlib.sha256(data).hexdigest()
    before = files_of(server)
    for body, changes, sha256, wanted in (
            (data + b"x", {}, None, 413),
            (data[:-1], {}, None, 400),
            (b"", {}, None, 400),
            (data, {"content-type": "text/html"}, None, 415),
            (data[:-1] + b"x" if data[-1:] != b"x" else data[:-1] + b"y", {}, right, 422)):
        granted = await grant(alice, data, **({"sha256": sha256} if sha256 else {}))
        status, _, text = await put(server, granted, body, **changes)
        assert status == wanted, (status, wanted, text)
        await refused(alice.send(user="bob", media=[granted["media"]]), "not_found")
    assert files_of(server) == before, "nothing is left of what was refused"
    # the same URL may be used again until it has worked; then the object never changes
    granted = await grant(alice, data, sha256=right)
    assert (await put(server, granted, b"y" * 10_000))[0] == 422
    assert (await put(server, granted, data))[0] == 201
    assert (await put(server, granted, data))[0] == 409
    await close(alice)


def resigned(url, **changes):
    """The ticket with other contents under the old signature."""
    path, _, ticket = url.partition("?")
    text, _, mac = ticket.partition(".")
    plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    for old, new in changes.items():
        plain = plain.replace(old, new)
    forged = base64.urlsafe_b64encode(plain.encode()).rstrip(b"=").decode()
    return f"{path}?{forged}.{mac}"


async def what_is_not_signed_is_refused(server):
    alice, bob = await users(server, "alice", "bob")
    data = b"a" * 100
    media = await upload(server, alice, data)
    await alice.send(user="bob", media=[media])
    url = (await bob.call("media", media=media))["url"]
    granted = await grant(alice, data)
    path, _, ticket = granted["url"].partition("?")
    prefix = path[:-36]
    other = (await grant(bob, data))["media"]
    forged = [path, f"{path}?", f"{path}?x", f"{path}?.", f"{path}?{ticket[:-1]}",
              f"{path}?x{ticket}", f"{path}?{ticket}x", f"{path}?{ticket}.{ticket}",
              f"{path}?{'A' * 1500}",
              f"{prefix}{other}?{ticket}", resigned(granted["url"], alice="mallory"),
              resigned(granted["url"], **{"100": "900"})]
    for target in forged:
        status, _, _ = await http_do(server, "PUT", target, data, granted["headers"])
        assert status == 403, (status, target)
    for target in (url.partition("?")[0], f"{prefix}{media}?{ticket}", granted["url"],
                   resigned(url, GET="PUT")):
        assert (await http_do(server, "GET", target))[0] == 403, target
    assert (await http_do(server, "PUT", url, data, granted["headers"]))[0] == 403
    for method in ("POST", "DELETE", "PATCH"):
        status, _, _ = await http_do(server, method, granted["url"], b"", {"Content-Length": "0"})
        assert status == 405, (method, status)
    await close(alice, bob)


async def bodies_without_a_length(server):
    alice, = await users(server, "alice")
    granted = await grant(alice, b"x" * 10)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as stream:
        stream.sendall((f"PUT {granted['url']} HTTP/1.1\r\nHost: h\r\n"
                        "Transfer-Encoding: chunked\r\n"
                        "Content-Type: application/octet-stream\r\n\r\n"
                        "a\r\nxxxxxxxxxx\r\n0\r\n\r\n").encode())
        answer = b""
        try:
            while part := stream.recv(65536):
                answer += part
        except ConnectionError:
            pass
    assert answer.startswith(b"HTTP/1.1 411 "), answer
    await refused(alice.send(user="bob", media=[granted["media"]]), "not_found")
    await close(alice)


async def who_waits_to_be_invited_is(server):
    alice, = await users(server, "alice")
    for size, wanted in ((10, "100"), (11, "413")):
        granted = await grant(alice, b"x" * 10)
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as stream:
            stream.sendall((f"PUT {granted['url']} HTTP/1.1\r\nHost: h\r\nContent-Length: {size}"
                            "\r\nContent-Type: application/octet-stream\r\n"
                            "Expect: 100-continue\r\n\r\n").encode())
            assert stream.recv(12).decode() == f"HTTP/1.1 {wanted}"
            if wanted == "100":
                stream.recv(100)
                stream.sendall(b"x" * 10)
                assert stream.recv(12) == b"HTTP/1.1 201"
    await close(alice)


async def others_do_not_get_it(server):
    alice, bob, carol, dave = await users(server, "alice", "bob", "carol", "dave")
    await alice.call("create", kind="group", conversation="g", name="", members=["bob"])
    media = await upload(server, alice, b"secret")
    await refused(bob.call("media", media=media), "not_found")
    await refused(alice.call("media", media=media), "not_found")  # it is in no conversation yet
    await refused(bob.send(user="dave", media=[media]), "not_found")  # another's, unsent
    await alice.send("g", media=[media])
    assert (await download(server, bob, media))[2] == b"secret"
    await refused(carol.call("media", media=media), "not_found")
    await refused(carol.send(user="dave", media=[media]), "not_found")
    # who joins later sees what comes later
    await alice.call("add", conversation="g", users=["carol"])
    await refused(carol.call("media", media=media), "not_found")
    later = await upload(server, alice, b"later")
    await alice.send("g", media=[later])
    assert (await download(server, carol, later))[2] == b"later"
    # who leaves, or is removed, sees nothing any more
    await bob.call("leave", conversation="g")
    await alice.call("remove", conversation="g", users=["carol"])
    for client in (bob, carol):
        await refused(client.call("media", media=later), "not_found")
    # a forward gives it to those whom it is sent to
    await alice.send(user="dave", media=[later])
    assert (await download(server, dave, later))[2] == b"later"
    await refused(bob.call("media", media=later), "not_found")
    for nonsense in ("m-1", media[:-1] + "zz"[:1], "0" * 36, media.upper()[:36] + ""):
        if nonsense.lower() != media:
            await refused(dave.call("media", media=nonsense), "not_found")
    await close(alice, bob, carol, dave)


async def what_is_deleted_is_gone(server):
    alice, bob = await users(server, "alice", "bob")
    await alice.call("create", kind="group", conversation="d", name="", members=["bob"])
    media = await upload(server, alice, b"regretted")
    sent = await alice.send("d", media=[media])
    assert (await download(server, bob, media))[0] == 200
    await alice.call("delete", conversation="d", message=sent["message"])
    push = await bob.take("message", kind="delete")
    assert push["media"] == [media]
    await refused(bob.call("media", media=media), "not_found")
    await refused(bob.send("d", media=[media]), "not_found")
    await close(alice, bob)


async def limits_hold(server):
    alice, bob = await users(server, "alice", "bob")
    await refused(alice.call("upload", name="a", type="a/b", bytes=3_000_001), "too_large")
    await refused(alice.call("upload", name="a", type="a/b", bytes=0), "bad_request")
    big = [await alice.call("upload", name="a", type="a/b", bytes=2_900_000) for _ in range(2)]
    await refused(alice.call("upload", name="a", type="a/b", bytes=2_900_000), "rate_limited")
    await bob.call("upload", name="a", type="a/b", bytes=2_900_000)  # each has his own
    data = bytes(2_900_000)
    assert (await put(server, big[0], data))[0] == 201
    await alice.send(user="bob", media=[big[0]["media"]])
    await alice.call("upload", name="a", type="a/b", bytes=2_900_000)  # there is room again
    await refused(alice.send(user="bob", media=[big[1]["media"]]), "not_found")
    await close(alice, bob)


# --- crashes ------------------------------------------------------------------------------------

async def a_restart_keeps_objects_and_urls(server):
    alice, bob = await users(server, "alice", "bob")
    media = await upload(server, alice, b"kept")
    await alice.send(user="bob", media=[media])
    url = (await bob.call("media", media=media))["url"]
    unsent = await upload(server, alice, b"unsent")
    granted = await grant(alice, b"granted")
    server.kill()
    server.start()
    alice, bob = await users(server, "alice", "bob")
    assert (await http_do(server, "GET", url))[2] == b"kept"
    assert (await download(server, bob, media))[2] == b"kept"
    assert (await put(server, granted, b"granted"))[0] == 201
    await alice.send(user="bob", media=[unsent, granted["media"]])
    assert (await download(server, bob, unsent))[2] == b"unsent"
    await close(alice, bob)


async def a_kill_during_an_upload_leaves_no_object(server):
    alice, = await users(server, "alice")
    data = os.urandom(500_000)
    granted = await grant(alice, data)
    stream = half_put(server, granted, data)
    await until(lambda: any(name.startswith("tmp") for name in files_of(server)))
    before = [name for name in files_of(server) if not name.startswith("tmp")]
    server.kill()
    stream.close()
    server.start()
    assert files_of(server) == before, "what was cut off is gone"
    alice, = await users(server, "alice")
    await refused(alice.send(user="bob", media=[granted["media"]]), "not_found")
    assert (await put(server, granted, data))[0] == 201
    await alice.send(user="bob", media=[granted["media"]])
    await close(alice)


def half_put(server, granted, data):
    target = urllib.parse.urlsplit(granted["url"])
    stream = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    stream.sendall(f"PUT {target.path}?{target.query} HTTP/1.1\r\nHost: h\r\n"
                   f"Content-Type: application/octet-stream\r\nContent-Length: {len(data)}\r\n\r\n"
                   .encode() + data[:len(data) // 2])
    return stream


async def a_cut_connection_leaves_nothing(server):
    alice, = await users(server, "alice")
    data = os.urandom(500_000)
    granted = await grant(alice, data)
    before = files_of(server)
    half_put(server, granted, data).close()
    await until(lambda: files_of(server) == before)
    assert (await put(server, granted, data))[0] == 201
    await close(alice)


def memory_kib(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


async def slow_readers_cost_little(server):
    """Twenty clients that ask for 8 MB and do not read: far less than that is in memory."""
    alice, = await users(server, "alice")
    await alice.call("create", kind="group", conversation="keep", name="", members=[])
    data = os.urandom(8_000_000)
    media = await upload(server, alice, data)
    await alice.send("keep", media=[media])
    assert (await download(server, alice, media))[2] == data
    before = memory_kib(server)
    url = (await alice.call("media", media=media))["url"]
    streams = []
    for _ in range(20):
        stream = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        stream.sendall(f"GET {url} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        assert stream.recv(12) == b"HTTP/1.1 200"
        streams.append(stream)
    assert memory_kib(server) - before < 20_000, (before, memory_kib(server))
    for stream in streams[1:]:
        stream.close()
    rest = b""
    while len(rest.partition(b"\r\n\r\n")[2]) < len(data):
        rest += streams[0].recv(1 << 20)
    assert rest.endswith(data), "the one that read after all has it whole"
    streams[0].close()
    await close(alice)


async def who_stands_still_is_cut(server):
    alice, = await users(server, "alice")
    await alice.call("create", kind="group", conversation="keep", name="", members=[])
    data = os.urandom(30_000_000)
    media = await upload(server, alice, data)
    await alice.send("keep", media=[media])
    url = (await alice.call("media", media=media))["url"]
    reader = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    reader.sendall(f"GET {url} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    before = files_of(server)
    granted = await grant(alice, data)
    writer = half_put(server, granted, data)
    await until(lambda: metric(server, "transfers") == 0 and files_of(server) == before)
    assert metric(server, "transfers_cut_total") == 2
    assert metric(server, "upload_bytes_total") == 45_000_000
    received = 0
    try:
        while part := reader.recv(1 << 20):
            received += len(part)
    except ConnectionError:
        pass
    assert received < len(data), "the reader was never cut"
    reader.close()
    writer.close()
    await close(alice)


def metric(server, name):
    text = exchange(server, "GET", "/metrics")[2].decode()
    return int(next(line for line in text.splitlines()
                    if line.startswith(f"chatcore_gateway_{name} ")).split()[1])


async def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.05)


async def urls_begin_as_set(server):
    alice, = await users(server, "alice")
    await alice.call("create", kind="group", conversation="keep", name="", members=[])
    granted = await grant(alice, b"x")
    assert granted["url"].startswith("https://chat.example.org/v1/objects/")
    path = granted["url"][len("https://chat.example.org"):]
    status, _, _ = await http_do(server, "PUT", path, b"x", granted["headers"])
    assert status == 201
    await alice.send("keep", media=[granted["media"]])
    url = (await alice.call("media", media=granted["media"]))["url"]
    assert url.startswith("https://cdn.example.org/v1/objects/")
    status, headers, body = await http_do(server, "GET", url[len("https://cdn.example.org"):])
    assert (status, body) == (200, b"x") and headers["cache-control"].startswith("public")
    await close(alice)


async def without_media(server):
    alice, = await users(server, "alice")
    await refused(grant(alice, b"x"), "unavailable")
    await refused(alice.call("media", media="x"), "unavailable")
    assert (await http_do(server, "GET", "/v1/objects/x"))[0] == 404
    await close(alice)


COMMON = [
    an_object_goes_from_one_to_the_other, parts_and_conditions,
    one_connection_serves_many_requests, an_image_has_a_size_and_a_thumbnail,
    a_page_is_no_page_here, pages_of_other_hosts, what_was_not_promised_is_refused,
    what_is_not_signed_is_refused, bodies_without_a_length,
    who_waits_to_be_invited_is,
    others_do_not_get_it, what_is_deleted_is_gone, a_cut_connection_leaves_nothing,
    slow_readers_cost_little, a_restart_keeps_objects_and_urls,
    a_kill_during_an_upload_leaves_no_object,
]


SPECIAL = [
    (limits_hold, OPTIONS + ["--max-media-bytes", "3000000", "--max-unsent-bytes", "6000000"]),
    (who_stands_still_is_cut, OPTIONS + ["--media-stall-ms", "700"]),
    (urls_begin_as_set, OPTIONS + ["--public-url", "https://chat.example.org", "--media-cdn",
                                   "https://cdn.example.org"]),
    (without_media, OPTIONS + ["--media-off"]),
]


def run(case, options):
    began = time.monotonic()
    try:
        with Server(*options) as server:
            asyncio.run(case(server))
    except Exception:  # a case may fail in any way; the others go on
        print(f"FAIL {case.__name__}\n{traceback.format_exc()}", flush=True)
        return False
    print(f"ok   {case.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
    return True


def main():
    only = os.environ.get("ONLY", "")
    todo = [(case, OPTIONS) for case in COMMON] + SPECIAL
    wanted = [one for one in todo if only in one[0].__name__]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:  # they mostly wait
        results = list(pool.map(lambda one: run(*one), wanted))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
