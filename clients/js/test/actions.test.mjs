// What is done to messages through the outbox: edits, deletions, reactions.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { WebSocket } from "ws";
import { Client, MemoryStorage } from "../dist/index.js";
import { FakeServer, message, until } from "./support/fake.mjs";

const meant = { conversation: "a", message: "m1" };
let server;
let client;
let storage;

function open() {
  client = new Client({ url: server.url, token: () => "t", device: "d", WebSocket, storage,
    random: () => 0 });
}

beforeEach(async () => {
  server = await FakeServer.open();
  storage = new MemoryStorage();
  open();
});
afterEach(async () => {
  await client.stop();
  server.close();
});

async function welcome(pushes = []) {
  const peer = await server.peer();
  await peer.welcome({ cursor: "c", pushes });
  return peer;
}

const kept = async () => [...(await storage.load()).keys()].filter((key) => key.startsWith("outbox/"));

test("a message that was never tried is edited and removed where it waits", async () => {
  const first = await client.send({ user: "bob", text: "helo" });
  const second = await client.send({ user: "bob", text: "nonsense" });
  await client.amend({ client_id: first.client_id }, { do: "edit", text: "hello" });
  await client.amend({ client_id: second.client_id }, { do: "delete" });
  await client.stop();
  open(); // the program starts again
  await client.start();
  const peer = await welcome();
  assert.equal((await peer.answer("send", { conversation: "a", message: "m1", ts: 1 })).text, "hello");
  await until(() => client.outbox.length === 0);
  assert.ok(peer.isIdle);
  assert.deepEqual(await kept(), []);
});

test("what is done to a message that is on its way goes behind it", async () => {
  await client.start();
  let peer = await welcome();
  const entry = await client.send({ user: "bob", text: "helo" });
  await peer.command("send"); // its reply is lost
  await client.amend({ client_id: entry.client_id }, { do: "edit", text: "hello" });
  await client.amend({ client_id: entry.client_id }, { do: "react", emoji: "👍", on: true });
  peer.socket.terminate();
  peer = await welcome();
  const again = await peer.answer("send",
    { conversation: "a", message: "m1", ts: 1, duplicate: true });
  assert.equal(again.text, "helo");
  assert.deepEqual(await peer.answer("edit", { seq: 2 }), { ...meant, text: "hello" });
  assert.deepEqual(await peer.answer("react", { seq: 3 }), { ...meant, emoji: "👍", on: true });
  await until(() => client.outbox.length === 0);
});

test("a message that was sent while somebody was changing it", async () => {
  await client.start();
  const peer = await welcome();
  const { client_id } = await client.send({ user: "bob", text: "helo" });
  await peer.answer("send", { conversation: "a", message: "m1", ts: 1 });
  await until(() => client.outbox.length === 0);
  await client.amend({ client_id }, { do: "edit", text: "hello" });
  assert.deepEqual(await peer.answer("edit", { seq: 2 }), { ...meant, text: "hello" });
});

test("written offline, done in order, and kept over a restart", async () => {
  await client.amend(meant, { do: "edit", text: "1" });
  await client.amend(meant, { do: "react", emoji: "👍", on: true });
  await client.amend(meant, { do: "delete" });
  await client.stop();
  open();
  await client.start();
  const peer = await welcome();
  for (const key of ["edit", "react", "delete"]) await peer.answer(key, { seq: 2 });
  await until(() => client.outbox.length === 0);
  assert.deepEqual(await kept(), []);
});

test("one whose reply was lost is not done twice when it has come among the messages", async () => {
  const done = [];
  client.on("outbox", (change) => change.type === "done" && done.push(change.entry.action.do));
  await client.start();
  let peer = await welcome([{ message: message("a", 1, { id: "m1" }) }]);
  await client.amend(meant, { do: "edit", text: "new" });
  await peer.command("edit");
  peer.socket.terminate();
  peer = await welcome([{ message: message("a", 2, { kind: "edit", from: "alice", message: "m1",
    text: "new" }) }]);
  await until(() => client.outbox.length === 0);
  await client.amend(meant, { do: "delete" });
  await peer.answer("delete", { seq: 3 });
  await until(() => done.length === 2);
  assert.deepEqual(done, ["edit", "delete"]);
});

test("and is done again when it has not come; a deletion that was done is no failure", async () => {
  await client.start();
  let peer = await welcome();
  await client.amend(meant, { do: "delete" });
  await peer.command("delete");
  peer.socket.terminate();
  peer = await welcome();
  await peer.refuse("delete", { code: 404, name: "not_found" });
  await until(() => client.outbox.length === 0);
});

test("what is done to a refused message waits for it, and goes with it", async () => {
  await client.start();
  const peer = await welcome();
  const entry = await client.send({ user: "bob", text: "spam" });
  await peer.command("send").then(async ([id]) => {
    await client.amend({ client_id: entry.client_id }, { do: "react", emoji: "👍", on: true });
    peer.put({ id, error: { code: 422, name: "rejected", message: "no" } });
  });
  await until(() => client.outbox[0].state === "failed");
  assert.equal(client.outbox.length, 2);
  assert.ok(peer.isIdle);
  await client.amend({ client_id: entry.client_id }, { do: "edit", text: "ham" });
  assert.equal((await peer.answer("send", { conversation: "a", message: "m1", ts: 1 })).text, "ham");
  assert.deepEqual(await peer.answer("react", { seq: 2 }), { ...meant, emoji: "👍", on: true });
  await until(() => client.outbox.length === 0);
  const other = await client.send({ user: "bob", text: "spam" });
  await peer.refuse("send", { code: 422, name: "rejected" });
  await until(() => client.outbox[0]?.state === "failed");
  await client.amend({ client_id: other.client_id }, { do: "delete" });
  assert.deepEqual(client.outbox, []);
});
