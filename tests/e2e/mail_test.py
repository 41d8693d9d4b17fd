#!/usr/bin/python3
"""Mails from outside: what an SMTP server that this project did not write (aiosmtpd) received, read
by Python's email package.

    mail_test.py CHATCORED CHATCORECTL
"""
import asyncio
import email
import email.policy
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from harness import Client, Server, refused, skip
from rest import User

try:
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import SMTP, AuthResult
except ImportError:
    skip("python3-aiosmtpd is not installed")

PATIENCE_S = 20
DIGEST_S = 2
USER, PASSWORD = b"chat", b"pass word"
PUBLIC_URL = "http://chat.example.org"


class Sink(Controller):
    """An SMTP server that keeps what it gets. Some recipients are special."""

    def __init__(self, **options):
        self.mails = []        # (recipients, message, was it over TLS, who logged in)
        self.refused = []      # recipients
        self.connections = 0
        self.deferrals = 2     # of defer@
        options.setdefault("authenticator", self.authenticate)
        super().__init__(self, hostname="127.0.0.1", port=0, **options)

    def factory(self):
        self.connections += 1
        return SMTP(self.handler, **self.SMTP_kwargs)

    def _trigger_server(self):
        """The port is only known now."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    @staticmethod
    def authenticate(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (USER, PASSWORD), handled=False)

    async def handle_RCPT(self, server, session, envelope, address, options):
        answers = {"bounce@example.org": "550 5.1.1 no such user",
                   "rule@example.org": "550 5.7.1 not from here"}
        answer = answers.get(address, "250 OK")
        if address == "defer@example.org" and self.deferrals:
            self.deferrals -= 1
            answer = "451 4.7.1 greylisted"
        if answer != "250 OK":
            self.refused.append(address)
        else:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((envelope.rcpt_tos, message, session.ssl is not None,
                           session.authenticated))
        return "250 OK"

    def to(self, address):
        return [mail for recipients, mail, _, _ in self.mails if address in recipients]

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


def options(sink, *more):
    return ("--smtp-url", sink.url, "--smtp-from", "Chät, <chat@example.org>",
            "--smtp-digest-s", str(DIGEST_S), "--notify-urgent-ms", "300",
            "--notify-window-ms", "300", "--public-url", PUBLIC_URL, "--smtp-trust-servers", *more)


def api_key(server):
    """Of a server that has made sure of the addresses that it sets."""
    made = subprocess.run([sys.argv[2], "keys", f"{server.directory}/data", "create", "accounts",
                           "users:write"], capture_output=True, text=True, check=True)
    return made.stdout.strip()


async def until(holds, what):
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


def figure(server, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as reply:
        for line in reply.read().decode().splitlines():
            if line.startswith(f"chatcore_engine_{name} "):
                return int(line.split()[1])
    raise AssertionError(name)


async def register(server, user, address):
    if not hasattr(server, "accounts"):
        server.accounts = api_key(server)
    set_by_server = User(server, token=server.accounts, headers={"X-Chatcore-User": user})
    body = {"push": {"provider": "email", "token": address}}
    assert set_by_server.do("PUT", "/v1/devices/mail", body) == {"verified": True}
    client = await Client.login(server, user)
    await client.send(user="alice", text="hello")  # who have spoken may see each other's presence
    await client.close()


async def away(alice, user):
    deadline = time.monotonic() + PATIENCE_S
    while (await alice.call("presence", users=[user]))["presence"][0]["status"] != "offline":
        assert time.monotonic() < deadline, f"{user} stays online"
        await asyncio.sleep(0.1)


# --- what a mail is --------------------------------------------------------------------------------

FIELDS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "List-Unsubscribe",
          "List-Unsubscribe-Post", "Mime-Version", "Content-Type"]


def check_header(mail):
    assert sorted(mail.keys()) == sorted(FIELDS), mail.keys()  # nobody put in another
    assert mail["From"].addresses[0].display_name == "Chät,", mail["From"]
    assert mail["From"].addresses[0].addr_spec == "chat@example.org", mail["From"]
    assert mail["To"].addresses[0].addr_spec == "bob@example.org", mail["To"]
    assert abs(mail["Date"].datetime.timestamp() - time.time()) < 60, mail["Date"]
    assert mail["Message-ID"].endswith("@example.org>"), mail["Message-ID"]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert not mail.defects, mail.defects


GROUP = "Bücher & <b>Kekse</b> =?x?= " + "ü" * 40
TEXT = "Größe\nSubject: <script>alert(1)</script>\n.\n.\nBcc: eve@example.org " + "long " * 60


async def one_mail_of_all(server, sink):
    """Direct messages first, then the group's; what is hostile is text."""
    await register(server, "bob", "bob@example.org")
    alice = await Client.login(server, "alice")
    await alice.call("profile", name="Älice, \"A\" <eve@example.org>")
    await alice.call("create", kind="group", conversation="g", name=GROUP, members=["bob"])
    await away(alice, "bob")
    for number in range(5):
        await alice.send("g", text=f"message {number}")
    await alice.send(user="bob", text=TEXT)
    await until(lambda: sink.to("bob@example.org"), "no mail")
    await asyncio.sleep(2 * DIGEST_S)
    mail, = sink.to("bob@example.org")
    check_header(mail)
    assert mail["Subject"] == "6 new messages in 2 conversations", mail["Subject"]
    text = mail.get_body(("plain",)).get_content().replace("\r\n", "\n")
    html = mail.get_body(("html",)).get_content()
    assert text.index("Älice") < text.index("5 new messages in Bücher & <b>Kekse</b>"), text
    assert "Größe\n  Subject: <script>" in text and "\n  .\n  .\n" in text, ascii(text)
    assert "message 4" in text and PUBLIC_URL in text, text
    assert "<script>" not in html and "<b>" not in html, html
    assert "&lt;script&gt;alert(1)" in html and "Älice, &quot;A&quot; &lt;eve" in html, html
    assert mail["List-Unsubscribe"].strip("<>") in text, mail["List-Unsubscribe"]
    await alice.send("g", text="one more")
    await until(lambda: len(sink.to("bob@example.org")) == 2, "no second mail")
    mail = sink.to("bob@example.org")[1]
    check_header(mail)
    assert mail["Subject"] == "6 new messages in " + GROUP, mail["Subject"]
    await alice.close()


