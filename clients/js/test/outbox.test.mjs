// The outbox and its storages.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import "fake-indexeddb/auto";
import { WebSocket } from "ws";
import { Client, FileStorage, IndexedDbStorage, MemoryStorage } from "../dist/node.js";
import { FakeServer, until, within } from "./support/fake.mjs";

const folder = await mkdtemp(join(tmpdir(), "chatcore-js-"));
after(() => rm(folder, { recursive: true }));

const storages = {
  memory: () => { const one = new MemoryStorage(); return () => one; },
  file: () => { const path = join(folder, randomUUID()); return () => new FileStorage(path); },
  indexeddb: () => { const name = randomUUID(); return () => new IndexedDbStorage(name); },
};

for (const [name, make] of Object.entries(storages)) {
  test(`${name}: what is put is there after a restart`, async () => {
    const reopen = make();
    const value = { n: 1.5, list: ["a", null, true], bytes: new Uint8Array([0, 255]) };
    await reopen().put("outbox/a b/../ü", value);
    await reopen().put("x", { old: true });
    await reopen().put("x", { old: false });
    await reopen().put("y", 1);
    await reopen().delete("y");
    await reopen().delete("was never there");
    const values = await reopen().load();
    assert.deepEqual([...values.keys()].sort(), ["outbox/a b/../ü", "x"]);
    assert.deepEqual([...values.get("outbox/a b/../ü").bytes], [0, 255]);
    assert.deepEqual(values.get("x"), { old: false });
  });

  test(`${name}: what was not sent is sent by the next start, once`, async () => {
    const reopen = make();
    const url = "ws://127.0.0.1:9/";
    const options = { token: () => "t", device: "d", WebSocket, random: () => 0 };
    const first = new Client({ ...options, url, storage: reopen() });
    const { client_id } = await first.send({ user: "bob", text: "hi", meta: { a: 1 } });
    await first.send({ user: "bob", text: "again" });
    await first.stop();
    const server = await FakeServer.open();
    const second = new Client({ ...options, url: server.url, storage: reopen() });
    await second.start();
    const peer = await server.peer();
    await peer.welcome({ cursor: "c" });
    const sent = await peer.answer("send", { conversation: "x", message: "m", ts: 1 });
    assert.deepEqual(sent, { client_id, user: "bob", text: "hi", meta: { a: 1 } });
    await peer.answer("send", { conversation: "x", message: "m", ts: 1 });
    await until(() => second.outbox.length === 0);
    await second.stop();
    const keys = [...(await reopen().load()).keys()];
    assert.deepEqual(keys.filter((key) => key.startsWith("outbox/")), []);
    server.close();
  });
}

test("writes of one key follow each other", async () => {
  const path = join(folder, "same");
  const storage = new FileStorage(path);
  await Promise.all(Array.from({ length: 50 }, (_, i) => storage.put("k", i)));
  assert.equal((await storage.load()).get("k"), 49);
  assert.deepEqual(await readdir(path), ["k.msgpack"]);
});

test("what cannot be kept is not taken", async () => {
  const storage = new MemoryStorage();
  storage.put = () => Promise.reject(new Error("the disk is full"));
  const client = new Client({ url: "ws://127.0.0.1:9/", token: () => "t", device: "d", storage });
  await assert.rejects(client.send({ user: "bob", text: "hi" }), /disk is full/);
  assert.deepEqual(client.outbox, []);
});

test("nonsense is refused before it is kept", async () => {
  const client = new Client({ url: "ws://127.0.0.1:9/", token: () => "t", device: "d" });
  await assert.rejects(client.send({ text: "hi" }), { name: "bad_request" });
  await assert.rejects(client.send({ user: "a", conversation: "b", text: "hi" }),
    { name: "bad_request" });
  await assert.rejects(client.send({ user: "a" }), { name: "bad_request" });
  await client.send({ user: "a", text: "1", client_id: "same" });
  await assert.rejects(client.send({ user: "a", text: "2", client_id: "same" }),
    { name: "conflict" });
});

test("files are uploaded before the message goes, and not again after a restart", async () => {
  const storage = new MemoryStorage();
  const uploads = [];
  const put = await uploadServer(uploads);
  const server = await FakeServer.open();
  const options = { url: server.url, token: () => "t", device: "d", WebSocket, storage,
    random: () => 0 };
  const client = new Client(options);
  await client.send({ user: "bob", text: "look",
    files: [{ name: "a.png", type: "image/png", bytes: new Uint8Array([1, 2, 3]) }] });
  await client.start();
  const peer = await server.peer();
  await peer.welcome({ cursor: "c" });
  const asked = await peer.answer("upload", { media: "m-1", method: "PUT",
    url: `http://127.0.0.1:${put.address().port}/m-1`, headers: { "x-a": "b" }, expires: 1 });
  assert.deepEqual([asked.name, asked.type, asked.bytes], ["a.png", "image/png", 3]);
  // Node 18 has no global `crypto`: uploads go without a digest.
  if (globalThis.crypto?.subtle) assert.match(asked.sha256, /^[0-9a-f]{64}$/);
  await peer.command("send");
  await client.stop();
  const second = new Client(options);
  await second.start();
  const next = await server.peer();
  await next.welcome({ cursor: "c" });
  const sent = await next.answer("send", { conversation: "x", message: "m", ts: 1 });
  assert.deepEqual(sent.media, ["m-1"]);
  await until(() => second.outbox.length === 0);
  assert.deepEqual(uploads, [["PUT", "/m-1", "b", "010203"]]);
  await second.stop();
  server.close();
  put.close();
});

test("what is given up while its file is uploaded is not sent", async () => {
  const { createServer } = await import("node:http");
  const put = createServer(); /* never answers */
  await new Promise((resolve) => put.listen(0, "127.0.0.1", resolve));
  const server = await FakeServer.open();
  const client = new Client({ url: server.url, token: () => "t", device: "d", WebSocket, random: () => 0 });
  const entry = await client.send({ user: "bob", text: "look",
    files: [{ name: "a.png", type: "image/png", bytes: new Uint8Array([1, 2, 3]) }] });
  await client.start();
  const peer = await server.peer();
  await peer.welcome({ cursor: "c" });
  const asked = within(10_000, new Promise((resolve) => put.once("request", resolve)), "the upload");
  await peer.answer("upload", { media: "m-1", method: "PUT",
    url: `http://127.0.0.1:${put.address().port}/m-1`, headers: {}, expires: 1 });
  const cut = within(10_000, new Promise((resolve) => asked.then(({ socket }) => socket.once("close", resolve))), "the cut");
  await asked;
  await client.discard(entry.client_id);
  await cut;
  await client.send({ user: "bob", text: "something else" });
  const [, sent] = await peer.command("send");
  assert.equal(sent.text, "something else");
  await client.stop();
  server.close();
  put.close();
});

async function uploadServer(uploads) {
  const { createServer } = await import("node:http");
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    uploads.push([request.method, request.url, request.headers["x-a"],
      Buffer.concat(parts).toString("hex")]);
    response.end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
