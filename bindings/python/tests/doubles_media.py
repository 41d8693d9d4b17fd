"""An object store in memory behind signed URLs, and a cluster of nodes in one process, for the tests."""
import collections
import dataclasses
import hashlib
import hmac
import json
import time
import urllib.parse
import uuid

from chatcore import ChatError, Code
from chatcore import backends as b


class Objects:
    """The store's server: knows what was signed by the signature alone."""
    KEY = b"the key of the store"

    def __init__(self):
        self.kept = {}  # id -> (info, body)

    def fresh(self):
        self.kept.clear()
        return lambda: MemoryMedia(self)

    def sign(self, method, terms):
        query = urllib.parse.urlencode(sorted(terms.items()))
        mac = hmac.new(self.KEY, f"{method}\n{query}".encode(), hashlib.sha256).hexdigest()
        return f"/objects?{query}&mac={mac}"

    def request(self, method, url, headers, body):
        query, _, mac = url.partition("?")[2].rpartition("&mac=")
        signed = "GET" if method == "HEAD" else method
        wanted = hmac.new(self.KEY, f"{signed}\n{query}".encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(mac, wanted):
            return 403, b""
        terms = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        if int(terms["expires"]) < time.time() * 1000:
            return 403, b""
        if method == "PUT":
            return self.put(terms, {name.lower(): value for name, value in headers}, body)
        found = self.kept.get(uuid.UUID(terms["id"]))
        return (200, found[1]) if found else (404, b"")

    def put(self, terms, headers, body):
        info = b.MediaInfo(**json.loads(terms["info"]))
        place = uuid.UUID(terms["id"])
        if len(body) != info.bytes or headers.get("content-type") != info.type:
            return 400, b""
        if terms["sha256"] not in ("", hashlib.sha256(body).hexdigest()):
            return 400, b""
        if place in self.kept:
            return 409, b""
        self.kept[place] = (info, body)
        return 201, b""


class MemoryMedia(b.Media):
    def __init__(self, objects):
        self.objects = objects

    def upload(self, id, info, sha256, expires):
        url = self.objects.sign("PUT", {"id": str(id), "expires": expires,
                                        "info": json.dumps(dataclasses.asdict(info)),
                                        "sha256": sha256.hex() if sha256 else ""})
        return b.SignedUpload(url, headers=[b.Header("Content-Type", info.type)])

    def download(self, id, expires):
        return self.objects.sign("GET", {"id": str(id), "expires": expires})

    def head(self, id):
        if id not in self.objects.kept:
            raise ChatError(Code.ENOTFOUND)
        return self.objects.kept[id][0]

    def remove(self, id):
        self.objects.kept.pop(id, None)

    def list(self, after, limit):
        ids = sorted(place for place in self.objects.kept if not after or place > after)
        return ids[:limit], len(ids) > limit


class Hub:
    """What the nodes share; its clock is moved by hand."""

    def fresh(self):
        self.clock = 1_700_000_000_000
        self.homes = collections.defaultdict(dict)  # user -> node -> until
        self.seen = collections.defaultdict(int)
        self.owners = {}
        self.nodes = {}
        return lambda name: HubNode(self, name)

    def pass_time(self, milliseconds):
        self.clock += milliseconds
        return self.clock

    def expire(self, user):
        for node, until in list(self.homes[user].items()):
            if until <= self.clock:
                del self.homes[user][node]
                self.seen[user] = max(self.seen[user], until)


class HubNode(b.Cluster):
    def __init__(self, hub, name):
        self.hub = hub
        self.node = name

    def open(self):
        self.hub.nodes[self.node] = self

    def close(self):
        del self.hub.nodes[self.node]

    def announce(self, users, on, last_seen, ttl_ms):
        for user in users:
            self.hub.expire(user)
            if on:
                self.hub.homes[user][self.node] = self.hub.clock + ttl_ms
            else:
                self.hub.homes[user].pop(self.node, None)
                self.hub.seen[user] = max(self.hub.seen[user], last_seen)

    def locate(self, users):
        for user in users:
            self.hub.expire(user)
        return [b.Location(list(self.hub.homes[user]), self.hub.seen[user]) for user in users]

    def owner_put(self, partition, ttl_ms):
        self.hub.owners[partition] = (self.node, self.hub.clock + ttl_ms)

    def owner_get(self, partition):
        node, until = self.hub.owners.get(partition, (None, 0))
        return node if until > self.hub.clock else None

    def send(self, node, data):
        if node in self.hub.nodes:
            self.hub.nodes[node].deliver(self.node, data)