async def none_to_who_came_back(server, sink):
    """What waits for its mail is dropped when the user is there before."""
    before = len(sink.mails)
    alice = await Client.login(server, "alice")
    await away(alice, "bob")
    await alice.send("g", text="soon read")
    bob = await Client.login(server, "bob")
    await asyncio.sleep(3 * DIGEST_S)
    assert len(sink.mails) == before, sink.mails[before:]
    await bob.close()
    await alice.close()


# --- addresses that fail ---------------------------------------------------------------------------

async def each_by_itself(server, sink):
    """A dead address goes, one that is put off is tried again, a rule is no dead address; and nobody
    waits for another."""
    names = ["bounce", "defer", "rule", "carol", "dave"]
    for name in names:
        await register(server, name, f"{name}@example.org")
    await register(server, "eve", "eve@example.org>\r\nRCPT TO:<x@example.org")
    alice = await Client.login(server, "alice")
    for name in [*names, "eve"]:
        await away(alice, name)
        await alice.send(user=name, text="hi")
    for name in ("carol", "dave", "defer"):
        await until(lambda name=name: sink.to(f"{name}@example.org"), f"no mail to {name}")
    assert sink.refused.count("bounce@example.org") == 1, sink.refused
    assert sink.refused.count("defer@example.org") == 2, sink.refused
    await until(lambda: figure(server, "notification_tokens_gone_total") == 2, "gone: bounce, eve")
    assert figure(server, "notifications_retried_total") >= 2
    assert "a mail was not taken" in server.trace(), server.trace()
    await alice.send(user="bounce", text="hi again")
    await alice.send(user="carol", text="hi again")
    await until(lambda: len(sink.to("carol@example.org")) == 2, "no second mail to carol")
    assert sink.refused.count("bounce@example.org") == 1, "a dead address is asked again"
    assert not sink.to("x@example.org"), "a recipient was put in"
    await alice.close()


async def connections_are_kept(sink, server):
    for _ in range(3):
        alice = await Client.login(server, "alice")
        count = len(sink.mails)
        await alice.send(user="dave", text="and again")
        await until(lambda count=count: len(sink.mails) > count, "no mail")
        await alice.close()
    assert sink.connections < len(sink.mails) + len(sink.refused), sink.connections


# --- no more of them -------------------------------------------------------------------------------

def ask(server, url, method, body=None):
    """The status and the text of a request to the path of a link, sent to the server itself."""
    path = url.removeprefix(PUBLIC_URL)
    assert path != url, url
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", body, method=method)
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


