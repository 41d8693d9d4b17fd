#!/usr/bin/python3
"""A client library over bad connections: run.py CHATCORED [options] -- DRIVER…

Three users write to a group and to each other, each through a proxy (proxy.py) that cuts, delays,
halves and repeats their traffic; now and then a client stops and starts, a program is killed and
started again, and the server is killed. In the end every message must be there, once, in the order in
which it was written, for everybody in the same order, and nothing may be left in an outbox. Then the
proxy says what servers say (draining, too many requests, kicked), and the clients must obey.

DRIVER is a program on top of the client under test; one is started for each user. It does what it
reads and tells what happens, one JSON object a line, flat, in ASCII or UTF-8.

What it is told (standard input), to be done one after the other: the next line only when this one is
done, that is, after what the last column says.

| do    | fields                                         | is done when                             |
|-------|------------------------------------------------|------------------------------------------|
| start | url, token, device, folder, encoding, is_hasty | the client has begun to connect          |
| send  | conversation or user, client_id, text          | it is in the outbox on disk: tell "kept" |
| stop  |                                                | the connection is closed, and what is to |
|       |                                                | be remembered written: tell "stopped"    |

The end of the input: stop, and exit with 0. A killed driver is started again with the same folder.

`url` is ws://127.0.0.1:PORT/v1/ws. `token` is good for an hour, for connecting as often as one likes.
`device` and `folder` stay the same for a user: everything that the client keeps is in there (the
folder may not exist yet). `encoding`: "json" or "msgpack"; a client that has but one takes that.
`is_hasty`: use a random source for the back-off that gives about a fiftieth (0 to 0.02 in place of 0
to 1), so that a thousand cuts take minutes and not hours; without it the client as its users have it.
A `send` whose client_id the outbox has is told as "kept" again, and changes nothing.

What it tells (standard output, each line flushed before the client records that the message was had):

| tell    | fields                                    | when                                          |
|---------|-------------------------------------------|-----------------------------------------------|
| kept    | client_id                                 | it survives a SIGKILL from here on            |
| sent    | client_id                                 | the server has confirmed it                   |
| failed  | client_id, error (a name)                 | it was refused for good                       |
| message | conversation, seq, id, from, kind, text?  | a message is handed out                       |
| state   | status                                    | "online": all that was missed has been handed |
|         |                                           | out; "refused": it will not come back by      |
|         |                                           | itself; others as the client likes            |
| stopped |                                           | see above                                     |

Other lines are an error. Standard error goes to the runner's.

Options: --cuts N (1000), --seed N, --hasty-only (without the part on obeying), --encodings json,msgpack.
"""
import argparse
import asyncio
import json
import os
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness  # noqa: E402
from proxy import Proxy  # noqa: E402

USERS = ["alice", "bob", "carol"]
GROUP = "team"
# A step that takes longer has failed: a loaded machine with sanitizers included.
PATIENCE_S = 90
# Nobody writes on while so many of his wait, or somebody lags so far behind: what is to be caught
# up with must fit between two cuts.
UNSENT_MOST = 20
LAG_MOST = 60
STOPS, KILLS = 0.02, 0.01  # of a user's sends
SERVER_KILLS = 4  # in a run


class Failure(Exception):
    pass


