#!/usr/bin/python3
"""A service that goes down and comes back gets each message in order; what it posts is said once."""
import asyncio
import base64
import hashlib
import hmac
import http.server
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

try:
    import websockets
except ImportError:
    print("websockets is not installed (package python3-websockets)")
    sys.exit(77)

SECRET = b"a secret of 32 bytes, for example"
PATIENCE_S = 30


class Service:
    """The webhook's receiver; while it is down it answers 503."""

    def __init__(self):
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.send_response(service.take(dict(urllib.parse.parse_qsl(body))))
                self.end_headers()

            def log_message(self, *_):
                pass

        self.is_down = False
        self.refusals = 0
        self.got = []
        self.news = threading.Condition()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, message):
        with self.news:
            if self.is_down:
                self.refusals += 1
            else:
                self.got.append(message)
            self.news.notify_all()
            return 503 if self.is_down else 204

    def wait(self, condition):
        with self.news:
            assert self.news.wait_for(condition, PATIENCE_S), (self.got, self.refusals)


def token(user):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")
    signed = part(b'{"alg":"HS256"}') + b"." + part(
        json.dumps({"sub": user, "exp": int(time.time()) + 3600}).encode())
    return (signed + b"." + part(hmac.new(SECRET, signed, hashlib.sha256).digest())).decode()


class Bridge:
    def __init__(self, path, folder, url):
        self.process = subprocess.Popen([path, folder, "room", url, "0"],
                                        stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        self.port = int(words[1].split(":")[1])
        self.token = words[3]

    def post(self, **fields):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/conversations/room/messages",
            data=json.dumps(fields).encode(), headers={"Authorization": f"Bearer {self.token}"})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def stop(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE_S) == 0, self.process.returncode


class Ann:
    """A member, on WebSocket."""

    def __init__(self, socket):
        self.socket = socket
        self.pushes = []
        self.number = 0

    async def objects(self):
        frame = await asyncio.wait_for(self.socket.recv(), PATIENCE_S)
        return [json.loads(line) for line in frame.split("\n")]

    async def call(self, key, **fields):
        self.number += 1
        await self.socket.send(json.dumps({"id": self.number, key: fields}))
        while True:
            for value in await self.objects():
                if value.get("id") == self.number:
                    assert key in value, value
                    return
                self.pushes.append(value)

    async def hear(self, text):
        while not any(push.get("message", {}).get("text") == text for push in self.pushes):
            self.pushes += await self.objects()

    def texts(self):
        return [push["message"]["text"] for push in self.pushes
                if push.get("message", {}).get("from") == "bridge"]


async def chat(bridge, play):
    async with websockets.connect(f"ws://127.0.0.1:{bridge.port}/v1/ws") as socket:
        ann = Ann(socket)
        await ann.call("connect", token=token("ann"), device="d")
        await play(ann)


def first(bridge, service):
    async def play(ann):
        await ann.call("create", kind="group", conversation="room", name="Room", members=["bridge"])
        await ann.call("send", conversation="room", client_id="1", text="one & two = ü")
        await asyncio.to_thread(service.wait, lambda: len(service.got) == 1)
        assert await asyncio.to_thread(bridge.post, client_id="a", text="hello + ß") == 201
        assert await asyncio.to_thread(bridge.post, client_id="a", text="hello + ß") in (200, 201)
        assert await asyncio.to_thread(bridge.post, client_id="b", text="again") == 201
        await ann.hear("again")
        assert ann.texts() == ["hello + ß", "again"], ann.texts()
        service.is_down = True
        for number in range(2, 7):
            await ann.call("send", conversation="room", client_id=str(number), text=f"n{number}")
        await asyncio.to_thread(service.wait, lambda: service.refusals > 0)
    asyncio.run(chat(bridge, play))


def main():
    service = Service()
    with tempfile.TemporaryDirectory() as folder:
        bridge = Bridge(sys.argv[1], f"{folder}/data", service.url)
        try:
            first(bridge, service)
            bridge.stop()  # with messages that nobody has taken
            service.is_down = False
            bridge = Bridge(sys.argv[1], f"{folder}/data", service.url)
            service.wait(lambda: service.got[-1]["text"] == "n6")
            bridge.stop()
        finally:
            bridge.process.kill()
    distinct = list(dict.fromkeys(message["text"] for message in service.got))
    assert distinct == ["one & two = ü"] + [f"n{n}" for n in range(2, 7)], service.got
    print("ok the_service_gets_each_and_says_each_once")


main()
