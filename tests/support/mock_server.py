#!/usr/bin/python3
"""A small stand-in for a chatcore server, for the self-test of the clients under tests/support.

It speaks docs/protocol.md's WebSocket part from memory: connect, send, create, add, history,
delivered, read, typing; nothing survives its end. It shares no code with the real server, so a
client that works with both has understood the protocol and not one implementation of it.

    mock_server.py --listen 127.0.0.1:0 [--fault NAME:EVERY]

Faults make every Nth push wrong, to show that a verifying client notices:
lose, double, swap (two pushes of a conversation change places), corrupt (another text).
"""
import argparse
import asyncio
import base64
import hashlib
import itertools
import json
import sys
import time
import uuid

import msgpack
import websockets

SUBPROTOCOLS = ["chatcore.v1.json", "chatcore.v1.msgpack"]


def now_ms():
    return int(time.time() * 1000)


class Refused(Exception):
    def __init__(self, code, name, **more):
        super().__init__(name)
        self.body = {"code": code, "name": name, "message": name, **more}


class Conversation:
    def __init__(self, name, kind, members):
        self.name = name
        self.kind = kind
        self.members = dict.fromkeys(members)
        self.messages = []


class Server:
    def __init__(self, fault, fault_every):
        self.conversations = {}
        self.client_ids = {}
        self.sessions = {}
        self.positions = {}
        self.fault = fault
        self.fault_every = fault_every
        self.pushes = itertools.count(1)

    def direct(self, user, peer):
        pair = sorted((user, peer))
        name = "d-" + hashlib.sha256("\0".join(pair).encode()).hexdigest()[:32]
        return self.conversations.setdefault(name, Conversation(name, "direct", pair))

    def member_conversation(self, session, body):
        conversation = self.conversations.get(body.get("conversation"))
        if conversation is None or session.user not in conversation.members:
            raise Refused(404, "not_found")
        return conversation

    def append(self, conversation, sender, **content):
        message = {"conversation": conversation.name, "seq": len(conversation.messages) + 1,
                   "id": uuid.uuid4(), "from": sender, "ts": now_ms(), **content}
        conversation.messages.append(message)
        for user in conversation.members:
            for session in self.sessions.get(user, ()):
                session.push_new(conversation)
        return message

    def command_send(self, session, body):
        key = (session.user, body["client_id"])
        if key in self.client_ids:
            return {**self.client_ids[key], "duplicate": True}
        if "user" in body:
            conversation = self.direct(session.user, body["user"])
        else:
            conversation = self.member_conversation(session, body)
        message = self.append(conversation, session.user, kind="text", text=body["text"],
                              client_id=body["client_id"])
        reply = {"conversation": conversation.name, "message": message["id"], "ts": message["ts"]}
        self.client_ids[key] = reply
        return reply

    def command_create(self, session, body):
        name = body.get("conversation") or str(uuid.uuid4())
        if name in self.conversations:
            raise Refused(409, "conflict")
        conversation = Conversation(name, body["kind"], [session.user, *body.get("members", [])])
        self.conversations[name] = conversation
        self.append(conversation, session.user, kind="system", action="created")
        return {"conversation": name}

    def command_add(self, session, body):
        conversation = self.member_conversation(session, body)
        conversation.members.update(dict.fromkeys(body["users"]))
        message = self.append(conversation, session.user, kind="system", action="added")
        return {"seq": message["seq"]}

    def command_history(self, session, body):
        conversation = self.member_conversation(session, body)
        limit = min(body.get("limit", 50), 200)
        if "before" in body:
            end = body["before"] - 1
            start = max(end - limit, 0)
            more = start > 0
        else:
            start = body.get("after", 0)
            end = start + limit
            more = end < len(conversation.messages)
        page = conversation.messages[start:end]
        return {"messages": [session.seen(message) for message in page], "more": more}

    def command_delivered(self, session, body):
        conversation = self.member_conversation(session, body)
        key = (session.user, conversation.name)
        self.positions[key] = max(self.positions.get(key, 0), body["seq"])
        return {}

    command_read = command_delivered

    def command_typing(self, session, body):
        conversation = self.member_conversation(session, body)
        for user in conversation.members:
            for other in self.sessions.get(user, ()) if user != session.user else ():
                other.write({"typing": {"conversation": conversation.name, "user": session.user,
                                        "on": body["on"]}})
        return {}


