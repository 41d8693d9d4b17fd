"""The data folder's disk. One that takes no more: sends are refused by name, /readyz says so,
nothing that was acknowledged is lost, and all goes on by itself when there is room again. And who
may read what is there.

A limit of file sizes stands for the full disk: it needs no rights and no file system of its own.

    disk_test.py CHATCORED
"""
import asyncio
import os
import resource
import sys
import time
import urllib.error
import urllib.request

from harness import Client, Refused, Server

TEXT = "x" * 2000
REFUSALS = 5
MESSAGES_MAX = 2000
READY_WITHIN_S = 15  # the engine forgets a refusal after 5


def status(server, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}") as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def limit_files(server, size):
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE,
                     (hard if size is None else size, hard))


def log_size(server):
    return os.path.getsize(os.path.join(server.directory, "data", "log", "data.mdb"))


async def fill(server):
    """Sends until the log takes no more; answers the client ids that were acknowledged."""
    ann = await Client.login(server, "ann")
    acknowledged, refusals = [], []
    for i in range(MESSAGES_MAX):
        try:
            await ann.send(user="ben", client_id=str(i), text=TEXT)
            acknowledged.append(str(i))
        except Refused as error:
            refusals.append(error)
            if len(refusals) == REFUSALS:
                break
    assert len(refusals) == REFUSALS, "the limit was never met"
    for refusal in refusals:
        assert refusal.name == "unavailable" and refusal.error["temporary"], refusal
        assert "no space" in refusal.error["message"], refusal
    await ann.lose()
    return acknowledged


async def check(server, acknowledged):
    ann = await Client.login(server, "ann", device="new")
    sent = await ann.send(user="ben", client_id=acknowledged[-1], text=TEXT)
    assert sent["duplicate"], "it was acknowledged"
    await ann.send(user="ben", client_id="after", text="room again")
    ben = await Client.login(server, "ben", synced=False)
    await ben.take("synced", within=20)
    seqs = [body["seq"] for key, body in ben.pushes if key == "message"]
    assert seqs == list(range(1, len(acknowledged) + 2)), (seqs, len(acknowledged))
    await ann.lose()
    await ben.lose()


def wait_until_ready(server):
    deadline = time.monotonic() + READY_WITHIN_S
    while status(server, "/readyz") != 200:
        assert time.monotonic() < deadline, f"never ready again\n{server.trace()}"
        time.sleep(0.1)


def full_disk():
    with Server("--spam-filter-off", "--send-rate", "off", "--search-off") as server:
        assert status(server, "/readyz") == 200
        limit_files(server, log_size(server) + 65536)
        acknowledged = asyncio.run(fill(server))
        assert status(server, "/readyz") == 503
        assert status(server, "/healthz") == 200
        limit_files(server, None)
        wait_until_ready(server)
        asyncio.run(check(server, acknowledged))
        server.kill()
        server.start()
        asyncio.run(check(server, acknowledged[:-1] + ["after"]))


async def say_something(server):
    ann = await Client.login(server, "ann")
    await ann.send(user="ben", text="for ben's eyes only")
    upload = await ann.call("upload", name="a", type="text/plain", bytes=2)
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{upload['url']}", b"hi",
                                     upload["headers"], method=upload["method"])
    urllib.request.urlopen(request).close()
    await ann.send(user="ben", media=[upload["media"]])
    await ann.call("search", text="eyes")  # the index has it
    await ann.lose()


def only_the_owner_reads():
    """Whatever the umask is, and though the folder was there and is everybody's to list."""
    before = os.umask(0)
    server = Server()
    data = os.path.join(server.directory, "data")
    try:
        os.mkdir(data, 0o755)
        with server:
            asyncio.run(say_something(server))
            for folder, _, files in os.walk(data):
                for path in [os.path.join(folder, name) for name in files]:
                    assert os.stat(path).st_mode & 0o077 == 0, f"{path} is others' to read"
    finally:
        os.umask(before)


def main():
    todo = [full_disk, only_the_owner_reads]
    for function in todo:
        function()
        print(f"ok   {function.__name__}", flush=True)
    print(f"{len(todo)} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
