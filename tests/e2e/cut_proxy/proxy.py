"""A proxy that does to WebSocket connections what bad networks do, and worse: it cuts them in the
middle of anything, delays, hands on halves of a frame with a pause between, and repeats frames.

It speaks TCP on both sides and looks at frames only to know where one ends, so that a repeated one
is a whole one: what a client must survive are doubled messages and replies, while a stream in which
bytes are doubled is a broken one, and says nothing about clients. A client's first frame is not
repeated: a second `connect` ends a session for good. Compression is taken out of the handshake,
because a repeated compressed frame would be a broken one, too.

One Proxy stands before one client, so its `attempts` are those of that client. `random` is the
runner's: a seed repeats the decisions, though not the times at which traffic comes.
"""
import asyncio
import json
import time

try:
    import msgpack
except ImportError:
    msgpack = None

# Of a connection before it is cut: mostly soon, now and then late enough for any catching up, without
# which a client would never get a cursor.
SHORT_LIFE_BYTES = 60_000
LONG_LIFE_BYTES = 1_000_000
LONG_LIVES = 0.05
REPEATED = 0.05
HALVED = 0.2
DELAYED = 0.1
DELAY_S = 0.03
READ_BYTES = 65_536

TEXT, BINARY, CLOSE = 1, 2, 8


def frame_end(data):
    """Where the first frame of `data` ends, its first byte, and where its payload begins; None if
    the frame is not whole."""
    if len(data) < 2:
        return None
    length, at = data[1] & 0x7F, 2
    if length >= 126:
        size = 2 if length == 126 else 8
        length, at = int.from_bytes(data[2:2 + size], "big"), 2 + size
    at += 4 if data[1] & 0x80 else 0
    return (at + length, data[0], at) if len(data) >= at + length else None


def unmasked(data, at):
    mask = data[at - 4:at]
    return bytes(byte ^ mask[i % 4] for i, byte in enumerate(data[at:]))


def server_frame(opcode, payload):
    head = bytes([0x80 | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    return head + bytes([126]) + len(payload).to_bytes(2, "big") + payload


def without_compression(head):
    lines = head.split(b"\r\n")
    return b"\r\n".join(line for line in lines
                        if not line.lower().startswith(b"sec-websocket-extensions"))


class Cut(Exception):
    """This connection has reached its end."""


class Connection:
    """One client's connection and the one behind it. Two tasks run, one for each direction; the
    first that ends takes the other with it."""

    def __init__(self, proxy, client, server):
        self.proxy = proxy
        self.client = client  # each is (reader, writer)
        self.server = server
        random = proxy.random
        is_long = random.random() < LONG_LIVES
        self.left = 200 + (LONG_LIFE_BYTES if is_long else random.random() ** 3 * SHORT_LIFE_BYTES)

    async def run(self):
        tasks = [asyncio.create_task(self.pass_on(self.client[0], self.server[1], True)),
                 asyncio.create_task(self.pass_on(self.server[0], self.client[1], False))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, (Cut, OSError, EOFError)):
                raise result

    async def pass_on(self, reader, writer, is_upward):
        head = await reader.readuntil(b"\r\n\r\n")
        await self.put(writer, without_compression(head) if is_upward else head)
        waiting, is_first = b"", is_upward
        while True:
            received = await reader.read(READ_BYTES)
            if not received:
                return
            waiting += received
            while (found := frame_end(waiting)) is not None:
                end, first, at = found
                frame, waiting = waiting[:end], waiting[end:]
                if is_first:
                    await self.obey_verdict(first & 0x0F, frame, at)
                await self.put(writer, frame)
                if not is_first and self.is_repeated(first):
                    await self.put(writer, frame)
                is_first = False

    def is_repeated(self, first):
        """Whole messages of text or bytes only: fragments and control frames stay as they are."""
        return (self.proxy.is_wild and first & 0x80 and first & 0x0F in (TEXT, BINARY)
                and self.proxy.random.random() < REPEATED)

    async def put(self, writer, data):
        proxy, random = self.proxy, self.proxy.random
        if not proxy.is_wild:
            writer.write(data)
            await writer.drain()
            return
        if random.random() < DELAYED:
            await asyncio.sleep(random.random() * DELAY_S)
        self.left -= len(data)
        if self.left <= 0:
            writer.write(data[:int(len(data) * random.random())])
            proxy.cuts += 1
            raise Cut()
        half = random.randrange(len(data)) if random.random() < HALVED else 0
        if half:
            writer.write(data[:half])
            await asyncio.sleep(random.random() * DELAY_S / 10)
        writer.write(data[half:])
        await writer.drain()

    async def obey_verdict(self, opcode, frame, at):
        """What the runner wants this client to be told instead of passing on its `connect`."""
        verdict, self.proxy.verdict = self.proxy.verdict, None
        if verdict is None:
            return
        if "close" in verdict:
            payload = verdict["close"].to_bytes(2, "big") + verdict.get("reason", "").encode()
            answer = server_frame(CLOSE, payload)
        else:
            answer = server_frame(opcode, error_reply(opcode, unmasked(frame, at), verdict["error"]))
        self.client[1].write(answer)
        await self.client[1].drain()
        self.proxy.verdict_at = time.monotonic()
        if "close" in verdict:
            await self.client[0].read()  # its own close frame, and the end
        else:
            await asyncio.wait_for(self.client[0].read(READ_BYTES), 10)
        raise Cut()

    def end(self):
        for _, writer in (self.client, self.server):
            writer.close()


def error_reply(opcode, command, error):
    if opcode == TEXT:
        number = json.loads(command.split(b"\n")[0])["id"]
        return json.dumps({"id": number, "error": error}).encode()
    unpacker = msgpack.Unpacker(raw=False)
    unpacker.feed(command)
    return msgpack.packb({"id": next(unpacker)["id"], "error": error})


class Proxy:
    """`is_wild`: it cuts, delays, halves and repeats. `is_refusing`: it ends each connection at
    once. `verdict`: the answer to the next `connect`, {"close": CODE, "reason": TEXT} or {"error": …}."""

    def __init__(self, random):
        self.random = random
        self.target = 0  # the server's port; it may change while connections come and go
        self.cuts = 0
        self.attempts = []  # when each connection was made, time.monotonic()
        self.is_wild = False
        self.is_refusing = False
        self.verdict = None
        self.verdict_at = None
        self.connections = set()

    async def open(self):
        self.listener = await asyncio.start_server(self.accepted, "127.0.0.1", 0)
        self.port = self.listener.sockets[0].getsockname()[1]
        return self

    async def accepted(self, reader, writer):
        self.attempts.append(time.monotonic())
        if self.is_refusing:
            writer.close()
            return
        try:
            server = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        connection = Connection(self, (reader, writer), server)
        self.connections.add(connection)
        try:
            await connection.run()
        finally:
            self.connections.discard(connection)
            connection.end()

    def cut_all(self):
        for connection in self.connections:
            connection.end()

    def close(self):
        self.listener.close()
        self.cut_all()
