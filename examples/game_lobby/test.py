#!/usr/bin/python3
"""Players join, talk and leave, over the game's own transport: lines."""
import os
import subprocess
import sys


class Game:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)

    def do(self, *packets):
        self.process.stdin.write("".join(packet + "\n" for packet in packets))
        self.process.stdin.flush()

    def expect(self, *lines):
        """These lines come next; the order within what one tick tells is the engine's."""
        got = sorted(self.process.stdout.readline().rstrip("\n") for _ in lines)
        assert got == sorted(lines), (got, lines)


def play(game):
    game.do("ann join", "bob join")
    game.expect("ann joined", "bob joined")
    game.do("ann say hello there")
    game.expect("ann ann hello there", "bob ann hello there")
    game.do("bob leave")
    game.expect("bob left")
    game.do("bob say still here?", "nobody say hm", "ann say alone")
    game.expect("ann ann alone")
    game.do("bob join")
    game.expect("bob joined")
    game.do("bob say back")
    game.expect("ann bob back", "bob bob back")
    game.do("b\x01b join", "x" * 65 + " join", "", " join", "ann", "ann dance")
    game.expect("b\x01b may not", "x" * 65 + " may not")
    names = [f"p{n}" for n in range(14)]
    for name in names:
        game.do(f"{name} join")
        game.expect(f"{name} joined")
    game.do("late join")
    game.expect("late may not")
    game.do("ann say all")
    game.expect(*(f"{name} ann all" for name in ["ann", "bob", *names]))


def main():
    game = Game(sys.argv[1])
    try:
        play(game)
        threads = os.listdir(f"/proc/{game.process.pid}/task")
        sockets = [link for fd in os.listdir(f"/proc/{game.process.pid}/fd")
                   if (link := os.readlink(f"/proc/{game.process.pid}/fd/{fd}")).startswith("socket")]
        assert len(threads) == 1 and not sockets, (threads, sockets)
        game.process.stdin.close()
        assert game.process.wait(20) == 0, game.process.returncode
    finally:
        game.process.kill()
    print("ok players_talk")


main()
