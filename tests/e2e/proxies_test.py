#!/usr/bin/python3
"""The packaged configurations of nginx and HAProxy, run by the real ones in front of two servers:
TLS, HTTP/2 for REST, WebSockets, uploads, and a server that drains: nobody is refused, and who is
sent elsewhere gets there.

    proxies_test.py CHATCORED SOURCE
"""
import asyncio
import hashlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time

import websockets

from harness import Client, JSON, Server, free_port

SOURCE = sys.argv[2]
OBJECT = os.urandom(2 << 20)


class Missing(Exception):
    pass


def run(*command, **options):
    return subprocess.run(command, capture_output=True, check=True, timeout=30, **options).stdout


def packaged(name, replaced):
    with open(f"{SOURCE}/packaging/proxies/{name}", encoding="utf8") as file:
        text = file.read()
    for old, new in replaced.items():
        assert old in text, f"{name} has no {old!r} any more"
        text = text.replace(old, new)
    return text


class Proxy:
    """A proxy before two servers, on a port of its own, with a certificate of its own."""

    def __init__(self, program):
        self.program = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")
        if not self.program:
            raise Missing(f"{program} is not installed")
        if not shutil.which("curl"):
            raise Missing("curl is not installed")
        self.folder = tempfile.mkdtemp(prefix="chatcore-proxy-")
        self.port = free_port()
        options = ("--drain-ms", "1000", "--trusted-proxies", "127.0.0.1", "--public-url",
                   f"https://127.0.0.1:{self.port}", *self.settings())
        self.servers = [Server(*options), Server(*options)]

    def __enter__(self):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", f"{self.folder}/tls.key", "-out", f"{self.folder}/tls.cert",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
        for server in self.servers:
            server.secret = self.servers[0].secret
            with open(server.secret_path, "w", encoding="ascii") as file:
                file.write(server.secret)
            server.start()
        self.output = open(f"{self.folder}/output", "wb")
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(self.command(), stdout=self.output, stderr=self.output)
        self.wait()
        return self

    def __exit__(self, kind, value, trace):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=10)
        self.output.close()
        if kind is not None:
            with open(f"{self.folder}/output", encoding="utf8", errors="replace") as file:
                print(file.read()[-2000:])
        for server in self.servers:
            if server.process.poll() is None:
                assert server.stop() == 0, server.trace()
            shutil.rmtree(server.directory, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def settings(self):
        """More of the servers'."""
        return ()

    def command(self):
        raise NotImplementedError

    def wait(self):
        deadline = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < deadline:
            if self.curl("/readyz", check=False)[0] == "200":
                return
            time.sleep(0.05)
        with open(f"{self.folder}/output", encoding="utf8", errors="replace") as file:
            raise AssertionError(f"the proxy does not begin: {file.read()[-2000:]}")

    def curl(self, path, *options, check=True):
        """The status, the version of HTTP, and the body."""
        address = path if path.startswith("https:") else f"https://127.0.0.1:{self.port}{path}"
        done = subprocess.run(
            ["curl", "-s", "--cacert", f"{self.folder}/tls.cert", "--max-time", "10",
             "-w", "\n%{http_code} %{http_version}", *options, address], capture_output=True, text=True, check=check, timeout=20)
        body, _, last = done.stdout.rpartition("\n")
        return (*(last or "000 0").split(), body)

    def ask(self, path, *options):
        return self.curl(path, "-H", f"Authorization: Bearer {self.servers[0].token('alice')}",
                         *options)

    async def login(self, user):
        trust = ssl.create_default_context(cafile=f"{self.folder}/tls.cert")
        connection = await websockets.connect(
            f"wss://127.0.0.1:{self.port}/v1/ws", subprotocols=[JSON], ssl=trust,
            ping_interval=None)
        client = Client(connection)
        await client.call("connect", token=self.servers[0].token(user), device="phone")
        return client


class Nginx(Proxy):
    over_http2 = "not announced"  # so browsers open a connection with HTTP/1.1 for it

    def __init__(self):
        super().__init__("nginx")

    def command(self):
        first, second = (server.port for server in self.servers)
        site = packaged("nginx.conf", {
            "server 127.0.0.1:8080": f"server 127.0.0.1:{first}",
            "#server 127.0.0.1:8081": f"server 127.0.0.1:{second}",
            "listen 443": f"listen 127.0.0.1:{self.port}",
            "/etc/chatcore": self.folder,
        })
        paths = "".join(f"{name}_temp_path {self.folder}/{name};" for name in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(f"{self.folder}/nginx.conf", "w", encoding="utf8") as file:
            file.write(f"daemon off; pid {self.folder}/pid; error_log stderr;\n"
                       f"events {{}}\nhttp {{ access_log off; {paths}\n{site}\n}}\n")
        return [self.program, "-e", "stderr", "-p", self.folder, "-c", f"{self.folder}/nginx.conf"]


class Haproxy(Proxy):
    over_http2 = "announced 200 chatcore.v1.json"

    def __init__(self):
        super().__init__("haproxy")

    def command(self):
        first, second = (server.port for server in self.servers)
        with open(f"{self.folder}/tls.pem", "wb") as file:
            for part in ("cert", "key"):
                with open(f"{self.folder}/tls.{part}", "rb") as half:
                    file.write(half.read())
        text = packaged("haproxy.cfg", {
            "127.0.0.1:8080": f"127.0.0.1:{first}",
            "#server chat2 127.0.0.1:8081": f"server chat2 127.0.0.1:{second}",
            "bind :443": f"bind 127.0.0.1:{self.port}",
            "/etc/chatcore": self.folder,
            "maxconn 100000": "maxconn 100",
        })
        with open(f"{self.folder}/haproxy.cfg", "w", encoding="utf8") as file:
            file.write(text)
        return [self.program, "-db", "-f", f"{self.folder}/haproxy.cfg"]


class Passing(Proxy):
    """HAProxy that passes bytes on: TLS ends at the servers, and the client's address (one that is
    not this machine's, so that it has limits) comes in front, by the PROXY protocol."""

    def __init__(self, header):
        self.header = header
        super().__init__("haproxy")

    def settings(self):
        return ("--proxy-protocol", "--max-address-connections", "2", "--tls-cert",
                f"{self.folder}/tls.cert", "--tls-key", f"{self.folder}/tls.key")

    def command(self):
        with open(f"{self.folder}/haproxy.cfg", "w", encoding="utf8") as file:
            file.write(f"""
defaults
    mode tcp
    timeout connect 2s
    timeout client 75s
    timeout server 75s
frontend chat
    bind 127.0.0.1:{self.port}
    tcp-request connection set-src str(203.0.113.7),ipmask(32)
    default_backend chatcore
backend chatcore
    option httpchk GET /readyz
    default-server check check-ssl verify none check-send-proxy inter 200ms {self.header}
    server chat1 127.0.0.1:{self.servers[0].port}
""")
        return [self.program, "-db", "-f", f"{self.folder}/haproxy.cfg"]


async def two_may_come(proxy):
    clients = [await proxy.login("alice"), await proxy.login("bob")]
    sent = await clients[0].send(user="bob", text="from behind it")
    assert (await clients[1].take("message", id=sent["message"]))["text"] == "from behind it"
    try:
        await proxy.login("carol")
    except websockets.exceptions.InvalidStatusCode as refused:
        assert refused.status_code == 503, refused
    else:
        raise AssertionError("the client's address has no limit: the proxy's is taken for it")
    for client in clients:
        await client.close()


def addresses_pass(header):
    with Passing(header) as proxy:
        assert proxy.ask("/v1/conversations")[0] == "200"
        asyncio.run(two_may_come(proxy))


def rest_is_served(proxy):
    assert proxy.ask("/v1/conversations", "--http2")[:2] == ("200", "2")
    assert proxy.ask("/v1/conversations", "--http1.1")[:2] == ("200", "1.1")
    assert proxy.curl("/v1/conversations")[0] == "401"
    assert proxy.curl("/metrics")[0] == "403"
    sent = proxy.ask("/v1/users/bob/messages", "--http2", "-d", '{"text":"hi","client_id":"1"}')
    assert sent[:2] == ("201", "2"), sent
    path = f"{proxy.folder}/large"
    with open(path, "w", encoding="ascii") as file:
        json.dump({"text": "x" * 600_000, "client_id": "2"}, file)
    assert proxy.ask("/v1/users/bob/messages", "-d", f"@{path}")[0] == "413"


def objects_pass(proxy):
    """Through the one server that is left: two servers without a cluster are two chats."""
    path = f"{proxy.folder}/object"
    with open(path, "wb") as file:
        file.write(OBJECT)
    wanted = {"name": "object", "type": "application/octet-stream", "bytes": len(OBJECT),
              "sha256": hashlib.sha256(OBJECT).hexdigest()}
    status, _, body = proxy.ask("/v1/media", "-d", json.dumps(wanted))
    assert status == "201", body
    told = json.loads(body)
    headers = [item for name, value in told.get("headers", {}).items()
               for item in ("-H", f"{name}: {value}")]
    status, version, body = proxy.curl(told["url"], "-T", path, "-X", told["method"], *headers)
    assert status in ("200", "201", "204") and version == "2", (status, version, body)


def over_http2(proxy):
    """What a browser finds that would open its WebSocket over HTTP/2."""
    node = shutil.which("node") or shutil.which("nodejs")
    if not node:
        return proxy.over_http2
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "extended_connect.mjs")
    return run(node, script, str(proxy.port), f"{proxy.folder}/tls.cert").decode().strip()


def browsers_find_their_way(proxy):
    assert over_http2(proxy) == proxy.over_http2, over_http2(proxy)


async def drain(proxy):
    """Both servers have a client; one of them goes: its client is told, and finds the other one,
    while no request fails."""
    clients = [await proxy.login("alice"), await proxy.login("bob")]
    sessions = {server.port for server in proxy.servers}
    assert len(sessions) == 2
    proxy.servers[0].process.send_signal(signal.SIGTERM)
    done, waiting = await asyncio.wait(
        [asyncio.create_task(client.socket.wait_closed()) for client in clients], timeout=10,
        return_when=asyncio.FIRST_COMPLETED)
    assert len(done) == 1 and len(waiting) == 1, "the servers had not one client each"
    for task in waiting:
        task.cancel()
    (gone,) = [client for client in clients if client.socket.closed]
    assert gone.socket.close_code == 4001, gone.socket.close_code
    again = await proxy.login("carol")
    (stays,) = [client for client in clients if client is not gone]
    sent = await stays.send(user="carol", text="are you there?")
    assert (await again.take("message", id=sent["message"]))["text"] == "are you there?"
    for client in (again, stays):
        await client.close()


def a_server_may_go(proxy):
    asyncio.run(drain(proxy))
    for _ in range(10):
        assert proxy.ask("/v1/conversations")[0] == "200"
    assert proxy.servers[0].process.wait(timeout=10) == 0


def in_front(kind):
    with kind() as proxy:
        for step in (rest_is_served, browsers_find_their_way, a_server_may_go, objects_pass):
            step(proxy)


def main():
    failed = 0
    cases = {
        "nginx_in_front": lambda: in_front(Nginx),
        "haproxy_in_front": lambda: in_front(Haproxy),
        "haproxy_passes_on_v1": lambda: addresses_pass("send-proxy"),
        "haproxy_passes_on_v2": lambda: addresses_pass("send-proxy-v2"),
    }
    for name, case in cases.items():
        try:
            case()
            print(f"ok {name}", flush=True)
        except Missing as missing:
            print(f"SKIPPED {name}: {missing}", flush=True)
        except Exception as error:  # the other one goes on
            print(f"not ok {name}: {error!r}", flush=True)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
