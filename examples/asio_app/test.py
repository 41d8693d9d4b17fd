#!/usr/bin/python3
"""Somebody on the program's line protocol and somebody on WebSocket write to each other."""
import asyncio
import json
import subprocess
import sys
import tempfile
import urllib.request

try:
    import websockets
except ImportError:
    print("websockets is not installed (package python3-websockets)")
    sys.exit(77)

PATIENCE_S = 20


class Lines:
    """A connection of the line protocol."""

    @classmethod
    async def open(cls, port, name):
        self = cls()
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.write(name)
        return self

    def write(self, line):
        self.writer.write(line.encode() + b"\n")

    async def line(self):
        return (await asyncio.wait_for(self.reader.readline(), PATIENCE_S)).decode().rstrip("\n")


class Chat:
    """A WebSocket connection."""

    def __init__(self, socket):
        self.socket = socket
        self.objects = []

    async def until(self, wanted):
        while True:
            for i, value in enumerate(self.objects):
                if wanted in value:
                    return self.objects.pop(i)[wanted]
            frame = await asyncio.wait_for(self.socket.recv(), PATIENCE_S)
            self.objects += [json.loads(line) for line in frame.split("\n")]

    async def call(self, number, key, **fields):
        await self.socket.send(json.dumps({"id": number, key: fields}))
        return await self.until(key)


def token(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/token?user=ann", timeout=5) as got:
        return got.read().decode()


async def chat(lines, port):
    bearer = await asyncio.get_running_loop().run_in_executor(None, token, port)
    bob = await Lines.open(lines, "bob")
    async with websockets.connect(f"ws://127.0.0.1:{port}/v1/ws") as socket:
        ann = Chat(socket)
        await ann.call(1, "connect", token=bearer, device="d")
        await ann.call(2, "send", user="bob", client_id="1", text="hello")
        assert await bob.line() == "ann hello"
        bob.write("ann hi there")
        assert (await ann.until("message"))["from"] == "ann"  # her own
        answer = await ann.until("message")
        assert (answer["from"], answer["text"], answer["seq"]) == ("bob", "hi there", 2), answer
        bob.write("a\x01b nobody has that name")
        assert (await bob.line()).startswith("! "), "a bad name"
        # A connection that goes while messages for it are on their way harms nobody.
        for number in range(3, 23):
            await ann.call(number, "send", user="bob", client_id=str(number), text="more")
            if number == 10:
                bob.writer.transport.abort()
        again = await Lines.open(lines, "bob")
        texts = [await again.line() for _ in range(14)]
        assert texts[-1] == "ann more", texts
    nobody = await Lines.open(lines, "a b")
    assert (await nobody.line()).startswith("! ")


def main():
    with tempfile.TemporaryDirectory() as folder:
        with subprocess.Popen([sys.argv[1], f"{folder}/data", "0", "0"], stdout=subprocess.PIPE,
                              text=True) as program:
            try:
                words = program.stdout.readline().split()
                lines, port = (int(words[i].split(":")[1]) for i in (2, 4))
                asyncio.run(chat(lines, port))
                program.terminate()
                assert program.wait(20) == 0, program.returncode
            finally:
                program.kill()
    print("ok lines_and_websockets_chat")


main()
