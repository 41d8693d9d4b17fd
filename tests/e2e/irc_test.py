#!/usr/bin/python3
"""examples/ircd: an IRC client made of a plain socket, and a WebSocket user beside it.

  irc_test.py IRCD
"""
import asyncio
import base64
import fcntl
import os
import pty
import random
import re
import shutil
import ssl
import struct
import subprocess
import tempfile
import termios

from harness import Server, play

PATIENCE_S = 10


class Ircd(Server):
    """The program tells two addresses: of WebSockets, then of IRC."""

    def start(self):
        with open(os.path.join(self.directory, "stderr"), "a", encoding="utf8") as log:
            self.process = subprocess.Popen(
                [self.path, "--data", os.path.join(self.directory, "data"), "--listen",
                 "127.0.0.1:0", "--ws-listen", "127.0.0.1:0", "--jwt-secret-file",
                 self.secret_path, "--motd", "Be kind.", *self.options],
                stdout=subprocess.PIPE, stderr=log, text=True)
        lines = [self.process.stdout.readline() for _ in range(2)]
        if not lines[1].startswith("ready"):
            raise AssertionError(f"ircd did not get ready: {lines}\n{self.trace()}")
        self.port, self.irc_port = (int(line.strip().split(":")[1]) for line in lines)
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
       "draft/chathistory draft/read-marker")


def tag(line, key):
    found = re.match(rf"@(?:\S*;)?{re.escape(key)}=([^; ]*)", line)
    return found.group(1) if found else None


async def registration(stage):
    server = stage.server
    irc = await Irc.open(server)
    irc.send("JOIN #x", "NICK a!b", "CAP LS 302", f"NICK {'other'}", "USER u 0 * :U")
    await irc.take(r" 451 ")
    await irc.take(r" 432 ")
    assert "sasl=PLAIN" in await irc.take(r"CAP \S+ LS :")
    irc.send("CAP REQ :sasl nonsense", "CAP REQ :sasl server-time")
    await irc.take(r"CAP \S+ NAK :sasl nonsense")
    await irc.take(r"CAP \S+ ACK :sasl server-time")
    irc.send("AUTHENTICATE SCRAM")
    await irc.take(r" 908 ")
    await irc.take(r" 904 .*failed")
    irc.send("AUTHENTICATE PLAIN")
    await irc.take(r"^AUTHENTICATE \+")
    irc.send("AUTHENTICATE " + base64.b64encode(b"\0sasha\0nonsense").decode())
    await irc.take(r" 904 .*failed")
    irc.send("AUTHENTICATE PLAIN")
    await irc.take(r"^AUTHENTICATE \+")
    coded = base64.b64encode(f"\0sasha\0{server.token('sasha')}".encode()).decode()
    for at in range(0, len(coded), 400):
        irc.send("AUTHENTICATE " + coded[at:at + 400])
    if len(coded) % 400 == 0:
        irc.send("AUTHENTICATE +")
    await irc.take(r" 900 .* sasha ")
    await irc.take(r" 903 ")
    irc.send("CAP END")
    await irc.take(r"NICK :sasha$")
    for number in ("001", "002", "003", "004", "005", "375", "372", "376"):
        await irc.take(rf" {number} sasha ")
    irc.send("FOO", "JOIN", "NICK other", "PRIVMSG sasha", "PRIVMSG", "PASS x", "MODE sasha")
    for number in (421, 461, 447, 412, 411, 462, 221):
        await irc.take(rf" {number} ")
    irc.send("QUIT :bye")
    await irc.take(r"^ERROR ")
    wrong = await Irc.open(server)
    wrong.send("PASS nonsense", "NICK eve", "USER eve 0 * :e")
    await wrong.take(r" 464 ")
    nobody = await Irc.open(server)
    nobody.send("NICK eve", "USER eve 0 * :e")
    await nobody.take(r" 464 ")


