#!/usr/bin/python3
"""clients/python: installed by pip into an environment of its own, its tests, and its example, a bot,
against CHATCORED: python_client_test.py CHATCORED [OPTION…]. With options, cut_proxy/run.py with them
instead. With --bot PROGRAM, that bot (examples/bot) in place of all."""
import asyncio
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import harness  # noqa: E402

CLIENT = os.path.join(HERE, "..", "..", "clients", "python")
CUT_PROXY = os.path.join(HERE, "cut_proxy")


def install(folder):
    """The environment's python."""
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--system-site-packages", folder], check=True)
    python = os.path.join(folder, "bin", "python")
    source = os.path.join(folder, "source")
    subprocess.run(["cp", "-r", CLIENT, source], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation",
                    "--disable-pip-version-check", source], check=True)
    return python


async def ask_bot(server, command):
    """Tells the bot something before it is there, and while it is; both are answered once."""
    client = await harness.Client.login(server, "alice")
    await client.call("send", user="echo", client_id="1", text="are you there?")
    bot = subprocess.Popen(command)
    try:
        await client.take("message", **{"from": "echo"})
        await client.call("send", user="echo", client_id="2", text="and now?")
        answer = await client.take("message", **{"from": "echo"})
        assert answer["text"] == "and now?" and answer["seq"] == 4, answer
    finally:
        bot.terminate()
        bot.wait()
    await client.close()


def try_bot(chatcored, command_of):
    """`command_of` makes the bot's command line of the server."""
    server = harness.Server(path=chatcored)
    server.start()
    try:
        asyncio.run(asyncio.wait_for(ask_bot(server, command_of(server)), 60))
    finally:
        server.stop()
    print("ok the bot answers once")


def c_bot(program, folder, server):
    token_file = os.path.join(folder, "token")
    with open(token_file, "w", encoding="ascii") as file:
        file.write(server.token("echo") + "\n")
    return [program, f"http://127.0.0.1:{server.port}", token_file, os.path.join(folder, "data")]


def python_bot(python, folder, server):
    return [python, os.path.join(CLIENT, "examples", "echo.py"), f"http://127.0.0.1:{server.port}",
            server.token("echo"), os.path.join(folder, "echo.sqlite")]


def main():
    chatcored, *options = sys.argv[1:]
    if options and options[0] == "--bot":
        with tempfile.TemporaryDirectory(prefix="chatcore-bot-") as folder:
            try_bot(chatcored, lambda server: c_bot(options[1], folder, server))
        return 0
    if options:
        return subprocess.run([sys.executable, os.path.join(CUT_PROXY, "run.py"), chatcored,
                               *options, "--", sys.executable,
                               os.path.join(CUT_PROXY, "python_driver.py")],
                              check=False).returncode
    with tempfile.TemporaryDirectory(prefix="chatcore-python-") as folder:
        python = install(os.path.join(folder, "venv"))
        tests = os.path.join(CLIENT, "tests", "test_client.py")
        subprocess.run([python, tests, "-v"], check=True, cwd=folder)
        try_bot(chatcored, lambda server: python_bot(python, folder, server))
    return 0


if __name__ == "__main__":
    sys.exit(main())
