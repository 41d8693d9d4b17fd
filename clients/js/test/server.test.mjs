// The client against a real chatcored, with connections that are cut at random and programs that
// start again: nothing may be lost, doubled or out of order. SEED repeats a run.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { Client, FileStorage } from "../dist/node.js";
import { Chatcored, CuttingProxy, seeded } from "./support/chatcored.mjs";
import { until } from "./support/fake.mjs";

const skip = process.env.CHATCORED ? false : "CHATCORED names no server";
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const MESSAGES = Number(process.env.MESSAGES ?? 60);
const USERS = ["alice", "bob", "carol"];
const PATIENCE_MS = 60_000;

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

/** One user's program: it starts again now and then, with what it had kept. */
class Program {
  received = [];

  constructor(user, port, random, encoding) {
    Object.assign(this, { user, port, random, encoding });
  }

  async start() {
    this.client = clientOf(this.user, this.port,
      { encoding: this.encoding, random: () => this.random() * 0.02 });
    this.client.on("message", (message) => this.received.push(message));
    await this.client.start();
  }

  async write(count) {
    for (let i = 0; i < count; i++) {
      await this.client.send({ conversation: "team", text: `${this.user} ${i}` });
      if (this.random() < 0.5) await new Promise((done) => setTimeout(done, this.random() * 20));
      if (this.random() < 0.05) {
        await this.client.stop();
        await this.start();
      }
    }
  }
}

async function waitFor(holds, what) {
  const end = Date.now() + PATIENCE_MS;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`${what()} (seed ${SEED})`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test(`nothing is lost, doubled or out of order over cut connections (seed ${SEED})`, { skip },
  async () => {
    const random = seeded(SEED);
    const founder = await online(clientOf("alice", server.port, { device: "founder",
      storage: new FileStorage(join(folder, "founder")) }));
    await founder.request("create", { kind: "group", conversation: "team", name: "Team",
      members: ["bob", "carol"] });
    await founder.stop();

    const proxy = await new CuttingProxy().open(server.port, random, 60_000);
    const programs = USERS.map((user, i) =>
      new Program(user, proxy.port, random, i % 2 ? "msgpack" : "json"));
    await Promise.all(programs.map((program) => program.start()));
    await Promise.all(programs.map((program) => program.write(MESSAGES)));
    await waitFor(() => programs.every((program) => program.client.outbox.length === 0),
      () => `left in an outbox: ${programs.map((one) => one.client.outbox.length)}`);
    proxy.calm = true;
    const texts = (program) => program.received.filter((message) => message.kind === "text");
    await waitFor(() => programs.every((one) => texts(one).length >= USERS.length * MESSAGES),
      () => `received: ${programs.map((one) => texts(one).length)}`);
    await Promise.all(programs.map((program) => program.client.stop()));
    proxy.server.close();

    assert.ok(proxy.cuts > 3, `only ${proxy.cuts} connections were cut`);
    for (const program of programs) check(program, texts(program));
    assert.deepEqual(texts(programs[0]).map((message) => message.id),
      texts(programs[1]).map((message) => message.id), "one order for all");
  });

function check(program, texts) {
  const { user, received } = program;
  for (let i = 1; i < received.length; i++)
    assert.equal(received[i].seq, received[i - 1].seq + 1, `${user}: seq after seq`);
  for (const author of USERS) {
    const written = texts.filter((message) => message.from === author);
    assert.deepEqual(written.map((message) => message.text),
      Array.from({ length: MESSAGES }, (_, i) => `${author} ${i}`), `${user}: what ${author} wrote`);
  }
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