class Driver:
    """One user's program, and what is known of what it has done."""

    def __init__(self, user, world, encoding):
        self.user = user
        self.world = world
        self.encoding = encoding
        self.proxy = Proxy(world.random)
        self.process = None
        self.reader = None
        self.is_hasty = True
        self.status = "stopped"
        self.had = {}  # conversation → messages in order, the first has seq 1
        self.replays = set()  # conversations in which what came last may come again
        self.written = {}  # where to → texts in the order in which they were written
        self.unkept = {}  # client_id → the line: not known to be on disk
        self.unsent = set()
        self.stopped = asyncio.Event()

    # What it is told

    async def start(self):
        if self.process is None:
            self.process = await asyncio.create_subprocess_exec(
                *self.world.command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                limit=2**20)
            self.reader = asyncio.create_task(self.read(self.process))
        self.put({"do": "start", "url": f"ws://127.0.0.1:{self.proxy.port}/v1/ws",
                  "token": self.world.server.token(self.user), "device": f"{self.user}-1",
                  "folder": os.path.join(self.world.folder, self.user),
                  "encoding": self.encoding, "is_hasty": self.is_hasty})
        for line in self.unkept.values():
            self.put(line)

    async def stop(self):
        self.stopped.clear()
        self.put({"do": "stop"})
        await self.wait(self.stopped.is_set, "stop")

    async def kill(self):
        self.process.kill()
        await self.ended()
        self.replays = set(self.had)

    async def end(self):
        if self.process is None:
            return
        self.process.stdin.close()
        await asyncio.wait_for(self.ended(), PATIENCE_S)

    async def ended(self):
        process, self.process = self.process, None
        await self.reader
        await process.wait()

    def put(self, line):
        self.process.stdin.write(json.dumps(line).encode() + b"\n")

    def send(self, where, to):
        texts = self.written.setdefault(to, [])
        text = f"{self.user} {len(texts)} to {to} é"
        client_id = f"{self.user}-{to}-{len(texts)}"
        texts.append(text)
        self.unsent.add(client_id)
        self.unkept[client_id] = {"do": "send", where: to, "client_id": client_id, "text": text}
        self.put(self.unkept[client_id])

    # What it tells

    async def read(self, process):
        try:
            while line := await process.stdout.readline():
                fields = json.loads(line)
                getattr(self, "told_" + fields["tell"])(fields)
        except (ValueError, KeyError, AttributeError) as error:
            self.world.fail(f"{self.user}'s driver said {line!r}: {error!r}")
        except Failure as error:
            self.world.fail(f"{self.user}: {error}")
        if self.process is process:
            self.world.fail(f"{self.user}'s driver has ended")

    def told_kept(self, fields):
        self.unkept.pop(fields["client_id"], None)

    def told_sent(self, fields):
        self.unkept.pop(fields["client_id"], None)
        self.unsent.discard(fields["client_id"])

    def told_failed(self, fields):
        raise Failure(f"{fields['client_id']} was refused: {fields['error']}")

    def told_state(self, fields):
        self.status = fields["status"]

    def told_stopped(self, _):
        self.stopped.set()

    def told_message(self, fields):
        messages = self.had.setdefault(fields["conversation"], [])
        seq = fields["seq"]
        if seq <= len(messages) and fields["conversation"] in self.replays:
            if messages[seq - 1]["id"] != fields["id"]:
                raise Failure(f"{fields} came, but it was {messages[seq - 1]}")
            return
        if seq != len(messages) + 1:
            raise Failure(f"seq {seq} came after {len(messages)} in {fields['conversation']}")
        self.replays.discard(fields["conversation"])
        messages.append(fields)

    # Waiting

    def describe(self):
        seen = {conversation: len(messages) for conversation, messages in self.had.items()}
        return (f"{self.user}: {self.status}, {self.proxy.cuts} cuts, "
                f"{len(self.proxy.attempts)} connections, unsent {sorted(self.unsent)[:3]}… "
                f"({len(self.unsent)}), not kept {len(self.unkept)}, had {seen}")

    async def wait(self, holds, what):
        await self.world.wait(holds, f"{self.user}: {what}")


class World:
    """The server, the drivers and their proxies. The first failure ends the run."""

    def __init__(self, options):
        self.options = options
        self.command = options.driver
        self.random = random.Random(options.seed)
        self.folder = tempfile.mkdtemp(prefix="chatcore-cut-")
        self.server = harness.Server("--spam-filter-off", "--connect-rate", "off", "--send-rate",
                                     "off", "--request-rate", "off", path=options.chatcored)
        encodings = options.encodings.split(",")
        self.drivers = [Driver(user, self, encodings[i % len(encodings)])
                        for i, user in enumerate(USERS)]
        self.failure = None

    def fail(self, why):
        self.failure = self.failure or why

    async def wait(self, holds, what, within=PATIENCE_S):
        end = time.monotonic() + within
        while not holds():
            if self.failure:
                raise Failure(self.failure)
            if time.monotonic() > end:
                states = "\n".join(driver.describe() for driver in self.drivers)
                raise Failure(f"{what}: not within {within} s\n{states}")
            await asyncio.sleep(0.01)
        if self.failure:
            raise Failure(self.failure)

    @property
    def cuts(self):
        return sum(driver.proxy.cuts for driver in self.drivers)

    async def open(self):
        self.server.start()
        founder = await harness.Client.login(self.server, USERS[0], device="founder")
        await founder.call("create", kind="group", conversation=GROUP, name="Team",
                           members=USERS[1:])
        await founder.close()
        for driver in self.drivers:
            await driver.proxy.open()
            driver.proxy.target = self.server.port
            await driver.start()

    async def kill_server(self):
        self.server.kill()
        await asyncio.to_thread(self.server.start)
        for driver in self.drivers:
            driver.proxy.target = self.server.port

    async def close(self):
        for driver in self.drivers:
            await driver.end()

    async def abandon(self):
        for driver in self.drivers:
            driver.proxy.close()
            if driver.process is not None:
                await driver.kill()


