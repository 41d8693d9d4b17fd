"""clients/c's functions from Python, by ctypes: what chatcore/client.h declares, and a client that keeps
what it was told."""
import ctypes
import json
import threading
from ctypes import (CFUNCTYPE, POINTER, Structure, byref, c_char, c_char_p, c_double, c_int, c_int64,
                    c_size_t, c_uint64, c_void_p)

STATES = ["stopped", "connecting", "catching up", "online", "waiting", "refused"]
STATE, HELLO, MESSAGE, PUSH, SENT, FAILED, PROGRESS = range(7)
CONNECT, REFRESH, REFUSED = range(3)
JSON, MSGPACK = range(2)


class Message(Structure):
    _fields_ = [(name, c_char_p) for name in ("conversation", "id", "sender", "kind", "text")] + [
        ("seq", c_uint64), ("ts", c_int64)]


class Event(Structure):
    _fields_ = [("type", c_int), ("status", c_int), ("retry_in_ms", c_int64), ("code", c_int),
                ("reason", c_char_p), ("name", c_char_p), ("json", c_char_p),
                ("client_id", c_char_p), ("error", c_char_p), ("message", Message),
                ("done", c_uint64), ("total", c_uint64)]


TOKEN = CFUNCTYPE(c_int, c_void_p, c_int, POINTER(c_char), c_size_t)
ON_EVENT = CFUNCTYPE(None, c_void_p, POINTER(Event))
RANDOM = CFUNCTYPE(c_double, c_void_p)
ON_REPLY = CFUNCTYPE(None, c_void_p, c_char_p, c_char_p)


class Options(Structure):
    _fields_ = [("size", c_size_t), ("url", c_char_p), ("device", c_char_p), ("folder", c_char_p),
                ("token", TOKEN), ("on_event", ON_EVENT), ("context", c_void_p),
                ("dispatched", c_int), ("random", RANDOM), ("encoding", c_int)]


class Draft(Structure):
    _fields_ = [(name, c_char_p) for name in ("conversation", "user", "text", "client_id", "more",
                                                "file", "file_type")]


class Client:
    """`token_of(reason)` gives a token or None. Events come on the library's thread."""

    def __init__(self, library, url, folder, token_of, encoding=JSON):
        self.library = ctypes.CDLL(library)
        self.library.cc_client_quiet()
        self.changed = threading.Condition()
        self.states, self.reasons, self.messages, self.sent, self.failed = [], [], [], [], []
        self.asked = []  # for tokens: the reasons
        self.progress = []  # whose, done, total
        self.token_of = token_of
        self.callbacks = (TOKEN(self._token), ON_EVENT(self._event), RANDOM(lambda _: 0.0))
        options = Options(ctypes.sizeof(Options), url.encode(), b"test", folder.encode(),
                          self.callbacks[0], self.callbacks[1], None, 0, self.callbacks[2], encoding)
        self.handle = c_void_p()
        result = self.library.cc_client_new(byref(options), byref(self.handle))
        assert result == 0, result
        self.library.cc_client_start(self.handle)

    def _token(self, _, reason, buffer, size):
        with self.changed:
            self.asked.append(reason)
            self.changed.notify_all()
        token = self.token_of(reason)
        if token is None:
            return -1
        raw = token.encode() + b"\0"
        assert len(raw) <= size
        ctypes.memmove(buffer, raw, len(raw))
        return 0

    def _event(self, _, event):
        told = event.contents
        with self.changed:
            if told.type == STATE:
                self.states.append(STATES[told.status])
                self.reasons.append((told.code, told.reason.decode(errors="replace")))
            elif told.type == MESSAGE:
                self.messages.append(json.loads(told.json))
            elif told.type == SENT:
                self.sent.append(told.client_id.decode())
            elif told.type == FAILED:
                self.failed.append((told.client_id.decode(), told.error.decode()))
            elif told.type == PROGRESS:
                self.progress.append(((told.client_id or told.name).decode(), told.done, told.total))
            self.changed.notify_all()

    def wait(self, condition, what, patience_s=90):
        with self.changed:
            if not self.changed.wait_for(condition, patience_s):
                raise AssertionError(f"not within {patience_s} s: {what}; {self.states[-12:]} "
                                     f"{self.reasons[-12:]} {self.messages[-3:]} {self.failed}")

    def state(self):
        return self.states[-1] if self.states else "stopped"

    def wait_online(self):
        self.wait(lambda: self.state() == "online", "online")

    def send(self, client_id, text, **target):
        draft = Draft(text=text.encode(), client_id=client_id and client_id.encode(),
                      **{key: value.encode() for key, value in target.items()})
        return self.library.cc_client_send(self.handle, byref(draft))

    def answer(self, ask, what):
        """(error, reply) of what `ask(callback)` asks for."""
        answers = []

        def answered(_, error, reply):
            with self.changed:
                answers.append((error and error.decode(), reply and json.loads(reply)))
                self.changed.notify_all()
        callback = ON_REPLY(answered)
        self.callbacks += (callback,)  # as long as the client lives
        result = ask(callback)
        assert result == 0, result
        self.wait(lambda: answers, f"the answer to {what}")
        return answers[0]

    def request(self, command, fields):
        return self.answer(lambda callback: self.library.cc_client_request(
            self.handle, command.encode(), json.dumps(fields).encode(), callback, None), command)

    def download(self, media, path):
        return self.answer(lambda callback: self.library.cc_client_download(
            self.handle, media.encode(), path.encode(), callback, None), "download")

    def discard(self, client_id):
        return self.library.cc_client_discard(self.handle, client_id.encode())

    def retry(self, client_id):
        return self.library.cc_client_retry(self.handle, client_id.encode())

    def close(self):
        self.library.cc_client_free(self.handle)
        self.handle = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
