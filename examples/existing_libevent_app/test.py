#!/usr/bin/python3
"""Somebody chats with the program over its WebSocket port, and others talk to it over HTTP."""
import asyncio
import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

try:
    import websockets
except ImportError:
    sys.exit(77)


def ask(port, path, body=None):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data=body, timeout=5) as got:
            return got.status, got.read().decode().strip()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode().strip()


class Chat:
    def __init__(self, socket):
        self.socket = socket
        self.objects = []

    async def until(self, wanted):
        """The first object that has this key, whatever comes before it."""
        while True:
            for i, value in enumerate(self.objects):
                if wanted in value:
                    return self.objects.pop(i)[wanted]
            frame = await asyncio.wait_for(self.socket.recv(), 5)
            self.objects += [json.loads(line) for line in frame.split("\n")]

    async def call(self, number, key, **fields):
        await self.socket.send(json.dumps({"id": number, key: fields}))
        return await self.until(key)


async def chat(http, port):
    loop = asyncio.get_running_loop()
    status, token = await loop.run_in_executor(None, ask, http, "/token?user=ann")
    assert status == 200
    async with websockets.connect(f"ws://127.0.0.1:{port}/v1/ws") as socket:
        ann = Chat(socket)
        await ann.call(1, "connect", token=token, device="d")
        sent = await ann.call(2, "send", user="server", client_id="1", text="hello")
        place = f"/say?conversation={sent['conversation']}"
        assert (await ann.until("message"))["text"] == "hello"
        assert await loop.run_in_executor(None, ask, http, place, b"hi there") == (200, "said")
        answer = await ann.until("message")
        assert (answer["from"], answer["text"], answer["seq"]) == ("server", "hi there", 2)
        assert await loop.run_in_executor(None, ask, http, "/") == (200, "2 messages seen")
        assert (await loop.run_in_executor(
            None, ask, http, "/say?conversation=nowhere", b"x"))[0] in (403, 404)


def main():
    with tempfile.TemporaryDirectory() as folder:
        with subprocess.Popen([sys.argv[1], f"{folder}/data", "0", "0"], stdout=subprocess.PIPE,
                              text=True) as program:
            try:
                words = program.stdout.readline().split()
                http, port = (int(words[i].split(":")[1]) for i in (2, 4))
                asyncio.run(chat(http, port))
                program.terminate()
                assert program.wait(20) == 0, program.returncode
            finally:
                program.kill()


main()