async def one_click_ends_them(server, sink):
    """As a mail program does it: after a restart, without logging in, with the key of RFC 8058."""
    link = sink.to("dave@example.org")[0]["List-Unsubscribe"].strip("<>")
    server.kill()
    server.start()
    status, page = ask(server, link, "GET")
    assert status == 200 and "<form method=\"post\">" in page, page
    for wrong in (link[:-1] + ("A" if link[-1] != "A" else "B"), link[:-9], link.split("?")[0]):
        assert ask(server, wrong, "POST", b"List-Unsubscribe=One-Click")[0] == 403, wrong
    alice = await Client.login(server, "alice")
    await alice.send(user="dave", text="a link that was only looked at ends nothing")
    before = len(sink.to("dave@example.org"))
    await until(lambda: len(sink.to("dave@example.org")) > before, "no mail to dave")
    for _ in range(2):
        status, text = ask(server, link, "POST", b"List-Unsubscribe=One-Click")
        assert status == 200 and "no more" in text, (status, text)
    before = len(sink.mails)
    await alice.send(user="dave", text="not by mail")
    await alice.send(user="carol", text="by mail")
    await until(lambda: len(sink.mails) > before, "no mail to carol")
    await asyncio.sleep(2 * DIGEST_S)
    assert len(sink.mails) == before + 1, "a mail to who wants none"
    await alice.close()


# --- whose address is it? --------------------------------------------------------------------------

async def only_who_said_yes(server, sink):
    """A user's own word is not enough: nothing but the question comes before its link is followed."""
    frank = await Client.login(server, "frank")
    push = {"provider": "email", "token": "frank@example.org"}
    assert await frank.call("device", device="mail", push=push) == {"verified": False}
    await until(lambda: sink.to("frank@example.org"), "no question")
    await frank.send(user="alice", text="hello")
    await frank.close()
    alice = await Client.login(server, "alice")
    await away(alice, "frank")
    before = len(sink.mails)
    await alice.send(user="frank", text="not yet")
    await alice.send(user="carol", text="by mail")
    await until(lambda: len(sink.mails) > before, "no mail to carol")
    await asyncio.sleep(2 * DIGEST_S)
    question, = sink.to("frank@example.org")
    text = question.get_body(("plain",)).get_content()
    html = question.get_body(("html",)).get_content()
    assert "frank has asked" in text and "not yet" not in text and not question.defects, text
    link, = [word for word in text.split() if word.startswith(PUBLIC_URL)]
    assert "/v1/verify?token=" in link and link in html and "List-Unsubscribe" not in question
    server.kill()
    server.start()
    status, page = ask(server, link, "GET")
    assert status == 200 and "<form method=\"post\">" in page, page
    assert ask(server, link[:-1] + ("A" if link[-1] != "A" else "B"), "POST")[0] == 403
    assert ask(server, link.replace("verify", "unsubscribe"), "POST")[0] == 403
    assert ask(server, link, "PUT")[0] == 405
    alice = await Client.login(server, "alice")
    await alice.send(user="frank", text="a link that was looked at")
    await asyncio.sleep(2 * DIGEST_S)
    assert len(sink.to("frank@example.org")) == 1, "a mail before the owner's word"
    for _ in range(2):
        assert ask(server, link, "POST")[0] == 200
    await alice.send(user="frank", text="now")
    await until(lambda: len(sink.to("frank@example.org")) == 2, "no mail to frank")
    assert "now" in sink.to("frank@example.org")[1].get_body(("plain",)).get_content()
    await alice.close()


async def not_too_often(server, sink):
    """Nobody can be buried in questions, by one user or by many."""
    names = ["gina", "hugo", "ivan", "jane"]
    users = [await Client.login(server, name) for name in names]
    for user in users[:3]:
        await user.call("device", device="mail",
                        push={"provider": "email", "token": "victim@example.org"})
    again = {"provider": "email", "token": "Victim@example.org"}
    await refused(users[3].call("device", device="mail", push=again), "rate_limited")
    await until(lambda: len(sink.to("victim@example.org")) == 3, "three questions")
    link, = [word for word in sink.to("victim@example.org")[0].get_body(("plain",)).get_content()
             .split() if word.startswith(PUBLIC_URL)]
    await users[0].call("device", device="mail", push={"provider": "email", "token": ""})
    assert ask(server, link, "POST")[0] == 404, "what is not asked for any more was verified"
    for user in users:
        await user.close()


