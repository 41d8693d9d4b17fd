"""A client of raw bytes: what no library would send, and frames as they come."""
import base64
import json
import os
import re
import socket
import struct
import time

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def masked(opcode, payload=b"", final=True, announce=None):
    """A frame; `announce` is a size that need not be true."""
    size = len(payload) if announce is None else announce
    head = bytes([opcode | (0x80 if final else 0)])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += bytes([0x80 | 126]) + struct.pack(">H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack(">Q", size)
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


class Raw:
    """A TCP connection."""

    def __init__(self, server, timeout=5, receive_buffer=None, source=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", server.port))
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return data

    def take(self, size):
        while len(self.buffer) < size:
            assert self.more(), "the connection ended"
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def is_closed(self):
        """Waits for the server to end the connection."""
        try:
            while self.more():
                pass
        except ConnectionError:
            pass
        return True

    def response(self):
        """A HTTP answer: status, headers, body."""
        while b"\r\n\r\n" not in self.buffer:
            assert self.more(), "no answer"
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in
                   (line.split(": ", 1) for line in lines[1:])}
        status = int(lines[0].split()[1])
        return status, headers, self.take(int(headers.get("content-length", 0)))

    def ask(self, method, path, body=None, **headers):
        headers = {"Host": "chat", **({"Content-Length": len(body)} if body is not None else {}),
                   **headers}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.send(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + (body or b""))
        return self.response()

    def upgrade(self, path="/v1/ws", **headers):
        key = base64.b64encode(os.urandom(16)).decode()
        wanted = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13",
                  "Sec_WebSocket_Key": key, **headers}
        return self.ask("GET", path, **{name: value for name, value in wanted.items() if value})

    def frame(self):
        """A frame from the server: opcode, payload."""
        first, second = self.take(2)
        size = second & 0x7f
        if size == 126:
            size, = struct.unpack(">H", self.take(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.take(8))
        return first & 0xf, self.take(size)

    def objects(self):
        """The objects of the next text frame."""
        opcode, payload = self.frame()
        while opcode == PING:
            opcode, payload = self.frame()
        assert opcode == TEXT, (opcode, payload)
        return [json.loads(line) for line in payload.decode().split("\n")]

    def login(self, server, user, device="d"):
        assert self.upgrade()[0] == 101
        self.tell({"id": 1, "connect": {"token": server.token(user), "device": device}})
        while "synced" not in self.objects()[-1]:
            pass
        return self

    def tell(self, value):
        self.send(masked(TEXT, json.dumps(value).encode()))

    def close_code(self):
        """Reads until the close frame: its code and reason."""
        opcode, payload = self.frame()
        while opcode != CLOSE:
            opcode, payload = self.frame()
        return struct.unpack(">H", payload[:2])[0], payload[2:].decode()


def metric(server, name):
    with Raw(server) as raw:
        text = raw.ask("GET", "/metrics")[2].decode()
    return int(re.search(rf"^chatcore_{name} (\d+)$", text, re.MULTILINE).group(1))


def eventually(what, check, within=5):
    deadline = time.monotonic() + within
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
