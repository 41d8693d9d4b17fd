"""What a message costs through the binding: durable direct messages, sent by asyncio sessions and
delivered to others in the same process.

    python bench.py [MESSAGES] [sqlite]          prints one line of JSON

sqlite: on the log, store and directory of examples/sqlite_backends.py, which are Python too.
"""
import asyncio
import json
import pathlib
import resource
import sys
import tempfile
import time

import chatcore
from chatcore import aio

PAIRS = 50
WINDOW = 20  # sends under way for each session


async def send(session, peer, count):
    for start in range(0, count, WINDOW):
        await asyncio.gather(*(session.send(user=peer, text="x" * 200)
                               for _ in range(min(WINDOW, count - start))))


async def receive(session, count):
    while count:
        count -= (await session.next_event()).message is not None


async def run(engine, total):
    each = total // PAIRS
    senders = [await aio.connect(engine, f"a{n}", "d") for n in range(PAIRS)]
    readers = [await aio.connect(engine, f"b{n}", "d") for n in range(PAIRS)]
    start = time.perf_counter()
    cpu = time.process_time()
    await asyncio.gather(*(send(s, f"b{n}", each) for n, s in enumerate(senders)),
                         *(receive(r, each) for r in readers))
    seconds = time.perf_counter() - start
    cpu = time.process_time() - cpu
    print(json.dumps({"messages": each * PAIRS, "seconds": round(seconds, 2),
                      "per_second": round(each * PAIRS / seconds),
                      "cpu_us_per_message": round(cpu / (each * PAIRS) * 1e6, 1),
                      "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


def backends(folder):
    if "sqlite" not in sys.argv:
        return {}
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "examples"))
    import sqlite_backends as own
    return {"log": own.SqliteLog(folder), "store": own.SqliteStore(folder),
            "directory": own.SqliteDirectory(folder)}


with tempfile.TemporaryDirectory() as folder:
    with chatcore.Engine(folder, spam_filter=False, limits={"send": (10**6, 10**6)},
                         **backends(folder)) as engine:
        asyncio.run(run(engine, int(sys.argv[1]) if len(sys.argv) > 1 else 20000))
