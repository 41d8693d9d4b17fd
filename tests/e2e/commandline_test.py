#!/usr/bin/python3
"""chatcored through the command-line clients websocat (crates.io) and wscat (Debian, npm): what a
person types by hand works. Each that is installed runs: connect, 1:1 send with its acknowledgement
and delivery, a duplicate, bad input. Which one is missing is said; exit 77 when both are.

    commandline_test.py [CHATCORED]
"""
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time

import harness
from harness import JSON, Server

PATIENCE_S = 10
PROBE = 900


def tools():
    found = {}
    websocat = os.environ.get("WEBSOCAT") or shutil.which("websocat")
    if websocat:
        found["websocat"] = [websocat, "--text", "--protocol", JSON]
    else:
        print("SKIPPED: websocat is not installed (cargo install websocat)")
    # Debian's wscat needs Debian's modules also under a Node that is not Debian's.
    environment = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}
    wscat = shutil.which("wscat")
    if wscat and subprocess.run([wscat, "--version"], env=environment, check=False,
                                capture_output=True).returncode == 0:
        found["wscat"] = [wscat, "--no-color", "-s", JSON, "-c"]
    else:
        print("SKIPPED: wscat is not installed, or does not start")
    return found, environment


class Terminal:
    """A command-line client; its standard input are frames to send, its output frames it got."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.objects = []
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)

    def type(self, value):
        self.process.stdin.write((value if isinstance(value, str) else json.dumps(value)) + "\n")
        self.process.stdin.flush()

    def collect(self, line):
        """The objects of a line: wscat shows a prompt before them, websocat joins the lines of one
        frame with spaces; an echo of what was typed is no answer, and is not waited for."""
        start = line.find("{")
        while start >= 0:
            try:
                value, end = json.JSONDecoder().raw_decode(line, start)
            except ValueError:
                return
            self.objects.append(value)
            start = line.find("{", end)

    def wait_until_open(self):
        """wscat says nothing and drops what is typed before it is connected: so it is asked until
        there is an answer, with what is refused whoever asks."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self.type({"id": PROBE, "probe": {}})
            try:
                return self.wait(lambda value: value.get("id") == PROBE, 0.3)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise

    def wait(self, wanted, patience_s=PATIENCE_S):
        deadline = time.monotonic() + patience_s
        while True:
            for index, value in enumerate(self.objects):
                if wanted(value):
                    return self.objects.pop(index)
            try:
                self.collect(self.lines.get(timeout=max(0.01, deadline - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"did not come; there were {self.objects}") from None

    def reply(self, number):
        return self.wait(lambda value: value.get("id") == number)

    def end(self):
        self.process.kill()
        self.process.wait()


def open_terminal(server, command, environment, user):
    terminal = Terminal([*command, server.url], environment)
    terminal.wait_until_open()
    terminal.type({"id": 1, "connect": {"token": server.token(user), "device": "terminal"}})
    assert terminal.reply(1)["connect"]["user"] == user
    terminal.wait(lambda value: "synced" in value)
    return terminal


def converse(alice, bob, peer):
    message = {"user": peer, "client_id": "typed", "text": "by hand"}
    alice.type({"id": 2, "send": message})
    sent = alice.reply(2)["send"]
    got = bob.wait(lambda value: value.get("message", {}).get("id") == sent["message"])
    assert got["message"]["text"] == "by hand", got
    alice.type({"id": 3, "send": message})
    again = alice.reply(3)["send"]
    assert again["message"] == sent["message"] and again["duplicate"] is True, again
    alice.type({"id": 4, "no_such_command": {}})
    assert alice.reply(4)["error"]["name"] == "bad_request"


def run(server, name, command, environment):
    terminals = []
    try:
        for user in ("alice", "bob"):
            terminals.append(open_terminal(server, command, environment, f"{name}-{user}"))
        converse(*terminals, f"{name}-bob")
        print(f"ok   {name}")
        return True
    except (AssertionError, KeyError, BrokenPipeError) as error:
        print(f"FAIL {name}: {error!r}")
        return False
    finally:
        for terminal in terminals:
            terminal.end()


def main():
    harness.program()
    found, environment = tools()
    if not found:
        harness.skip("neither websocat nor wscat")
    with Server() as server:
        results = [run(server, name, command, environment) for name, command in found.items()]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
