// The shorter scenarios, for any client with the browser's WebSocket interface: node_test.mjs runs
// them on Node's `ws`, chromium_test.py in Chromium. The complete table is in websockets_test.py.
//
// env: { WebSocket, url, tokens: { user: token, …, "(expired)": …, "(forged)": … }, print }

const PATIENCE_MS = 5000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Fails when the promise takes longer; leaves no timer behind that would keep Node alive.
function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function check(condition, what) {
  if (!condition) throw new Error(what);
}

export class Client {
  constructor(env) {
    this.nextId = 1;
    this.waiting = new Map();
    this.pushes = [];
    this.stray = [];
    this.socket = new env.WebSocket(env.url, ["chatcore.v1.json"]);
    this.opened = new Promise((resolve, reject) => {
      this.socket.onopen = resolve;
      this.socket.onerror = () => reject(new Error("the connection failed"));
    });
    this.closed = new Promise((resolve) => {
      this.socket.onclose = (event) => {
        for (const { reject } of this.waiting.values()) reject(new Error(`closed ${event.code}`));
        resolve(event.code);
      };
    });
    this.socket.onmessage = (event) => {
      for (const line of event.data.split("\n")) if (line) this.handle(JSON.parse(line));
    };
  }

  static async login(env, user, { device = "phone", cursor, synced = true } = {}) {
    const client = new Client(env);
    await client.opened;
    client.user = user;
    client.hello = await client.call("connect", { token: env.tokens[user], device, cursor });
    if (synced) client.cursor = (await client.take("synced")).cursor;
    return client;
  }

  handle(object) {
    const { id, ...rest } = object;
    const [key, body] = Object.entries(rest)[0];
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (waiting && key === "error") waiting.reject(Object.assign(new Error(body.name), body));
    else if (waiting) waiting.resolve(body);
    else if (key === "error") this.stray.push(body);
    else this.pushes.push({ key, body });
  }

  call(command, fields = {}) {
    const id = this.nextId++;
    const reply = new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    this.socket.send(JSON.stringify({ id, [command]: fields }));
    return reply;
  }

  send(fields) {
    const client_id = Math.random().toString(36).slice(2);
    return this.call("send", { client_id, text: "hello", ...fields });
  }

  index(key, match) {
    return this.pushes.findIndex(
      (push) => push.key === key && Object.entries(match).every(([k, v]) => push.body[k] === v));
  }

  async take(key, match = {}) {
    for (let waited = 0; this.index(key, match) < 0; waited += 5) {
      check(waited < PATIENCE_MS, `no push ${key} ${JSON.stringify(match)}; ` +
        `there were ${JSON.stringify(this.pushes)}`);
      await sleep(5);
    }
    return this.pushes.splice(this.index(key, match), 1)[0].body;
  }

  async takeNone(key, match = {}) {
    await sleep(300);
    check(this.index(key, match) < 0, `unexpected ${key}: ${JSON.stringify(this.pushes)}`);
  }

  async close() {
    this.socket.close();
    await this.closed;
  }
}

async function refused(call, ...names) {
  const error = await call.then((reply) => ({ reply }), (reason) => reason);
  check(names.includes(error.name === "Error" ? error.message : error.name),
    `not refused with ${names}: ${JSON.stringify(error)} ${error.message}`);
}