# --- part one: nothing lost, doubled or out of order ------------------------------------------------

def lag(world, driver):
    most = max(len(one.had.get(GROUP, [])) for one in world.drivers)
    return most - len(driver.had.get(GROUP, []))


async def write(world, driver):
    """One user's life until there have been cuts enough."""
    chance = world.random
    while world.cuts < world.options.cuts:
        await world.wait(lambda: len(driver.unsent) < UNSENT_MOST
                         and all(lag(world, one) < LAG_MOST for one in world.drivers)
                         or world.cuts >= world.options.cuts, f"{driver.user} may write on")
        if chance.random() < 0.8:
            driver.send("conversation", GROUP)
        else:
            driver.send("user", chance.choice([user for user in USERS if user != driver.user]))
        if chance.random() < 0.5:
            await asyncio.sleep(chance.random() * 0.02)
        if chance.random() < STOPS:
            await driver.stop()
            await driver.start()
        elif chance.random() < KILLS:
            await driver.kill()
            await driver.start()


async def disturb(world):
    """The server is killed each time a share of the cuts has been made."""
    for i in range(1, SERVER_KILLS + 1):
        share = world.options.cuts * i // (SERVER_KILLS + 1)
        while world.cuts < share:
            await asyncio.sleep(0.05)
        await world.kill_server()


def set_wild(world, is_wild):
    for driver in world.drivers:
        driver.proxy.is_wild = is_wild


def has_all(world, driver):
    count = sum(len(texts(driver, conversation)) for conversation in driver.had)
    return count >= sum(len(sent) for author in world.drivers
                        for to, sent in author.written.items()
                        if to in (GROUP, driver.user) or author is driver)


def texts(driver, conversation):
    return [message for message in driver.had[conversation] if message["kind"] == "text"]


async def survive(world):
    set_wild(world, True)
    disturbing = asyncio.create_task(disturb(world))
    await asyncio.gather(*(write(world, driver) for driver in world.drivers))
    await disturbing
    for driver in world.drivers:
        await driver.wait(lambda d=driver: not d.unsent and not d.unkept, "the outbox is empty")
    set_wild(world, False)
    for driver in world.drivers:
        await driver.wait(lambda d=driver: has_all(world, d), "everything has come")
    for driver in world.drivers:
        check(world, driver)
    await compare_with_server(world)


def check(world, driver):
    """Order and number of what this user has seen; that seqs have no gap was seen when they came."""
    for author in world.drivers:
        for to, sent in author.written.items():
            if to not in (GROUP, driver.user) and author is not driver:
                continue
            seen = [message["text"] for conversation in driver.had
                    for message in texts(driver, conversation)
                    if message["from"] == author.user and f" to {to} " in message["text"]]
            if seen != sent:
                raise Failure(f"{driver.user} saw of what {author.user} wrote to {to} {seen[:9]}… "
                              f"({len(seen)}), not {sent[:9]}… ({len(sent)})")
    for other in world.drivers:
        for conversation in set(driver.had) & set(other.had):
            if ids(driver, conversation) != ids(other, conversation):
                raise Failure(f"{driver.user} and {other.user} differ in {conversation}")


def ids(driver, conversation):
    return [message["id"] for message in driver.had[conversation]]


async def compare_with_server(world):
    """What the drivers saw is what the server has, asked without a proxy."""
    for driver in world.drivers:
        client = await harness.Client.login(world.server, driver.user, device="judge",
                                            synced=False)
        for conversation in driver.had:
            stored, more = [], True
            while more:
                page = await client.call("history", conversation=conversation, limit=200,
                                         after=stored[-1]["seq"] if stored else 0)
                stored, more = stored + page["messages"], page["more"]
            if [message["id"] for message in stored] != ids(driver, conversation):
                raise Failure(f"{driver.user} has not what the server has in {conversation}")
        await client.close()


# --- part two: what the server says about coming back -----------------------------------------------

def is_back(driver, since):
    return driver.status == "online" and driver.proxy.attempts[-1] > since


