// A server that does what a test says: each connection is handed to the test's script, which takes
// commands and answers as it likes.
import { decodeMulti, encode } from "@msgpack/msgpack";
import { once } from "node:events";
import { WebSocketServer } from "ws";

export const within = (ms, promise, what = "this") => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** Waits until something holds: it is looked at again whenever the loop comes round. */
export async function until(holds, what = "the condition") {
  const end = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`${what} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

class Peer {
  #taken = [];
  #wanted = [];

  constructor(socket, protocol) {
    this.socket = socket;
    this.packs = protocol === "chatcore.v1.msgpack";
    this.heartbeats = 0;
    this.closed = once(socket, "close");
    socket.on("message", (data) => this.#decode(data).forEach((object) => this.#take(object)));
  }

  #decode(data) {
    if (this.packs) return [...decodeMulti(data)];
    return data.toString().split("\n").map((line) => JSON.parse(line));
  }

  #take(object) {
    if (Object.keys(object).length === 0) this.heartbeats++;
    else if (this.#wanted.length > 0) this.#wanted.shift()(object);
    else this.#taken.push(object);
  }

  /** The next command: [its id, its fields]. It must have that key. */
  async command(key) {
    const object = this.#taken.shift() ??
      await within(10_000, new Promise((resolve) => this.#wanted.push(resolve)), key);
    const { id, ...rest } = object;
    if (!(key in rest)) throw new Error(`expected ${key}, not ${JSON.stringify(rest)}`);
    return [id, rest[key]];
  }

  get isIdle() {
    return this.#taken.length === 0;
  }

  put(...objects) {
    this.socket.send(this.packs ? Buffer.concat(objects.map((object) => encode(object)))
      : objects.map((object) => JSON.stringify(object)).join("\n"));
  }

  /** Takes `connect`, answers it; answers its fields. */
  async welcome({ cursor, pushes = [], ping_interval_ms = 25_000 } = {}) {
    const [id, fields] = await this.command("connect");
    const connect = { user: "alice", device: fields.device, session: "s", server_time: Date.now(),
      ping_interval_ms, max_message_bytes: 65536 };
    this.put({ id, connect }, ...pushes);
    if (cursor) this.put({ synced: { cursor } });
    return fields;
  }

  async answer(key, reply) {
    const [id, fields] = await this.command(key);
    this.put({ id, [key]: reply });
    return fields;
  }

  async refuse(key, error) {
    const [id, fields] = await this.command(key);
    this.put({ id, error: { code: 0, name: "?", message: "no", ...error } });
    return fields;
  }
}

export class FakeServer {
  #peers = [];
  #wanted = [];

  static async open() {
    const fake = new FakeServer();
    fake.server = new WebSocketServer({ host: "127.0.0.1", port: 0,
      handleProtocols: (protocols) => [...protocols][0] });
    fake.server.on("connection", (socket) => {
      const peer = new Peer(socket, socket.protocol);
      if (fake.#wanted.length > 0) fake.#wanted.shift()(peer);
      else fake.#peers.push(peer);
    });
    await once(fake.server, "listening");
    fake.url = `ws://127.0.0.1:${fake.server.address().port}/v1/ws`;
    return fake;
  }

  peer() {
    if (this.#peers.length > 0) return Promise.resolve(this.#peers.shift());
    return within(10_000, new Promise((resolve) => this.#wanted.push(resolve)), "a connection");
  }

  get hasNone() {
    return this.#peers.length === 0;
  }

  close() {
    for (const socket of this.server.clients) socket.terminate();
    this.server.close();
  }
}

export const message = (conversation, seq, fields = {}) =>
  ({ conversation, seq, id: `m${seq}`, from: "bob", ts: seq, kind: "text", text: `${seq}`,
    ...fields });
