#!/usr/bin/python3
"""IRC over WebSocket (text.ircv3.net, binary.ircv3.net) at examples/ircd, with a client that this
project did not write.

  irc_websocket_test.py IRCD
"""
import asyncio
import re

from harness import play, websockets
from irc_peer import PATIENCE_S, Irc, Ircd

TEXT, BINARY = "text.ircv3.net", "binary.ircv3.net"


async def connect(server, *protocols):
    return await websockets.connect(f"ws://127.0.0.1:{server.irc_ws_port}/irc",
                                    subprotocols=protocols or None, max_size=2 ** 20)


async def take(socket, pattern):
    """The next message that the expression finds; each message is one line without its end."""
    async def search():
        while True:
            line = await socket.recv()
            text = line if isinstance(line, str) else line.decode()
            assert "\r" not in text and "\n" not in text, line
            if re.search(pattern, text):
                return line
    return await asyncio.wait_for(search(), PATIENCE_S)


async def login(server, user, *protocols):
    socket = await connect(server, *protocols)
    for line in (f"PASS {server.token(user)}", f"NICK {user}", f"USER {user} 0 * :{user}"):
        await socket.send(line)
    await take(socket, f" 001 {user} ")
    return socket


async def closes(socket, code):
    try:
        while True:
            await asyncio.wait_for(socket.recv(), PATIENCE_S)
    except websockets.ConnectionClosed:
        assert socket.close_code == code, socket.close_code


async def talk(stage):
    """IRC on a plain socket, IRC over WebSocket and the gateway's WebSocket, in one channel."""
    server = stage.server
    web = await stage.login("wes")
    await web.call("create", kind="group", conversation="#three", name="", members=[])
    plain = await Irc.login(server, "pat")
    await plain.join("#three")
    for protocol, kind in ((TEXT, str), (BINARY, bytes), (None, str)):
        user = f"u{kind.__name__}{protocol is None}"
        socket = await login(server, user, *([protocol] if protocol else []))
        assert socket.subprotocol == protocol
        await socket.send("JOIN #three")
        await take(socket, r" 366 ")
        await socket.send("PRIVMSG #three :grüße\r\n")
        assert (await web.take("message", text="grüße"))["from"] == user
        await plain.take(rf":{user}!\S+ PRIVMSG #three :grüße$")
        await web.send("#three", text="ä" * 900)
        line = await take(socket, r":wes!\S+ PRIVMSG #three :ä")
        assert isinstance(line, kind)
        await socket.ping()
        await socket.send(["PING ", "in", " three"])
        await take(socket, r"PONG \S+ :in")
        await socket.close()
    both = await connect(server, "unknown", BINARY, TEXT)
    assert both.subprotocol == BINARY


async def ends(stage):
    socket = await login(stage.server, "quin", TEXT)
    await socket.send("QUIT :bye")
    await take(socket, r"^ERROR ")
    await closes(socket, 1000)


async def bad(stage):
    """Each bad connection ends by its code, and the server lives."""
    server = stage.server
    text = await connect(server, TEXT)
    await text.send("x" * 4609)
    await closes(text, 1009)
    text = await connect(server, TEXT)
    await text.send("x" * 4608)
    await take(text, r" 417 ")
    try:
        await connect(server, "unknown")
        raise AssertionError("an unknown subprotocol was taken")
    except websockets.InvalidStatusCode as refusal:
        assert refusal.status_code == 400

    async def raw(*frames):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.irc_ws_port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
                     b"\r\n")
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        for frame in frames:
            for byte in frame:  # no frame has to come whole
                writer.write(bytes([byte]))
                await writer.drain()
        answer = await asyncio.wait_for(reader.readexactly(4), PATIENCE_S)
        writer.transport.abort()
        assert answer[:2] == b"\x88\x02", answer
        return int.from_bytes(answer[2:4], "big")

    mask = bytes(4)
    assert await raw(b"\x81\x01x") == 1002                      # not masked
    assert await raw(b"\xc1\x81" + mask + b"x") == 1002         # an extension that is not there
    assert await raw(b"\x83\x81" + mask + b"x") == 1002         # no such opcode
    assert await raw(b"\x80\x81" + mask + b"x") == 1002         # goes on with nothing
    assert await raw(b"\x09\x81" + mask + b"x") == 1002         # a ping in parts
    assert await raw(b"\x81\x81" + mask + b"\xff") == 1007      # no UTF-8
    assert await raw(b"\x82\xff" + b"\xff" * 8 + mask) == 1009  # longer than anything
    reader, writer = await asyncio.open_connection("127.0.0.1", server.irc_ws_port)
    writer.write(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 2000)
    assert b" 400 " in await asyncio.wait_for(reader.read(100), PATIENCE_S)
    writer.close()
    await login(server, "still", TEXT)


def main():
    with Ircd() as server:
        for step in (talk, ends, bad):
            play(server, step)
            print(f"ok: {step.__name__}", flush=True)


main()
