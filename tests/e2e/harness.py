"""What the end-to-end scripts share: a chatcored of their own, tokens, and a client on top of
Debian's `websockets`, which this project did not write.

CHATCORED (environment, or the first argument) is the program. Exit code 77 tells meson "skipped".
"""
import asyncio
import base64
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

JSON, MSGPACK = "chatcore.v1.json", "chatcore.v1.msgpack"
PATIENCE_S = 5


def skip(reason):
    print(f"SKIP: {reason}", flush=True)
    sys.exit(77)


def page_when_served(url, process, patience_s):
    """What stands there, once it is served by the process, which has to live until then."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        assert process.poll() is None, f"it has ended with {process.returncode}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, OSError):
            time.sleep(1)
    raise AssertionError(f"{url} is not served within {patience_s} s")


def free_port():
    """For programs that can't say which port they took."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


try:
    import websockets
except ImportError:
    skip("python3-websockets is not installed")
try:
    import msgpack
except ImportError:
    msgpack = None


def program():
    path = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("CHATCORED", "")
    if not path or not os.access(path, os.X_OK):
        skip("no chatcored: name it as the first argument or in CHATCORED")
    return path


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Server:
    """One chatcored on an empty data folder. `with Server() as server: …` stops it and checks that
    it ends with 0."""

    def __init__(self, *options, path=None):
        self.path = path or program()
        self.options = options
        self.directory = tempfile.mkdtemp(prefix="chatcore-e2e-")
        self.secret = os.urandom(24).hex()
        self.secret_path = os.path.join(self.directory, "secret")
        self.process = None
        with open(self.secret_path, "w", encoding="ascii") as file:
            file.write(self.secret)

    def start(self):
        log = open(os.path.join(self.directory, "stderr"), "a", encoding="utf8")
        self.process = subprocess.Popen(
            [self.path, "--data", os.path.join(self.directory, "data"), "--listen", "127.0.0.1:0",
             "--jwt-secret-file", self.secret_path, *self.options],
            stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        line = self.process.stdout.readline()
        while line and "ready" not in line:
            line = self.process.stdout.readline()
        if "127.0.0.1:" not in line:
            raise AssertionError(f"chatcored did not get ready: {line!r}\n{self.trace()}")
        digits = line.split("127.0.0.1:")[1]
        self.port = int("".join(c if c.isdigit() else " " for c in digits).split()[0])
        return self

    def trace(self):
        with open(os.path.join(self.directory, "stderr"), encoding="utf8", errors="replace") as log:
            return log.read()[-4000:]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        running = self.process.poll() is None
        status = self.stop() if running else self.process.returncode
        failure = f"chatcored ended with {status}\n{self.trace()}" if status != 0 else None
        shutil.rmtree(self.directory, ignore_errors=True)
        if failure and kind is None:
            raise AssertionError(failure)
        if kind is not None and not running:
            print(f"chatcored had ended with {status}\n{failure}")

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}/v1/ws"

    def token(self, user, life_s=3600, algorithm="HS256", secret=None, **claims):
        head = base64url(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
        body = base64url(json.dumps({"sub": user, "exp": int(time.time()) + life_s,
                                     **claims}).encode())
        signed = f"{head}.{body}"
        mac = hmac.new((secret or self.secret).encode(), signed.encode(), hashlib.sha256).digest()
        return signed + "." + (base64url(mac) if algorithm == "HS256" else "")


class Refused(Exception):
    """An error reply."""

    def __init__(self, error):
        super().__init__(f"{error.get('code')} {error.get('name')}: {error.get('message')}")
        self.code = error.get("code")
        self.name = error.get("name")
        self.error = error


def plain(value):
    """MessagePack's 16-byte ids as the text that JSON has, so that scenarios read the same."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, bytes) and len(value) == 16:
        text = value.hex()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    return value


def packed(value):
    """The other way: fields that hold a message's id are 16 bytes in MessagePack."""
    return {key: bytes.fromhex(item.replace("-", "")) if key in ("message", "reply_to") else item
            for key, item in value.items()}


class Client:
    """One connection. Replies go to whoever called; pushes wait in `pushes` until taken."""

    def __init__(self, socket):
        self.socket = socket
        self.packs = socket.subprotocol == MSGPACK
        self.next_id = 1
        self.waiting = {}
        self.pushes = []
        self.stray = []  # errors without an id
        self.news = asyncio.Event()
        self.reader = asyncio.create_task(self.read())

    @classmethod
    async def open(cls, server, encoding=JSON, **options):
        protocols = [encoding] if encoding else None
        socket = await websockets.connect(server.url, subprotocols=protocols, max_size=2**24,
                                          compression=None, ping_interval=None, **options)
        return cls(socket)

    @classmethod
    async def login(cls, server, user, device="phone", cursor=None, encoding=JSON, synced=True,
                    **claims):
        client = await cls.open(server, encoding)
        fields = {"token": server.token(user, **claims), "device": device}
        if cursor is not None:
            fields["cursor"] = cursor
        client.hello = await client.call("connect", **fields)
        client.user = user
        if synced:
            client.cursor = (await client.take("synced"))["cursor"]
        return client

    def decode(self, frame):
        if isinstance(frame, str):
            return [json.loads(line) for line in frame.split("\n") if line.strip()]
        unpacker = msgpack.Unpacker(raw=False)
        unpacker.feed(frame)
        return [plain(value) for value in unpacker]

    async def read(self):
        try:
            async for frame in self.socket:
                for value in self.decode(frame):
                    self.handle(value)
        except websockets.ConnectionClosed:
            pass
        finally:
            for future in self.waiting.values():
                if not future.done():
                    future.set_exception(ConnectionError(f"closed with {self.socket.close_code}"))
            self.news.set()

    def handle(self, value):
        number = value.pop("id", None)
        (key, body), = value.items()
        future = self.waiting.pop(number, None)
        if future is not None and key == "error":
            future.set_exception(Refused(body))
        elif future is not None:
            future.set_result((key, body))
        elif key == "error":
            self.stray.append(body)
        else:
            self.pushes.append((key, body))
        self.news.set()

    async def send_raw(self, *values):
        """Several objects in one frame."""
        if self.packs:
            frame = b"".join(msgpack.packb(value) for value in values)
        else:
            frame = "\n".join(json.dumps(value) for value in values)
        try:
            await self.socket.send(frame)
        except websockets.ConnectionClosed as closed:
            raise ConnectionError(f"closed with {closed.code}") from closed

    def expect_reply(self):
        number = self.next_id
        self.next_id += 1
        self.waiting[number] = asyncio.get_running_loop().create_future()
        return number, self.waiting[number]

    async def call(self, command, **fields):
        number, future = self.expect_reply()
        await self.send_raw({"id": number, command: packed(fields) if self.packs else fields})
        key, body = await asyncio.wait_for(future, PATIENCE_S)
        assert key == command, f"the reply to {command} came as {key}"
        return body

    def find(self, key, match):
        for index, (name, body) in enumerate(self.pushes):
            if name == key and all(body.get(field) == value for field, value in match.items()):
                return index
        return None

    async def take(self, key, within=PATIENCE_S, **match):
        """The first push of that key with those fields, waiting for it; it is removed."""
        deadline = time.monotonic() + within
        while self.find(key, match) is None:
            self.news.clear()
            left = deadline - time.monotonic()
            assert left > 0 and not self.reader.done(), \
                f"no push {key} {match}; there were {self.pushes}"
            try:
                await asyncio.wait_for(self.news.wait(), left)
            except asyncio.TimeoutError:
                pass
        return self.pushes.pop(self.find(key, match))[1]

    async def take_none(self, key, within=0.4, **match):
        await asyncio.sleep(within)
        assert self.find(key, match) is None, f"unexpected {key}: {self.pushes}"

    async def send(self, conversation=None, user=None, client_id=None, text="hello", **fields):
        where = {"conversation": conversation} if conversation else {"user": user}
        return await self.call("send", client_id=client_id or os.urandom(8).hex(), text=text,
                               **where, **fields)

    async def closed(self, within=PATIENCE_S):
        """Waits for the server to close; answers the close code."""
        await asyncio.wait_for(self.socket.wait_closed(), within)
        return self.socket.close_code

    async def close(self):
        await self.socket.close()
        await self.reader

    async def lose(self):
        """Ends the connection as a lost network does."""
        self.socket.transport.abort()
        await self.reader


class Stage:
    """The clients of a step, cut at its end; `play(server, step)` runs one."""

    def __init__(self, server):
        self.server = server
        self.clients = []

    async def login(self, user, **claims):
        self.clients.append(await Client.login(self.server, user, **claims))
        return self.clients[-1]

    async def play(self, step):
        result = await step(self)
        for client in self.clients:
            client.socket.transport.abort()
        return result


def play(server, step):
    return asyncio.run(Stage(server).play(step))


async def refused(awaitable, *names):
    """The error must have one of the names; answers it."""
    try:
        answer = await awaitable
    except Refused as error:
        assert error.name in names, f"refused with {error}, not {names}"
        return error
    raise AssertionError(f"not refused ({names}): {answer}")
