#!/usr/bin/python3
"""clients/python as run.py's client under test: what is read and told stands there."""
import asyncio
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "..", "..", "clients", "python", "src"))
from chatcore_client import ChatError, Client  # noqa: E402


def tell(what, **fields):
    print(json.dumps({"tell": what, **fields}), flush=True)


async def listen(client):
    async for name, body in client:
        if name == "message":
            tell("message", **{key: body.get(key) for key in
                               ("conversation", "seq", "id", "from", "kind", "text")})
        elif name == "state":
            tell("state", status=body.status)
        elif name == "sent":
            tell("sent", client_id=body["entry"].client_id)
        elif name == "failed":
            tell("failed", client_id=body["entry"].client_id, error=body["error"]["name"])


class Driver:
    def __init__(self):
        self.client = None
        self.listener = None

    async def start(self, url, token, device, folder, encoding, is_hasty):
        if self.client is None or self.client.state.status != "refused":
            os.makedirs(folder, exist_ok=True)
            self.client = Client(url, lambda reason: token, device, encoding=encoding,
                                 path=os.path.join(folder, "client.sqlite"),
                                 random=lambda: random.random() * (0.02 if is_hasty else 1))
            self.listener = asyncio.create_task(listen(self.client))
        await self.client.start()

    async def send(self, **draft):
        try:
            await self.client.send(**draft)
        except ChatError as error:
            if error.name != "conflict":
                raise
        tell("kept", client_id=draft["client_id"])

    async def stop(self):
        await self.client.close()
        await self.listener
        self.client = None
        tell("stopped")


async def main():
    driver = Driver()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        await getattr(driver, command.pop("do"))(**command)
    if driver.client:
        await driver.client.close()
        await driver.listener


if __name__ == "__main__":
    asyncio.run(main())
