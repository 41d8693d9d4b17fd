// The client against a scripted server: connecting, resuming, repairing, obeying.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { WebSocket } from "ws";
import { Client, MemoryStorage } from "../dist/index.js";
import { FakeServer, message, until } from "./support/fake.mjs";

let server;
let clients = [];
beforeEach(async () => (server = await FakeServer.open()));
afterEach(async () => {
  await Promise.all(clients.map((client) => client.stop()));
  clients = [];
  server.close();
});

function jwt(lifeS) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({})}.${part({ sub: "alice", exp: Math.floor(Date.now() / 1000) + lifeS })}.x`;
}

async function open(options = {}) {
  const client = new Client({ url: server.url, token: () => "t", device: "d", WebSocket,
    random: () => 0, ...options });
  client.seen = [];
  client.states = [];
  client.on("message", ({ conversation, seq }) => client.seen.push(`${conversation}${seq}`));
  client.on("state", (state) => client.states.push(state));
  clients.push(client);
  await client.start();
  return client;
}

for (const encoding of ["json", "msgpack"]) {
  test(`connects, and hands out what comes (${encoding})`, async () => {
    const client = await open({ encoding });
    const peer = await server.peer();
    const typing = [];
    client.on("typing", (push) => typing.push(push));
    const fields = await peer.welcome({ cursor: "c1",
      pushes: [{ message: message("a", 1) }, { typing: { conversation: "a", user: "b", on: true } },
        { something_new: {} }, { message: message("a", 2) }] });
    await until(() => client.state.status === "online");
    assert.deepEqual(fields, { token: "t", device: "d" });
    assert.deepEqual(client.seen, ["a1", "a2"]);
    assert.deepEqual(typing, [{ conversation: "a", user: "b", on: true }]);
  });
}

test("a MessagePack id is text inside, and bytes on the wire", async () => {
  const client = await open({ encoding: "msgpack" });
  const peer = await server.peer();
  const id = "018f0011-2233-7455-8677-8899aabbccdd";
  const bytes = Buffer.from(id.replaceAll("-", ""), "hex");
  const got = [];
  client.on("message", (push) => got.push(push.id));
  await peer.welcome({ cursor: "c", pushes: [{ message: message("a", 1, { id: bytes }) }] });
  await until(() => got.length > 0);
  assert.equal(got[0], id);
  const reply = client.request("delete", { conversation: "a", message: id });
  const fields = await peer.answer("delete", { seq: 2 });
  assert.deepEqual(Buffer.from(fields.message), bytes);
  assert.deepEqual(await reply, { seq: 2 });
});

test("comes back with the cursor, and drops what it has had", async () => {
  const client = await open();
  let peer = await server.peer();
  await peer.welcome({ cursor: "c1" });
  peer.put({ message: message("a", 1) }, { message: message("a", 2) });
  await until(() => client.seen.length === 2);
  peer.socket.terminate();
  peer = await server.peer();
  const fields = await peer.welcome({ cursor: "c2",
    pushes: [1, 2, 3].map((seq) => ({ message: message("a", seq) })) });
  assert.equal(fields.cursor, "c1");
  await until(() => client.state.status === "online");
  assert.deepEqual(client.seen, ["a1", "a2", "a3"]);
});

test("the position survives a restart of the program", async () => {
  const storage = new MemoryStorage();
  const first = await open({ storage });
  await (await server.peer()).welcome({ cursor: "c7", pushes: [{ message: message("a", 1) }] });
  await until(() => first.state.status === "online");
  await first.stop();
  const second = await open({ storage });
  const peer = await server.peer();
  const fields = await peer.welcome({ cursor: "c8",
    pushes: [{ message: message("a", 1) }, { message: message("a", 2) }] });
  await until(() => second.state.status === "online");
  assert.equal(fields.cursor, "c7");
  assert.deepEqual(second.seen, ["a2"]);
});

test("a gap is filled from history, page by page, in order", async () => {
  const client = await open();
  const peer = await server.peer();
  await peer.welcome({ cursor: "c", pushes: [{ message: message("a", 1) }] });
  peer.put({ message: message("a", 6) }, { message: message("b", 9) },
    { message: message("a", 7) });
  const first = await peer.answer("history",
    { messages: [message("a", 2), message("a", 3)], more: true });
  assert.deepEqual([first.conversation, first.after], ["a", 1]);
  const second = await peer.answer("history",
    { messages: [4, 5, 6].map((seq) => message("a", seq)), more: true });
  assert.equal(second.after, 3);
  await until(() => client.seen.includes("a7"));
  assert.deepEqual(client.seen, ["a1", "b9", "a2", "a3", "a4", "a5", "a6", "a7"]);
});

test("a gap that history does not have either is passed over", async () => {
  const client = await open();
  const peer = await server.peer();
  await peer.welcome({ cursor: "c", pushes: [{ message: message("a", 1) }] });
  peer.put({ message: message("a", 5) });
  await peer.answer("history", { messages: [], more: false });
  peer.put({ message: message("a", 9) });
  await peer.refuse("history", { code: 403, name: "forbidden" });
  await until(() => client.seen.includes("a9"));
  assert.deepEqual(client.seen, ["a1", "a5", "a9"]);
});

test("a cursor that is told during a repair counts when the repair has ended", async () => {
  const client = await open();
  let peer = await server.peer();
  await peer.welcome({ cursor: "c1", pushes: [{ message: message("a", 1) }] });
  await until(() => client.state.status === "online");
  peer.put({ message: message("a", 3) }, { synced: { cursor: "c2" } });
  await peer.command("history");
  peer.socket.terminate();
  peer = await server.peer();
  const fields = await peer.welcome({ cursor: "c3",
    pushes: [{ message: message("a", 2) }, { message: message("a", 3) }] });
  assert.equal(fields.cursor, "c1");
  await until(() => client.seen.length === 3);
  assert.deepEqual(client.seen, ["a1", "a2", "a3"]);
});

test("a draining server names the time to wait", async () => {
  const client = await open({ random: () => 0.5 });
  const peer = await server.peer();
  await peer.welcome({ cursor: "c" });
  peer.socket.close(4001, "80");
  await until(() => client.states.some((state) => state.status === "waiting"));
  assert.equal(client.states.find((state) => state.status === "waiting").retryInMs, 40);
  await (await server.peer()).welcome({ cursor: "c" });
});

test("from 4500 on it does not come back by itself", async () => {
  const client = await open();
  const peer = await server.peer();
  await peer.welcome({ cursor: "c" });
  peer.socket.close(4503, "go away");
  await until(() => client.state.status === "refused");
  assert.equal(client.state.reason, "go away");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(server.hasNone);
  await client.start();
  await (await server.peer()).welcome({ cursor: "c" });
  await until(() => client.state.status === "online");
});

test("an expired token is asked for anew, once", async () => {
  const reasons = [];
  const client = await open({ token: (reason) => {
    reasons.push(reason);
    return `t${Math.min(reasons.length, 2)}`;
  } });
  let peer = await server.peer();
  await peer.welcome({ cursor: "c" });
  peer.socket.close(4501, "expired");
  peer = await server.peer();
  const [, fields] = await peer.command("connect");
  assert.equal(fields.token, "t2");
  peer.socket.close(4501, "expired");
  await until(() => client.state.status === "refused");
  assert.deepEqual(reasons, ["connect", "refused"]);
});

test("a refused connect with a wait is obeyed", async () => {
  const client = await open();
  await (await server.peer()).refuse("connect",
    { code: 429, name: "rate_limited", retry_after_ms: 60, temporary: true });
  await until(() => client.state.status === "waiting");
  assert.equal(client.state.retryInMs, 60);
  await (await server.peer()).welcome({ cursor: "c" });
  await until(() => client.state.status === "online");
});

test("the token is renewed before it ends", async () => {
  const reasons = [];
  const client = await open({ token: (reason) => {
    reasons.push(reason);
    return jwt(reason === "refresh" ? 3600 : 1);
  } });
  const peer = await server.peer();
  await peer.welcome({ cursor: "c" });
  const fields = await peer.answer("refresh", { expires: Date.now() + 3_600_000 });
  assert.ok(fields.token.includes("."));
  assert.deepEqual(reasons, ["connect", "refresh"]);
  assert.equal(client.state.status, "online");
});

test("a silent server is asked, and left when it does not answer", async () => {
  const client = await open({ replyMs: 50 });
  const peer = await server.peer();
  await peer.welcome({ cursor: "c", ping_interval_ms: 20 });
  await peer.answer("presence", { presence: [] });
  await until(() => peer.heartbeats > 0, "a heartbeat");
  await peer.command("presence");
  await until(() => client.states.some((state) => state.reason === "no reply"));
  await (await server.peer()).welcome({ cursor: "c" });
});

test("what is written offline is sent once the server is there, in order", async () => {
  const client = await open();
  const sent = [];
  client.on("outbox", (change) => change.type === "sent" && sent.push(change.entry.text));
  for (const text of ["1", "2", "3"]) await client.send({ conversation: "a", text });
  assert.equal(client.outbox.length, 3);
  let peer = await server.peer();
  await peer.welcome({ cursor: "c" });
  const lost = await peer.command("send"); // taken, and never answered
  assert.ok(peer.isIdle, "one at a time");
  peer.socket.terminate();
  peer = await server.peer();
  await peer.welcome({ cursor: "c" });
  const first = await peer.answer("send",
    { conversation: "a", message: "m", ts: 1, duplicate: true });
  assert.equal(first.client_id, lost[1].client_id);
  const second = await peer.refuse("send", { code: 429, retry_after_ms: 5, temporary: true });
  const again = await peer.answer("send", { conversation: "a", message: "m", ts: 1 });
  assert.equal(again.client_id, second.client_id);
  await peer.answer("send", { conversation: "a", message: "m", ts: 1 });
  await until(() => client.outbox.length === 0);
  assert.deepEqual(sent, ["1", "2", "3"]);
});

test("a refused message stays, and holds up no other", async () => {
  const client = await open();
  const peer = await server.peer();
  await peer.welcome({ cursor: "c" });
  const entry = await client.send({ user: "bob", text: "spam" });
  await client.send({ user: "bob", text: "ham" });
  await peer.refuse("send", { code: 422, name: "rejected" });
  await peer.answer("send", { conversation: "x", message: "m", ts: 1 });
  await until(() => client.outbox.length === 1 && client.outbox[0].state === "failed");
  assert.equal(client.outbox[0].error.name, "rejected");
  await client.retry(entry.client_id);
  const again = await peer.answer("send", { conversation: "x", message: "m", ts: 1 });
  assert.equal(again.client_id, entry.client_id);
  await until(() => client.outbox.length === 0);
});

test("requests fail at once without a connection", async () => {
  const client = new Client({ url: server.url, token: () => "t", device: "d", WebSocket });
  await assert.rejects(client.request("history", { conversation: "a" }), { name: "offline" });
});

test("a frame that cannot be read ends the connection, not the program", async () => {
  const client = await open();
  const peer = await server.peer();
  await peer.welcome({ cursor: "c" });
  peer.socket.send("{nonsense");
  await (await server.peer()).welcome({ cursor: "c" });
  await until(() => client.state.status === "online");
});