async def channels(stage):
    ann, bob = [await Irc.login(stage.server, user) for user in ("ann", "bob")]
    await ann.join("#room")
    await bob.join("#room")
    assert "~ann" in await bob.take(r" 353 ")
    await ann.take(r"^:bob!\S+ JOIN #room")
    ann.send("TOPIC #room :What we do")
    await bob.take(r"^:ann!\S+ TOPIC #room :What we do")
    bob.send("TOPIC #room", "NAMES #room", "WHO #room", "WHOIS ann", "LIST", "MODE #room")
    await bob.take(r" 332 bob #room :What we do")
    for number in (353, 352, 315, 311, 318, 322, 323, 324):
        await bob.take(rf" {number} ")
    bob.send("TOPIC #room :Mine", "KICK #room ann")
    await bob.take(r" 482 ")
    await bob.take(r" 482 ")
    ann.send("MODE #room +o bob")
    await bob.take(r"^:ann!\S+ MODE #room \+o bob")
    ann.send("PRIVMSG #room :hello", "PRIVMSG #room :\001ACTION waves\001", "NOTICE #room :note")
    await bob.take(r"^:ann!\S+ PRIVMSG #room :hello$")
    await bob.take(r"^:ann!\S+ PRIVMSG #room :\x01ACTION waves\x01$")
    await bob.take(r"^:ann!\S+ NOTICE #room :note$")
    await ann.none(r"^:ann!\S+ (PRIVMSG|NOTICE)")
    ann.send("PRIVMSG bob :psst", "JOIN &private,bad", "PRIVMSG #none :x", "PART #none")
    await bob.take(r"^:ann!\S+ PRIVMSG bob :psst$")
    for number in (473, 403, 404, 442):
        await ann.take(rf" {number} ")
    bob.send("PRIVMSG ann :back", "PART #room")
    await ann.take(r"^:bob!\S+ PRIVMSG ann :back$")
    await bob.take(r"^:bob!\S+ PART #room")
    await ann.take(r"^:bob!\S+ PART #room")


async def shared(stage):
    """IRC and WebSockets: one channel, its history, typing and read marks."""
    web = await stage.login("web")
    await web.call("create", kind="group", conversation="#both", name="Both", members=[])
    first = await web.send("#both", text="before\nyou came")
    irc = await Irc.login(stage.server, "ira", ALL)
    await irc.join("#both")
    await web.take("message", kind="system", action="added")
    await web.send("#both", text="welcome")
    line = await irc.take(r":web!\S+ PRIVMSG #both :welcome$")
    assert tag(line, "time") and tag(line, "msgid") and tag(line, "account") == "web"
    irc.send("@label=7;+draft/reply=%s PRIVMSG #both :thanks" % tag(line, "msgid"))
    echo = await irc.take(r":ira!\S+ PRIVMSG #both :thanks$")
    assert tag(echo, "label") == "7" and tag(echo, "+draft/reply") == tag(line, "msgid")
    heard = await web.take("message", text="thanks")
    assert heard["id"] == tag(echo, "msgid") and heard["reply_to"] == tag(line, "msgid")

    irc.send("@+typing=active TAGMSG #both")
    assert (await web.take("typing"))["user"] == "ira"
    await web.call("typing", conversation="#both", on=True)
    assert tag(await irc.take(r":web!\S+ TAGMSG #both"), "+typing") == "active"

    irc.send("CHATHISTORY LATEST #both * 10")
    inside = await irc.batch("chathistory #both")
    assert [line.split(" :")[-1] for line in inside] == ["before", "you came", "welcome", "thanks"]
    assert tag(inside[0], "msgid") == first["message"]

    irc.send(f"MARKREAD #both timestamp={tag(echo, 'time')}")
    await irc.take(rf"MARKREAD #both timestamp={tag(echo, 'time')}")
    assert (await web.take("receipt", user="ira", read=heard["seq"]))["conversation"] == "#both"

    await web.send(user="ira", text="just you")
    await irc.take(r":web!\S+ PRIVMSG ira :just you$")
    irc.send("@label=8 PRIVMSG web :and you", "@label=9 PING x", "@label=a NAMES #both",
             "@label=b PONG", "@label=c PRIVMSG fresh :first word")
    assert tag(await irc.take(r"PRIVMSG web :and you"), "label") == "8"
    assert (await web.take("message", text="and you"))["from"] == "ira"
    assert tag(await irc.take(r"PONG \S+ :x"), "label") == "9"
    name = re.search(r"\+(\S+)", await irc.take(r"label=a\S* BATCH \+\S+ labeled-resp")).group(1)
    await irc.take(rf"batch={name} .* 366 ")
    assert tag(await irc.take(r" ACK$"), "label") == "b"
    assert tag(await irc.take(r"PRIVMSG fresh :first word"), "label") == "c"
    long = "ä" * 900
    await web.send("#both", text=long)
    parts = [(await irc.take(r"PRIVMSG #both :ä")).split(" :")[-1] for _ in range(5)]
    assert "".join(parts) == long
    await web.call("create", kind="group", conversation="team", name="T", members=["ira"])
    await irc.take(r" 366 ira &team ")