// Each scenario has users of its own, so that one does not disturb the next.
const scenarios = {
  async connect(env) {
    const alice = await Client.login(env, "connect-alice", { device: "browser" });
    check(alice.socket.protocol === "chatcore.v1.json", alice.socket.protocol);
    check(alice.hello.user === "connect-alice" && alice.hello.device === "browser",
      JSON.stringify(alice.hello));
    check(alice.hello.session && alice.hello.ping_interval_ms > 0, JSON.stringify(alice.hello));
    check(typeof alice.cursor === "string", "a cursor");
    await alice.close();
  },

  async connect_refused(env) {
    for (const user of ["(expired)", "(forged)"]) {
      const failed = await Client.login(env, user).then(() => null, (error) => error);
      check(failed, `${user}: was let in`);
      const client = new Client(env);
      await client.opened;
      client.call("connect", { token: env.tokens[user], device: "d" }).catch(() => {});
      const code = await client.closed;
      check(code >= 4500, `${user}: closed with ${code}`);
    }
  },

  async direct(env) {
    const alice = await Client.login(env, "direct-alice");
    const bob = await Client.login(env, "direct-bob");
    const text = 'héllo "wörld" \\ \n 🙂';
    const sent = await alice.send({ user: bob.user, client_id: "c-1", text });
    const mine = await alice.take("message", { id: sent.message });
    const theirs = await bob.take("message", { id: sent.message });
    check(theirs.text === text && theirs.from === alice.user, JSON.stringify(theirs));
    check(theirs.seq === 1 && theirs.conversation === sent.conversation, JSON.stringify(theirs));
    check(mine.client_id === "c-1" && !("client_id" in theirs), "client_id is the sender's");
    await alice.close();
    await bob.close();
  },

  async duplicate(env) {
    let alice = await Client.login(env, "dup-alice");
    const bob = await Client.login(env, "dup-bob");
    const message = { user: bob.user, client_id: "same", text: "once" };
    const first = await alice.send(message);
    const again = await alice.send(message);
    check(again.message === first.message && again.duplicate === true, JSON.stringify(again));
    await alice.close();
    alice = await Client.login(env, "dup-alice");
    const later = await alice.send(message);
    check(later.message === first.message && later.duplicate === true, JSON.stringify(later));
    await bob.take("message", { id: first.message });
    await bob.takeNone("message");
    await alice.close();
    await bob.close();
  },

  async offline_cursor(env) {
    const alice = await Client.login(env, "off-alice");
    let bob = await Client.login(env, "off-bob");
    await alice.send({ user: bob.user, text: "seen" });
    await bob.take("message", { text: "seen" });
    await bob.close();
    bob = await Client.login(env, "off-bob", { cursor: bob.cursor });
    await bob.close();
    for (let i = 0; i < 5; i++) await alice.send({ user: bob.user, text: `missed ${i}` });
    bob = await Client.login(env, "off-bob", { cursor: bob.cursor });
    const got = bob.pushes.filter((push) => push.key === "message").map(({ body }) => body.text);
    check(JSON.stringify(got) === JSON.stringify([0, 1, 2, 3, 4].map((i) => `missed ${i}`)),
      JSON.stringify(got));
    await alice.close();
    await bob.close();
  },

  async group(env) {
    const [alice, bob, carol, mallory] = await Promise.all(
      ["alice", "bob", "carol", "mallory"].map((user) => Client.login(env, `group-${user}`)));
    const { conversation } = await alice.call("create",
      { kind: "group", name: "a group", members: [bob.user] });
    const first = await bob.send({ conversation, text: "from bob" });
    await alice.take("message", { id: first.message });
    await refused(mallory.send({ conversation }), "not_found");
    const added = await alice.call("add", { conversation, users: [carol.user] });
    const welcome = await alice.send({ conversation, text: "welcome" });
    check((await carol.take("message", { id: welcome.message })).seq === added.seq + 1, "order");
    await alice.call("remove", { conversation, users: [bob.user] });
    const after = await carol.send({ conversation, text: "bob is gone" });
    await alice.take("message", { id: after.message });
    await bob.takeNone("message", { text: "bob is gone" });
    await refused(bob.send({ conversation }), "not_found");
    for (const client of [alice, bob, carol, mallory]) await client.close();
  },

  async typing(env) {
    const alice = await Client.login(env, "typing-alice");
    const bob = await Client.login(env, "typing-bob");
    const { conversation } = await alice.send({ user: bob.user });
    await alice.call("typing", { conversation, on: true });
    check((await bob.take("typing", { conversation })).user === alice.user, "who types");
    await alice.takeNone("typing");
    await alice.close();
    await bob.close();
  },

  async receipts(env) {
    const alice = await Client.login(env, "read-alice");
    const bob = await Client.login(env, "read-bob");
    const { conversation } = await alice.send({ user: bob.user });
    const { seq } = await bob.take("message");
    await bob.call("read", { conversation, seq });
    check((await alice.take("receipt", { user: bob.user, read: seq })).conversation === conversation,
      "where it was read");
    await alice.close();
    await bob.close();
  },

  async bad_input(env) {
    const alice = await Client.login(env, "bad-alice");
    await refused(alice.call("no_such_command", { x: 1 }), "bad_request");
    await refused(alice.call("send", { user: "bad-bob", text: "no client_id" }), "bad_request");
    await refused(alice.send({ conversation: "no-such-conversation" }), "not_found");
    await alice.call("conversations");
    alice.socket.send("{");
    const code = await Promise.race([alice.closed, sleep(1000).then(() => 0)]);
    check(alice.stray.length || code, "an answer to bad JSON");
    const probe = await Client.login(env, "bad-bob");
    await probe.close();
  },

  async oversized(env) {
    const alice = await Client.login(env, "big-alice");
    const text = "x".repeat(alice.hello.max_message_bytes + 1);
    await refused(alice.send({ user: "big-bob", text }), "too_large");
    await alice.send({ user: "big-bob", text: "fits" });
    await alice.close();
  },
};

export const users = ["connect-alice", "direct-alice", "direct-bob", "dup-alice", "dup-bob",
  "off-alice", "off-bob", "group-alice", "group-bob", "group-carol", "group-mallory",
  "typing-alice", "typing-bob", "read-alice", "read-bob", "bad-alice", "bad-bob", "big-alice",
  "big-bob"];

// Runs those named, or all; answers { passed, failed }.
export async function run(env, names = Object.keys(scenarios)) {
  const result = { passed: 0, failed: 0 };
  for (const name of names) {
    try {
      await within(30000, scenarios[name](env));
      result.passed++;
      env.print(`ok   ${name}`);
    } catch (error) {
      result.failed++;
      env.print(`FAIL ${name}\n${error.stack || error}`);
    }
  }
  return result;
}
