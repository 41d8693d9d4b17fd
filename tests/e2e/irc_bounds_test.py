#!/usr/bin/python3
"""examples/ircd: what docs/irc.md says of its bounds. Those of a line are in irc_test.py.

  irc_bounds_test.py IRCD          what takes no waiting
  irc_bounds_test.py IRCD --slow   how long it waits for a welcome, and for a silent client
"""
import asyncio
import resource
import sys
import time

from harness import play
from irc_peer import ALL, PATIENCE_S, Irc, Ircd

CLIENTS_MAX = 10000
LINES_BURST, LINES_PER_S = 40, 10
REGISTER_S, QUIET_S = 30, 90


async def rate(stage):
    """After a burst of lines as many are answered a second as it says; none is lost."""
    irc = await Irc.login(stage.server, "rae")
    count = 3 * LINES_BURST
    began = time.monotonic()
    irc.send(*(f"PING n{i}" for i in range(count)))
    for i in range(count):
        await irc.take(rf"PONG \S+ :n{i}$", within=3 * PATIENCE_S)
    took = time.monotonic() - began
    assert took > (count - LINES_BURST) / LINES_PER_S - 1, took


async def targets(stage):
    """Of a command the first four count."""
    irc = await Irc.login(stage.server, "tess", "echo-message message-tags")
    irc.send("JOIN #a,#b,#c,#d,#e")
    for name in "abcd":
        await irc.take(rf" 366 \S+ #{name} ")
    await irc.none(r"#e")
    irc.send("PRIVMSG #a,#b,#c,#d,tess2 :to four")
    for name in "abcd":
        await irc.take(rf"PRIVMSG #{name} :to four$")
    await irc.none(r"tess2")


async def output(stage):
    """Who reads nothing while much is said is cut; the others go on."""
    deaf = await Irc.login(stage.server, "dee")
    deaf.writer.transport.pause_reading()
    web = await stage.login("wade")
    await web.call("create", kind="group", conversation="#loud", name="", members=["dee"])
    witness = await Irc.login(stage.server, "wynn")
    for _ in range(200):  # 12 MB: more than the kernel holds for both ends, and the bound
        await web.send("#loud", text="y" * 60000)
    await witness.fence()
    deaf.writer.transport.resume_reading()
    size = 0
    try:
        while chunk := await asyncio.wait_for(deaf.reader.read(65536), PATIENCE_S):
            size += len(chunk)
    except ConnectionError:
        pass
    assert size < 200 * 60000, size


async def many(stage):
    """One connection more than there may be is closed; when one has gone there is room again."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < CLIENTS_MAX + 200:
        print("SKIPPED many: too few files may be open here", flush=True)
        return
    open_ones = []
    for _ in range(CLIENTS_MAX):
        open_ones.append(await asyncio.open_connection("127.0.0.1", stage.server.irc_port))
    _, first = open_ones[0]
    first.write(b"PING full\r\n")
    assert b"PONG" in await asyncio.wait_for(open_ones[0][0].readline(), PATIENCE_S)
    reader, _ = await asyncio.open_connection("127.0.0.1", stage.server.irc_port)
    assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
    for _, writer in open_ones:
        writer.transport.abort()


async def waiting(stage):
    """Who does not register is closed, who is silent is pinged."""
    nobody = await Irc.open(stage.server)
    began = time.monotonic()
    silent = await Irc.login(stage.server, "sue")
    await nobody.take(r"^ERROR .*too long", within=REGISTER_S + 3 * PATIENCE_S)
    assert time.monotonic() - began > REGISTER_S - 1
    await silent.take(r"^PING ", within=QUIET_S + 3 * PATIENCE_S)
    await silent.take(r"^ERROR .*timeout", within=QUIET_S + 3 * PATIENCE_S)
    assert time.monotonic() - began > 2 * QUIET_S - 1


def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    steps = (many, waiting) if "--slow" in sys.argv else (targets, rate, output)
    for step in steps:
        with Ircd() as server:
            play(server, step)
        print(f"ok: {step.__name__}", flush=True)


main()