async def over_a_crash(server, sink):
    """What waited for its mail is mailed after a kill -9, and what was mailed is not mailed again,
    but for the one that the kill met."""
    before = len(sink.to("carol@example.org"))
    alice = await Client.login(server, "alice")
    await alice.send(user="carol", text="before the crash")
    await alice.lose()
    server.kill()
    server.start()
    await until(lambda: len(sink.to("carol@example.org")) > before, "no mail after a crash")
    server.kill()
    server.start()
    await asyncio.sleep(4 * DIGEST_S)
    mails = sink.to("carol@example.org")[before:]
    assert all("before the crash" in mail.get_body(("plain",)).get_content() for mail in mails)
    assert len(mails) <= 2 and len({mail["Message-ID"] for mail in mails}) == 1, mails


# --- the server ------------------------------------------------------------------------------------

def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", f"{folder}/key", "-out", f"{folder}/cert"],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert", f"{folder}/key")
    return context


async def mail_carol(server):
    await register(server, "carol", "carol@example.org")
    alice = await Client.login(server, "alice")
    await away(alice, "carol")
    await alice.send(user="carol", text="hi")
    await alice.close()


async def arrives_encrypted(server, sink):
    await mail_carol(server)
    await until(lambda: sink.to("carol@example.org"), "no mail over TLS")
    assert all(is_encrypted and user for _, _, is_encrypted, user in sink.mails), sink.mails


async def does_not_arrive(server, sink, why):
    await mail_carol(server)
    await until(lambda: figure(server, "notifications_retried_total") >= 1, "nothing was tried")
    assert not sink.mails, "a mail went to a server that is not trusted"
    assert why in server.trace(), server.trace()


def over_tls():
    with tempfile.TemporaryDirectory(prefix="chatcore-mail-") as folder:
        context = certificate(folder)
        with open(f"{folder}/password", "wb") as file:
            file.write(PASSWORD + b"\n")
        with open(f"{folder}/wrong", "wb") as file:
            file.write(b"guess\n")
        user = ("--smtp-user", USER.decode(), "--smtp-password-file", f"{folder}/password")
        trusted = ("--smtp-ca-file", f"{folder}/cert")
        strict = {"tls_context": context, "require_starttls": True, "auth_required": True}
        with Sink(**strict) as sink:
            with Server(*options(sink, *trusted, *user)) as server:
                asyncio.run(arrives_encrypted(server, sink))
        with Sink(**strict) as sink:
            with Server(*options(sink, *user)) as server:  # nobody certified it
                asyncio.run(does_not_arrive(server, sink, "a mail was not taken: SSL"))
        with Sink(**strict) as sink:
            with Server(*options(sink, *trusted, "--smtp-user", "chat", "--smtp-password-file",
                                 f"{folder}/wrong")) as server:
                asyncio.run(does_not_arrive(server, sink, "535"))
        with Sink() as sink:  # it has no STARTTLS
            with Server(*options(sink)) as server:
                asyncio.run(does_not_arrive(server, sink, "a mail was not taken"))
    print("ok only a trusted server gets mails, after TLS and a log-in", flush=True)


def settings_are_checked():
    for given, told in ((["--smtp-url", "http://x"], "--smtp-url: http://x"),
                        (["--smtp-url", "smtp://x"], "--smtp-from: no address"),
                        (["--smtp-url", "smtp://x", "--smtp-from", "x\r\ny@z"], "--smtp-from: ")):
        result = subprocess.run([sys.argv[1], "--check-config", *given], capture_output=True,
                                text=True, timeout=PATIENCE_S, check=False)
        assert result.returncode == 1 and told in result.stderr, result
    print("ok settings of mails are checked", flush=True)


def main():
    settings_are_checked()
    with Sink() as sink:
        with Server(*options(sink, "--smtp-tls-off")) as server:
            asyncio.run(one_mail_of_all(server, sink))
            print("ok one mail of all that was missed", flush=True)
            asyncio.run(none_to_who_came_back(server, sink))
            asyncio.run(each_by_itself(server, sink))
            asyncio.run(connections_are_kept(sink, server))
            print("ok addresses that fail hold up no other", flush=True)
            asyncio.run(one_click_ends_them(server, sink))
            print("ok one click ends the mails", flush=True)
            asyncio.run(only_who_said_yes(server, sink))
            asyncio.run(not_too_often(server, sink))
            print("ok an address gets mails once its owner has said so", flush=True)
            asyncio.run(over_a_crash(server, sink))
            print("ok a crash loses no mail", flush=True)
    over_tls()


main()
