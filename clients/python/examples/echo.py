#!/usr/bin/env python3
"""A bot that says again what it is told directly: echo.py URL TOKEN FILE."""
import asyncio
import sys

from chatcore_client import Client


async def main() -> None:
    url, token, path = sys.argv[1:]
    async with Client(url, token, "echo", path=path) as client:
        me = None
        async for name, body in client:
            if name == "hello":
                me = body["user"]
            elif name == "message" and body["kind"] == "text" and body["from"] != me:
                # The message's id makes the answer's: killed in between, it answers once all the same.
                await client.send(conversation=body["conversation"], text=body["text"],
                                  client_id=f"echo-{body['id']}")
            elif name == "state" and body.status == "refused":
                sys.exit(f"the server has nothing for this bot: {body.reason}")


if __name__ == "__main__":
    asyncio.run(main())
