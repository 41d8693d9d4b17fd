// The client against a real chatcored. What becomes of it over connections that are cut:
// tests/e2e/cut_proxy.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { Client, FileStorage } from "../dist/node.js";
import { Chatcored } from "./support/chatcored.mjs";
import { until } from "./support/fake.mjs";

const skip = process.env.CHATCORED ? false : "CHATCORED names no server";

let server;
let folder;
before(async () => {
  if (skip) return;
  folder = await mkdtemp(join(tmpdir(), "chatcore-js-"));
  server = await new Chatcored().start("--spam-filter-off", "--connect-rate", "off",
    "--send-rate", "off", "--request-rate", "off");
});
after(async () => {
  if (skip) return;
  assert.equal(await server.stop(), 0);
  await rm(folder, { recursive: true });
});

function clientOf(user, port, options = {}) {
  return new Client({ url: `ws://127.0.0.1:${port}/v1/ws`, token: () => server.token(user),
    device: `${user}-1`, WebSocket, storage: new FileStorage(join(folder, user)), ...options });
}

async function online(client) {
  await client.start();
  await until(() => client.state.status === "online", "online");
  return client;
}

test("every command of the protocol, in both encodings", { skip }, async () => {
  for (const encoding of ["json", "msgpack"]) {
    const [dora, emil] = await Promise.all(["dora", "emil"].map((user) =>
      online(clientOf(user + encoding, server.port, { encoding }))));
    const [dora_, emil_] = [`dora${encoding}`, `emil${encoding}`];
    const pushes = [];
    for (const event of ["message", "receipt", "typing", "conversation"])
      emil.on(event, (push) => pushes.push([event, push]));
    const has = (event, match) => until(() => pushes.some(([name, push]) => name === event &&
      Object.entries(match).every(([key, value]) => push[key] === value)), JSON.stringify(match));

    const { conversation } = await dora.request("create",
      { kind: "group", name: "G", members: [emil_] });
    await has("conversation", { id: conversation, kind: "group" });
    const entry = await dora.send({ conversation, text: "hé 👋", mentions: [emil_],
      meta: { n: 1.5 } });
    await has("message", { text: "hé 👋", kind: "text" });
    const message = pushes.find(([, push]) => push.text === "hé 👋")[1];
    assert.deepEqual([message.mentions, message.meta, message.from, message.client_id],
      [[emil_], { n: 1.5 }, dora_, undefined]);
    await until(() => dora.outbox.length === 0);
    assert.ok(entry.client_id);

    const meant = { conversation, message: message.id };
    await dora.request("edit", { ...meant, text: "hello" });
    await emil.request("react", { ...meant, emoji: "👍", on: true });
    await has("message", { kind: "edit", message: message.id, text: "hello" });
    await dora.request("typing", { conversation, on: true });
    await has("typing", { user: dora_, on: true });
    await dora.request("read", { conversation, seq: message.seq });
    await has("receipt", { user: dora_, read: message.seq });
    await emil.request("delivered", { conversation, seq: message.seq });
    const history = await emil.request("history", { conversation, after: message.seq - 1,
      limit: 1 });
    assert.equal(history.messages[0].id, message.id);
    assert.equal(history.more, true);
    await dora.request("delete", meant);
    await has("message", { kind: "delete", message: message.id });

    await dora.request("update", { conversation, name: "H" });
    await dora.request("add", { conversation, users: ["fay"] });
    await dora.request("role", { conversation, user: emil_, role: "admin" });
    const { members } = await dora.request("members", { conversation });
    assert.deepEqual(members.map(({ user, role }) => [user, role]),
      [[dora_, "owner"], [emil_, "admin"], ["fay", "member"]]);
    await dora.request("remove", { conversation, users: ["fay"] });
    const { conversations } = await dora.request("conversations", { limit: 10 });
    assert.equal(conversations[0].name, "H");

    await dora.request("profile", { name: "Dora" });
    assert.equal((await emil.request("profile", { user: dora_ })).name, "Dora");
    await dora.request("add_contact", { user: emil_ });
    assert.deepEqual((await dora.request("contacts", {})).contacts, [emil_]);
    const { presence } = await dora.request("presence", { users: [emil_] });
    assert.equal(presence[0].status, "online");
    await dora.request("remove_contact", { user: emil_ });
    await dora.request("mute", { conversation, until: Date.now() + 1e6 });
    await dora.request("block", { user: emil_ });
    await emil.send({ user: dora_, text: "are you there?" });
    await until(() => emil.outbox[0]?.state === "failed");
    assert.equal(emil.outbox[0].error.code, 403);
    await dora.request("unblock", { user: emil_ });
    await dora.request("device", { push: { provider: "webhook", token: "" } });
    await dora.request("refresh", { token: server.token(dora_, 7200) });
    await emil.request("leave", { conversation });
    await has("conversation", { id: conversation, gone: true });
    await assert.rejects(emil.request("history", { conversation }), (error) => error.code >= 403);
    await Promise.all([dora.stop(), emil.stop()]);
  }
});