async def all_back(world, since=None):
    """Since a moment, or since each one's verdict."""
    for driver in world.drivers:
        await driver.wait(lambda d=driver: is_back(d, since or d.proxy.verdict_at), "it is back")


async def with_real_back_off(world):
    """Everybody stops, and starts as a user would have it."""
    since = time.monotonic()
    for driver in world.drivers:
        await driver.stop()
        driver.is_hasty = False
        await driver.start()
    await all_back(world, since)


async def back_off(world):
    """A server that can't be had is not asked all the time, and not by all at the same moment."""
    for driver in world.drivers:
        driver.proxy.is_refusing = True
        driver.proxy.attempts.clear()
        driver.proxy.cut_all()
    await asyncio.sleep(8)
    counts = [len(driver.proxy.attempts) for driver in world.drivers]
    if max(counts) > 20 or min(counts) == 0:
        raise Failure(f"attempts at a server that refuses, in 8 s: {counts}")
    firsts = [driver.proxy.attempts[0] for driver in world.drivers]
    if len(world.drivers) > 1 and max(firsts) - min(firsts) < 0.002:
        raise Failure("everybody came back in the same moment")
    since = time.monotonic()
    for driver in world.drivers:
        driver.proxy.is_refusing = False
    await all_back(world, since)


async def tell_all(world, verdict):
    """Cuts every connection, and gives each client that verdict on its next `connect`."""
    for driver in world.drivers:
        driver.status = "cut"
        driver.proxy.verdict_at = None
        driver.proxy.verdict = verdict
        driver.proxy.cut_all()
    for driver in world.drivers:
        await driver.wait(lambda d=driver: d.proxy.verdict_at, f"it comes for {verdict}")


def waits(world):
    """How long each client took from its verdict to its next attempt."""
    return [next(at for at in driver.proxy.attempts if at > driver.proxy.verdict_at)
            - driver.proxy.verdict_at for driver in world.drivers]


async def draining(world):
    await tell_all(world, {"close": 4001, "reason": "3000"})
    await all_back(world)
    found = waits(world)
    if max(found) < 0.15:  # three times within a twentieth: once in 8,000 by chance
        raise Failure(f"a server that drains for 3 s was asked after {found} s")
    print(f"  draining for 3 s: back after {[round(s, 2) for s in found]} s")


async def too_many(world):
    await tell_all(world, {"error": {"code": 429, "name": "rate_limited", "message": "wait",
                                     "retry_after_ms": 1500, "temporary": True}})
    await all_back(world)
    if min(waits(world)) < 1.45:
        raise Failure(f"retry_after_ms 1500, but it came back after {waits(world)} s")


async def kicked(world):
    await tell_all(world, {"close": 4503, "reason": "go away"})
    for driver in world.drivers:
        await driver.wait(lambda d=driver: d.status == "refused", "the state is refused")
    counts = [len(driver.proxy.attempts) for driver in world.drivers]
    await asyncio.sleep(3)
    if counts != [len(driver.proxy.attempts) for driver in world.drivers]:
        raise Failure("who was kicked came back by himself")
    since = time.monotonic()
    for driver in world.drivers:
        await driver.start()
    await all_back(world, since)


async def obey(world):
    await with_real_back_off(world)
    for step in (back_off, draining, too_many, kicked):
        print(f"{step.__name__}", flush=True)
        await step(world)


async def run(world):
    try:
        await play(world)
    finally:
        await world.abandon()


async def play(world):
    await world.open()
    began = time.monotonic()
    await survive(world)
    count = sum(len(sent) for driver in world.drivers for sent in driver.written.values())
    print(f"{world.cuts} cuts, {count} messages in {time.monotonic() - began:.0f} s: "
          "nothing lost, doubled or out of order", flush=True)
    if not world.options.hasty_only:
        await obey(world)
    await world.close()


def main():
    parser = argparse.ArgumentParser(description="see the first comment of this file")
    parser.add_argument("chatcored")
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--hasty-only", action="store_true")
    parser.add_argument("--encodings", default="json,msgpack")
    parser.add_argument("driver", nargs="+")
    options = parser.parse_args()
    world = World(options)
    try:
        asyncio.run(run(world))
        status = world.server.stop()
        if status != 0:
            raise Failure(f"chatcored ended with {status}")
    except Failure as failure:
        print(f"FAILED: {failure} (seed {options.seed})\n{world.server.trace()}")
        world.server.kill()
        return 1
    finally:
        for folder in (world.folder, world.server.directory):
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
