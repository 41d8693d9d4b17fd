"""The shop of examples/fastapi_chat.py: a customer is told of an order over WebSocket."""
import asyncio
import json
import os
import pathlib
import sys
import tempfile
import unittest

import httpx
import uvicorn
import websockets

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "examples"))


class Shop(unittest.IsolatedAsyncioTestCase):
    async def test_an_order_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["CHAT_DATA"] = folder
            import fastapi_chat
            server = uvicorn.Server(uvicorn.Config(fastapi_chat.app, port=0, log_level="error"))
            running = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            try:
                async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                    await self.shop(client)
            finally:
                server.should_exit = True
                await running

    async def shop(self, client):
        login = (await client.post("/login", json={"user": "carol"})).json()
        async with websockets.connect(login["chat"]) as socket:
            await socket.send(json.dumps({"id": 1, "connect": {"token": login["token"],
                                                               "device": "web"}}))
            ordered = await client.post("/orders", json={"token": login["token"],
                                                         "article": "a lamp"})
            self.assertEqual(ordered.status_code, 200)
            while True:
                for line in (await asyncio.wait_for(socket.recv(), 10)).splitlines():
                    message = json.loads(line).get("message")
                    if message:
                        self.assertEqual(message["id"], ordered.json()["message"])
                        self.assertEqual(message["text"], "Thank you: a lamp is on its way.")
                        return


if __name__ == "__main__":
    unittest.main()
