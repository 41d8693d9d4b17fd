"""The shop of examples/django_chat: two customers who have logged in to Django talk, by pages and over
the WebSocket, under uvicorn; and what they said is there after a restart."""
import asyncio
import contextlib
import html
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import httpx
import websockets

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent / "examples" / "django_chat"
CREATE = """
from django.contrib.auth.models import User
for name in ("alice", "bob"): User.objects.create_user(name, password="secret-" + name)
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Shop(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.environment = {**os.environ, "SHOP_DATABASE": folder.name + "/shop.db",
                            "CHAT_DATA": folder.name + "/chat"}
        self.manage("migrate", "--verbosity", "0")
        self.manage("shell", "-c", CREATE)

    def manage(self, *arguments):
        subprocess.run([sys.executable, "shop.py", *arguments], cwd=EXAMPLE, check=True,
                       env=self.environment, timeout=60)

    @contextlib.contextmanager
    def server(self):
        port = free_port()
        server = subprocess.Popen([sys.executable, "-m", "uvicorn", "shop:application", "--port",
                                   str(port), "--log-level", "error"], cwd=EXAMPLE,
                                  env=self.environment)
        try:
            until = time.monotonic() + 60
            while True:
                with contextlib.suppress(httpx.TransportError):
                    httpx.get(f"http://127.0.0.1:{port}/login")
                    break
                self.assertLess(time.monotonic(), until, "the server does not start")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGTERM)
            self.assertIn(server.wait(60), (0, -signal.SIGTERM))

    @staticmethod
    def log_in(base, name):
        client = httpx.Client(base_url=base, timeout=30)
        client.get("/login")
        answer = client.post("/login", data={
            "username": name, "password": "secret-" + name,
            "csrfmiddlewaretoken": client.cookies["csrftoken"]})
        assert answer.status_code == 302, answer.text
        return client

    @staticmethod
    def say(client, peer, text):
        client.get(f"/chat/{peer}/")
        return client.post(f"/chat/{peer}/", data={
            "text": text, "csrfmiddlewaretoken": client.cookies["csrftoken"]})

    @staticmethod
    def said(client, peer):
        found = re.findall(r"<li><b>(.*?)</b> (.*?)</li>", client.get(f"/chat/{peer}/").text)
        return [(name, html.unescape(text)) for name, text in found]

    def test_two_customers_talk(self):
        with self.server() as base:
            self.assertEqual(httpx.get(base + "/chat/bob/").status_code, 302)  # to the log-in
            self.assertEqual(httpx.get(base + "/chat/token").status_code, 302)
            alice, bob = self.log_in(base, "alice"), self.log_in(base, "bob")
            self.assertEqual(self.say(alice, "bob", "Is the <lamp> there?").status_code, 302)
            self.assertEqual(self.said(bob, "alice"), [("alice", "Is the <lamp> there?")])
            asyncio.run(self.live(alice, bob))
            self.assertEqual(alice.post("/chat/bob/", data={"text": "forged"}).status_code, 403)
            before = self.said(alice, "bob")
        with self.server() as base:
            alice = self.log_in(base, "alice")
            self.assertEqual(self.said(alice, "bob"), before)
            self.assertEqual(len(before), 2)

    async def live(self, alice, bob):
        login = alice.get("/chat/token").json()
        async with websockets.connect(login["url"], subprotocols=["chatcore.v1.json"]) as page:
            await page.send(json.dumps({"id": 1, "connect": {"token": login["token"],
                                                             "device": "page"}}))
            await asyncio.to_thread(self.say, bob, "alice", "It is.")
            texts = []
            while "It is." not in texts:
                for line in (await asyncio.wait_for(page.recv(), 20)).splitlines():
                    texts.append(json.loads(line).get("message", {}).get("text"))


if __name__ == "__main__":
    unittest.main()