class Session:
    """One connection. `had` is what it was pushed, by conversation."""

    def __init__(self, server, socket):
        self.server = server
        self.socket = socket
        self.user = None
        self.had = {}
        self.waiting = []
        self.wake = asyncio.Event()
        self.packed = socket.subprotocol == SUBPROTOCOLS[1]

    def write(self, value):
        self.waiting.append(value)
        self.wake.set()

    def seen(self, message):
        if message["from"] == self.user:
            return message
        return {key: value for key, value in message.items() if key != "client_id"}

    def push_new(self, conversation):
        start = self.had.setdefault(conversation.name, 0)
        for message in conversation.messages[start:]:
            self.push(self.seen(message))
        self.had[conversation.name] = len(conversation.messages)

    def push(self, message):
        server = self.server
        faulty = server.fault and next(server.pushes) % server.fault_every == 0
        if faulty and server.fault == "corrupt":
            message = {**message, "text": message.get("text", "") + "!"}
        if not faulty or server.fault != "lose":
            self.write({"message": message})
        if faulty and server.fault == "double":
            self.write({"message": message})
        if faulty and server.fault == "swap" and len(self.waiting) > 1:
            self.waiting[-1], self.waiting[-2] = self.waiting[-2], self.waiting[-1]

    def connect(self, body):
        payload = body["token"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        self.user = claims["sub"]
        return {"user": self.user, "device": body["device"], "session": str(uuid.uuid4()),
                "server_time": now_ms(), "ping_interval_ms": 25000, "max_message_bytes": 65536}

    def catch_up(self, cursor):
        self.had = json.loads(cursor) if cursor else {}
        for conversation in list(self.server.conversations.values()):
            if self.user in conversation.members:
                recorded = self.server.positions.get((self.user, conversation.name), 0)
                self.had.setdefault(conversation.name, recorded)
                self.push_new(conversation)
        self.server.sessions.setdefault(self.user, []).append(self)
        self.write({"synced": {"cursor": json.dumps(self.had)}})

    def handle(self, command):
        if not command:
            return
        number = command.pop("id")
        (key, body), = command.items()
        try:
            if key == "connect":
                self.write({"id": number, key: self.connect(body)})
                self.catch_up(body.get("cursor"))
                return
            handler = getattr(self.server, "command_" + key, None)
            if handler is None:
                raise Refused(400, "bad_request")
            self.write({"id": number, key: handler(self, body)})
        except Refused as refused:
            self.write({"id": number, "error": refused.body})

    def decode(self, frame):
        if self.packed:
            unpacker = msgpack.Unpacker()
            unpacker.feed(frame)
            return list(unpacker)
        return [json.loads(line) for line in frame.split("\n") if line]

    def encode(self, values):
        if self.packed:
            as_bytes = {"default": lambda value: value.bytes}
            return b"".join(msgpack.packb(value, **as_bytes) for value in values)
        return "\n".join(json.dumps(value, default=str) for value in values)

    async def write_loop(self):
        while True:
            await self.wake.wait()
            self.wake.clear()
            values, self.waiting = self.waiting, []
            await self.socket.send(self.encode(values))

    async def run(self):
        writer = asyncio.create_task(self.write_loop())
        try:
            async for frame in self.socket:
                for command in self.decode(frame):
                    self.handle(command)
        except websockets.ConnectionClosed:
            pass
        finally:
            writer.cancel()
            if self in self.server.sessions.get(self.user, ()):
                self.server.sessions[self.user].remove(self)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--fault", default="")
    options, _ = parser.parse_known_args()
    fault, _, every = options.fault.partition(":")
    server = Server(fault, int(every or 0))

    async def serve(socket):
        await Session(server, socket).run()

    host, port = options.listen.rsplit(":", 1)
    async with websockets.serve(serve, host, int(port), subprotocols=SUBPROTOCOLS,
                                compression=None, max_size=2**24) as listener:
        bound = listener.sockets[0].getsockname()
        print(f"ready ws://{bound[0]}:{bound[1]}/v1/ws", flush=True)
        await asyncio.Future()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