async def away(stage):
    """Who comes back is in his channels, and gets what was said meanwhile, once."""
    web = await stage.login("wanda")
    irc = await Irc.login(stage.server, "abe")
    await irc.join("#meanwhile")
    await web.send(user="abe", text="one")
    await irc.take(r"PRIVMSG abe :one$")
    await web.take("receipt", user="abe", within=PATIENCE_S)
    irc.send("QUIT")
    await irc.take(r"^ERROR ")
    await web.send(user="abe", text="two")
    irc = await Irc.login(stage.server, "abe")
    await irc.take(r"^:abe!\S+ JOIN #meanwhile$")
    await irc.take(r"PRIVMSG abe :two$")
    await irc.none(r"PRIVMSG abe :one$")


async def history(stage):
    irc = await Irc.login(stage.server, "hal", ALL)
    await irc.join("#past")
    seen = []
    for i in range(12):
        irc.send(f"PRIVMSG #past :m{i}")
        seen.append(await irc.take(rf"PRIVMSG #past :m{i}$"))
    ids = [tag(line, "msgid") for line in seen]

    async def ask(words):
        irc.send(f"CHATHISTORY {words}")
        return [line.split(" :m")[-1] for line in await irc.batch("chathistory #past")]

    def span(first, last):
        return [str(i) for i in range(first, last)]

    assert await ask("LATEST #past * 3") == span(9, 12)
    assert await ask(f"LATEST #past msgid={ids[9]} 50") == span(10, 12)
    assert await ask(f"BEFORE #past msgid={ids[5]} 2") == span(3, 5)
    assert await ask(f"AFTER #past msgid={ids[5]} 2") == span(6, 8)
    assert await ask(f"AROUND #past msgid={ids[5]} 3") == span(4, 7)
    assert await ask(f"BETWEEN #past msgid={ids[2]} msgid={ids[6]} 9") == span(3, 6)
    assert await ask(f"BETWEEN #past msgid={ids[6]} msgid={ids[2]} 2") == span(4, 6)
    assert await ask("AFTER #past timestamp=2000-01-01T00:00:00.000Z 50") == span(0, 12)
    assert await ask("BEFORE #past timestamp=2000-01-01T00:00:00.000Z 50") == []
    for words in ("", "LATEST", "LATEST #past x 3", "LATEST #past * 0", "NONE #past * 3",
                  "LATEST #none * 3"):
        irc.send(f"CHATHISTORY {words}")
        await irc.take(r"FAIL CHATHISTORY ")


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *command):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave,
                                        env={**os.environ, "TERM": "xterm"}, start_new_session=True)
        os.close(slave)
        self.master = master
        self.screen = ""
        os.set_blocking(master, False)
        asyncio.get_running_loop().add_reader(master, self.read)

    def read(self):
        try:
            self.screen += os.read(self.master, 65536).decode(errors="replace")
        except OSError:
            asyncio.get_running_loop().remove_reader(self.master)

    def type(self, text):
        os.write(self.master, text.encode() + b"\r")

    async def shows(self, text):
        for _ in range(100):
            if text in self.screen:
                return
            await asyncio.sleep(PATIENCE_S / 100)
        raise AssertionError(f"{text!r} is not on the screen: {self.screen[-3000:]!r}")

    def end(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)


