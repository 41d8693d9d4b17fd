#!/usr/bin/python3
"""examples/ircd with clients that people use, on a terminal, and a WebSocket user beside them.

  irc_terminal_test.py IRCD
"""
import asyncio
import fcntl
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios

from harness import play
from irc_peer import PATIENCE_S, Ircd


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

    def keys(self, text):
        os.write(self.master, text.encode())

    def type(self, text):
        self.keys(text + "\r")

    async def shows(self, text):
        for _ in range(100):
            if text in self.screen:
                return
            await asyncio.sleep(PATIENCE_S / 100)
        raise AssertionError(f"{text!r} is not on the screen: {self.screen[-3000:]!r}")

    async def shows_again(self, text):
        count = self.screen.count(text)
        for _ in range(100):
            if self.screen.count(text) > count:
                return
            await asyncio.sleep(PATIENCE_S / 100)
        raise AssertionError(f"{text!r} is not shown again: {self.screen[-3000:]!r}")

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE_S)
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)


async def joins_and_speaks(terminal, web, client, nick):
    """The channel, whose name is the client's, has a name for people; what was typed is answered."""
    await terminal.shows("Be kind.")
    terminal.type(f"/join #{client}")
    await web.take("message", within=PATIENCE_S, kind="system", action="added")
    await terminal.shows(f"For {client}")
    terminal.type(f"typed in {client}")
    heard = await web.take("message", within=PATIENCE_S, text=f"typed in {client}")
    assert heard["from"] == nick
    return heard


async def irssi(stage):
    server = stage.server
    web = await stage.login("wes")
    await web.call("create", kind="group", conversation="#irssi", name="For irssi", members=[])
    terminal = Terminal("irssi", f"--home={server.directory}/irssi", "-c", "127.0.0.1", "-p",
                        str(server.irc_port), "-w", server.token("ike"), "-n", "ike")
    try:
        await joins_and_speaks(terminal, web, "irssi", "ike")
        await web.send("#irssi", text="seen_in_irssi")
        await terminal.shows("seen_in_irssi")
        terminal.type("/me waves")
        await web.take("message", within=PATIENCE_S, text="/me waves")
        terminal.type("/part")
        await web.take("message", within=PATIENCE_S, kind="system", action="left")
    finally:
        terminal.end()


async def weechat(stage):
    """What is said comes and goes, history comes by CHATHISTORY, and who types is shown. This
    release of weechat asks for neither batches, nor echoes, nor read markers."""
    server = stage.server
    web = await stage.login("wim")
    await web.call("create", kind="group", conversation="#weechat", name="For weechat", members=[])
    home = f"{server.directory}/weechat"
    terminal = Terminal(
        "weechat", "--dir", home, "-r", f"/server add test 127.0.0.1/{server.irc_port} -notls",
        "-r", "/set irc.server_default.capabilities *",
        "-r", f"/set irc.server.test.password {server.token('wanja')}",
        "-r", "/set irc.server.test.nicks wanja", "-r", "/set irc.look.typing_status_nicks on",
        "-r", "/set weechat.look.paste_max_lines -1", "-r", "/set typing.look.enabled_nicks on",
        "-r", "/connect test")
    try:
        heard = await joins_and_speaks(terminal, web, "weechat", "wanja")
        await web.call("typing", conversation="#weechat", on=True)
        await terminal.shows("Typing")
        await web.send("#weechat", text="seen_in_weechat")
        await terminal.shows("seen_in_weechat")
        terminal.type("/me nods")
        await web.take("message", within=PATIENCE_S, text="/me nods")
        terminal.type("/quote CHATHISTORY LATEST #weechat msgid=" + heard["id"] + " 5")
        await terminal.shows_again("seen_in_weechat")
        terminal.type("/query wim")
        terminal.type("to you alone")
        await web.take("message", within=PATIENCE_S, text="to you alone")
        terminal.type("/quit")
        terminal.process.wait(PATIENCE_S)
    finally:
        terminal.end()


def main():
    driven = 0
    with Ircd() as server:
        for client in (irssi, weechat):
            if shutil.which(client.__name__):
                play(server, client)
                driven += 1
                print(f"ok: {client.__name__}", flush=True)
            else:
                print(f"SKIPPED: {client.__name__} is not installed", flush=True)
    return 0 if driven else 77


sys.exit(main())
