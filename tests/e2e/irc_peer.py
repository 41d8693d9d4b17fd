"""What the tests of examples/ircd share: the program, and an IRC client of a plain socket."""
import asyncio
import os
import re
import subprocess

from harness import Server

PATIENCE_S = 10


class Ircd(Server):
    """The program tells three addresses: the gateway's, of IRC over WebSocket, of IRC."""

    def start(self):
        with open(os.path.join(self.directory, "stderr"), "a", encoding="utf8") as log:
            self.process = subprocess.Popen(
                [self.path, "--data", os.path.join(self.directory, "data"), "--listen",
                 "127.0.0.1:0", "--ws-listen", "127.0.0.1:0", "--irc-ws-listen", "127.0.0.1:0",
                 "--jwt-secret-file", self.secret_path, "--motd", "Be kind.", *self.options],
                stdout=subprocess.PIPE, stderr=log, text=True)
        lines = [self.process.stdout.readline() for _ in range(3)]
        if not lines[2].startswith("ready"):
            raise AssertionError(f"ircd did not get ready: {lines}\n{self.trace()}")
        self.port, self.irc_ws_port, self.irc_port = (int(line.strip().split(":")[1]) for line in lines)
        return self


class Irc:
    """Lines out, lines in; `take` finds one by a regular expression, and removes it."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.lines = []
        self.count = 0

    @classmethod
    async def open(cls, server, **options):
        return cls(*await asyncio.open_connection("127.0.0.1", server.irc_port, **options))

    @classmethod
    async def login(cls, server, user, caps=""):
        irc = await cls.open(server)
        if caps:
            irc.send(f"CAP REQ :{caps}")
        irc.send(f"PASS {server.token(user)}", f"NICK {user}", f"USER {user} 0 * :{user}")
        if caps:
            irc.send("CAP END")
        irc.user = user
        await irc.take(r" 001 ")
        await irc.take(r" 376 ")
        return irc

    def send(self, *lines):
        for line in lines:
            self.writer.write(line.encode() + b"\r\n")

    async def take(self, pattern, within=PATIENCE_S):
        async def search():
            while True:
                for i, line in enumerate(self.lines):
                    if re.search(pattern, line):
                        return self.lines.pop(i)
                line = await self.reader.readline()
                assert line, f"closed; no {pattern!r} in {self.lines}"
                self.lines.append(line.decode().rstrip("\r\n"))
        try:
            return await asyncio.wait_for(search(), within)
        except asyncio.TimeoutError:
            raise AssertionError(f"no {pattern!r} in {self.lines}") from None

    async def fence(self):
        """All that the server answers at once has come."""
        self.count += 1
        self.send(f"PING fence{self.count}")
        await self.take(rf"PONG \S+ :fence{self.count}$")

    async def none(self, pattern):
        await self.fence()
        found = [line for line in self.lines if re.search(pattern, line)]
        assert not found, found

    async def batch(self, kind):
        """The lines of the next batch of that kind."""
        name = re.search(r"BATCH \+(\S+)", await self.take(rf"BATCH \+\S+ {kind}")).group(1)
        await self.take(rf"BATCH -{name}$")
        inside = [line for line in self.lines if re.search(rf"[@;]batch={name}[; ]", line)]
        self.lines = [line for line in self.lines if line not in inside]
        return inside

    async def join(self, channel):
        self.send(f"JOIN {channel}")
        await self.take(rf" 366 \S+ {channel} ")


ALL = ("message-tags server-time echo-message labeled-response batch away-notify account-tag "
       "draft/chathistory draft/read-marker draft/message-redaction")


def tag(line, key):
    found = re.match(rf"@(?:\S*;)?{re.escape(key)}=([^; ]*)", line)
    return found.group(1) if found else None
