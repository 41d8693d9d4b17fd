"""irctest's controller of examples/ircd: how the suite starts one, and logs users in.

The suite gives users passwords; here a password is a token. So a registered user's password stands
for a token that this module signs, and whatever else is given as a password goes out as it is.
$IRCD is the program.
"""
import base64
import hashlib
import hmac
import json
import os
import time

from irctest.basecontrollers import BaseServerController, DirectoryBasedController
from irctest.client_mock import ClientMock
from irctest.runner import NotImplementedByController

SECRET = b"the suite's own secret, of this run only"
tokens = {}  # of (user, password): one process runs one test at a time


def coded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token_of(user):
    signed = b".".join(coded(json.dumps(part).encode()) for part in (
        {"alg": "HS256", "typ": "JWT"}, {"sub": user, "exp": int(time.time()) + 3600}))
    return (signed + b"." + coded(hmac.digest(SECRET, signed, hashlib.sha256))).decode()


def with_token(line):
    """A line of SASL PLAIN: a registered user's password becomes his token."""
    if not isinstance(line, str) or not line.startswith("AUTHENTICATE "):
        return line
    try:
        authzid, user, password = base64.b64decode(line.split(" ")[1]).decode().split("\0")
    except ValueError:
        return line
    if (user, password) not in tokens:
        return line
    plain = "\0".join((authzid, user, tokens[user, password])).encode()
    return "AUTHENTICATE " + base64.b64encode(plain).decode()


send_line = ClientMock.sendLine
ClientMock.sendLine = lambda self, line: send_line(self, with_token(line))


class IrcdController(BaseServerController, DirectoryBasedController):
    software_name = "chatcore ircd"
    supported_sasl_mechanisms = {"PLAIN"}
    supports_sts = False
    sync_sleep_time = 0.15  # a PING is answered before the engine has answered what came before it

    def create_config(self):
        super().create_config()
        with self.open_file("secret") as file:
            file.write(SECRET.decode())

    def run(self, hostname, port, *, password, ssl, run_services, faketime, websocket_hostname,
            websocket_port):
        if password is not None:
            raise NotImplementedByController("a password of the server")
        self.port = port
        self.hostname = hostname
        self.create_config()
        options = ["--listen", f"127.0.0.1:{port}", "--trust", "--name", "My.Little.Server",
                   "--jwt-secret-file", self.directory / "secret"]
        if ssl:
            self.gen_ssl()
            options += ["--tls-cert", self.pem_path, "--tls-key", self.key_path]
        if websocket_port:
            options += ["--irc-ws-listen", f"127.0.0.1:{websocket_port}"]
        self.proc = self.execute([os.environ["IRCD"], *options])

    def wait_for_services(self):
        """There are none: accounts are the engine's."""

    def registerUser(self, case, username, password=None):
        tokens[username, password] = token_of(username)


def get_irctest_controller_class():
    return IrcdController