async def irssi(stage):
    server = stage.server
    web = await stage.login("wes")
    await web.call("create", kind="group", conversation="#irssi", name="For irssi", members=[])
    terminal = Terminal("irssi", f"--home={server.directory}/irssi", "-c", "127.0.0.1", "-p",
                        str(server.irc_port), "-w", server.token("ike"), "-n", "ike")
    try:
        await terminal.shows("Be kind.")
        terminal.type("/join #irssi")
        await web.take("message", within=PATIENCE_S, kind="system", action="added")
        await terminal.shows("For irssi")
        terminal.type("typed in irssi")
        assert (await web.take("message", within=PATIENCE_S, text="typed in irssi"))["from"] == "ike"
        await web.send("#irssi", text="seen_in_irssi")
        await terminal.shows("seen_in_irssi")
        terminal.type("/me waves")
        await web.take("message", within=PATIENCE_S, text="/me waves")
        terminal.type("/part")
        await web.take("message", within=PATIENCE_S, kind="system", action="left")
    finally:
        terminal.end()


async def hostile(stage):
    """Garbage, long lines, floods: each connection bears its own, and the others live."""
    witness = await Irc.login(stage.server, "wit", "message-tags")
    witness.send("PRIVMSG wit :" + "x" * 600)
    await witness.take(r" 417 ")
    witness.send("@" + "a" * 8000 + " PING tags", "@" + "a" * 8300 + " PING x", "z" * 20000)
    await witness.take(r"PONG \S+ :tags")
    await witness.take(r" 417 ")
    await witness.take(r" 417 ")
    await witness.fence()
    seed = random.Random(5)
    verbs = ("CAP", "AUTHENTICATE", "NICK", "USER", "PRIVMSG", "JOIN", "CHATHISTORY", "MARKREAD",
             "MODE", "KICK", "TAGMSG", "WHOIS", "\0", "\xff")
    for round_ in range(8):
        irc = (await Irc.login(stage.server, "gus", ALL) if round_ % 2 else
               await Irc.open(stage.server))
        for _ in range(30):
            words = [seed.choice(verbs)] + ["".join(chr(seed.randrange(33, 256)) for _ in range(
                seed.randrange(0, 30))) for _ in range(seed.randrange(0, 6))]
            irc.send(seed.choice(("", "@label=x ", "@;=\\ ", ":p ")) + " ".join(words))
        irc.writer.write(seed.randbytes(3000))
        try:
            await irc.writer.drain()
        except ConnectionError:
            pass
        irc.writer.transport.abort() if round_ % 3 else irc.writer.close()
    flood = await Irc.open(stage.server)
    flood.writer.write(b"PING x\r\n" * 5000)
    await witness.fence()
    flood.writer.transport.abort()


async def encrypted(stage):
    context = ssl.create_default_context(cafile=stage.server.cert)
    irc = await Irc.open(stage.server, ssl=context, server_hostname="localhost")
    irc.send(f"PASS {stage.server.token('tim')}", "NICK tim", "USER tim 0 * :t")
    await irc.take(r" 001 tim ")
    await irc.fence()
    plain = await Irc.open(stage.server)
    plain.send("NICK x")
    try:
        assert not (await asyncio.wait_for(plain.reader.read(), PATIENCE_S)).startswith(b":")
    except ConnectionError:
        pass


def check_tls():
    with tempfile.TemporaryDirectory() as folder:
        key, cert = f"{folder}/key", f"{folder}/cert"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-days",
                        "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                       check=True, capture_output=True)
        with Ircd("--tls-cert", cert, "--tls-key", key) as server:
            server.cert = cert
            play(server, encrypted)
            print("ok: encrypted", flush=True)


def main():
    with Ircd() as server:
        for step in (registration, channels, shared, away, history, hostile):
            play(server, step)
            print(f"ok: {step.__name__}", flush=True)
        if shutil.which("irssi"):
            play(server, irssi)
            print("ok: irssi", flush=True)
        else:
            print("irssi is not installed: not driven", flush=True)
    check_tls()


main()
