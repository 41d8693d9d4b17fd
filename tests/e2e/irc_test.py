#!/usr/bin/python3
"""examples/ircd: an IRC client made of a plain socket, and a WebSocket user beside it.

  irc_test.py IRCD
"""
import asyncio
import base64
import random
import re
import ssl
import subprocess
import tempfile

from harness import play
from irc_peer import ALL, PATIENCE_S, Irc, Ircd, tag


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
    bob.send("WHO ann", "WHO stranger", "WHO bob")
    await bob.take(r" 352 bob \* ann \S+ \S+ ann H :0 ann$")
    await bob.take(r" 352 bob \* bob \S+ \S+ bob H :0 bob$")
    await bob.take(r" 315 bob ann ")
    await bob.take(r" 315 bob stranger ")
    await bob.none(r" 352 .* stranger ")
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
    parts = ""
    while len(parts) < len(long):
        line = await irc.take(r"PRIVMSG #both :ä")
        assert len(line.split(" ", 1)[1].encode()) <= 510
        parts += line.split(" :")[-1]
    assert parts == long
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


async def changes(stage):
    """Edits, deletions and reactions, both ways."""
    web = await stage.login("cleo")
    await web.call("create", kind="group", conversation="#change", name="", members=[])
    new, old = await Irc.login(stage.server, "nan", ALL), await Irc.login(stage.server, "olaf")
    await new.join("#change")
    await old.join("#change")
    await new.take(r"JOIN #change$")
    sent = await web.send("#change", text="frist")
    seen = tag(await new.take(r"PRIVMSG #change :frist$"), "msgid")
    assert seen == sent["message"]

    await web.call("edit", conversation="#change", message=seen, text="first")
    edit = await new.take(r":cleo!\S+ PRIVMSG #change :\[edited\] first$")
    assert tag(edit, "+draft/reply") == seen and tag(edit, "msgid") != seen
    await old.take(r":cleo!\S+ PRIVMSG #change :\[edited\] first$")

    await web.call("react", conversation="#change", message=seen, emoji="a;b c", on=True)
    line = await new.take(r":cleo!\S+ TAGMSG #change$")
    assert tag(line, "+draft/react") == r"a\:b\sc" and tag(line, "+draft/reply") == seen
    await web.call("react", conversation="#change", message=seen, emoji="a;b c", on=False)
    assert tag(await new.take(r":cleo!\S+ TAGMSG #change$"), "+draft/unreact") == r"a\:b\sc"
    new.send(f"@label=r;+draft/react=👍;+draft/reply={seen} TAGMSG #change")
    heard = await web.take("message", kind="reaction", emoji="👍")
    assert heard["from"] == "nan" and heard["on"]
    assert tag(await new.take(r":nan!\S+ TAGMSG #change$"), "label") == "r"
    new.send(f"@+draft/unreact=👍;+draft/reply={seen} TAGMSG #change")
    await web.take("message", kind="reaction", emoji="👍", on=False)

    new.send(f"REDACT #change {seen}", "REDACT #change nonsense", f"REDACT #none {seen}")
    for code in ("REDACT_FORBIDDEN", "UNKNOWN_MSGID", "INVALID_TARGET"):
        await new.take(rf"FAIL REDACT {code} ")
    await web.call("delete", conversation="#change", message=seen)
    await new.take(rf":cleo!\S+ REDACT #change {seen}$")
    new.send("PRIVMSG #change :oops")
    mine = tag(await new.take(r"PRIVMSG #change :oops$"), "msgid")
    new.send(f"@label=d REDACT #change {mine} :a slip")
    assert (await web.take("message", kind="delete", message=mine))["from"] == "nan"
    assert tag(await new.take(rf":nan!\S+ REDACT #change {mine}$"), "label") == "d"
    await old.take(r"PRIVMSG #change :oops$")
    await old.none(r"REDACT|TAGMSG")


async def targets(stage):
    """Which conversations have something new: the oldest of it first."""
    irc = await Irc.login(stage.server, "tara", ALL)
    times = {}
    for name in ("#one", "tom", "#two"):
        if name[0] == "#":
            await irc.join(name)
        irc.send(f"PRIVMSG {name} :x")
        times[name] = tag(await irc.take(rf"PRIVMSG {name} :x$"), "time")
        await asyncio.sleep(0.01)  # the server's clock counts milliseconds

    async def ask(*places):
        irc.send("CHATHISTORY TARGETS " + " ".join(places))
        inside = await irc.batch("draft/chathistory-targets")
        return [tuple(line.split(" CHATHISTORY TARGETS ")[1].split()) for line in inside]

    ever, never = (f"timestamp={year}-01-01T00:00:00.000Z" for year in (2000, 2200))
    everything = list(times.items())
    assert await ask(ever, never, "10") == everything
    assert await ask(never, ever, "2") == everything[:2]
    assert await ask(f"timestamp={times['#one']}", f"timestamp={times['#two']}", "9") == \
        everything[1:2]
    irc.send("CHATHISTORY TARGETS * * 3", f"CHATHISTORY TARGETS {ever} {never}")
    await irc.take(r"FAIL CHATHISTORY INVALID_PARAMS TARGETS ")
    await irc.take(r"FAIL CHATHISTORY INVALID_PARAMS TARGETS ")


async def hostile(stage):
    """Garbage, long lines, floods: each connection bears its own, and the others live."""
    witness = await Irc.login(stage.server, "wit", "message-tags")
    witness.send("PRIVMSG wit :" + "x" * 600)
    await witness.take(r" 417 ")
    witness.send("@" + "a" * 4094 + " PING tags", "@" + "a" * 4095 + " PING x", "z" * 20000)
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
        for step in (registration, channels, shared, away, history, changes, targets, hostile):
            play(server, step)
            print(f"ok: {step.__name__}", flush=True)
    check_tls()


main()
