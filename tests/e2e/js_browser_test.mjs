#!/usr/bin/env node
// clients/js in Chromium, its bundle alone, with its outbox in IndexedDB: js_browser_test.mjs
// CHATCORED. What was written without a server survives a reload and is sent once, in both
// encodings; what came meanwhile comes once. Exit code 77: Chromium or the npm packages are missing.
import { createServer } from "node:http";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { forget, launch, PAGE, PATIENCE_MS, Server } from "./browser.mjs";

const CLIENT = join(PAGE, "../../../clients/js/src/index.ts");
const server = new Server(process.argv[2] ?? process.env.CHATCORED);
let site;

function check(condition, what) {
  if (!condition) throw new Error(what);
}

/* A page of its own, that is there while chatcored is not: of the same host, on another port. */
async function openSite() {
  const bundle = execFileSync(join(PAGE, "node_modules/.bin/esbuild"), [CLIENT, "--bundle", "--format=esm",
    "--log-level=error"], { cwd: join(PAGE, "../../../clients/js"), maxBuffer: 1 << 24 });
  site = createServer((request, response) => {
    const isScript = request.url === "/client.js";
    response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? bundle : "<!DOCTYPE html><title>client</title>");
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${site.address().port}/`;
}

/** One user's tab; `client` and what it was told are globals in it. */
class Tab {
  constructor(page, address, user, encoding) {
    Object.assign(this, { page, address, user, encoding });
  }

  /** Loads the page, or loads it again, and starts its client. */
  async load() {
    const { user, encoding } = this;
    await this.page.goto(this.address);
    await this.page.evaluate(async (options) => {
      const { Client, IndexedDbStorage } = await import("/client.js");
      Object.assign(globalThis, { texts: [], settled: 0 });
      globalThis.client = new Client({ ...options, token: () => options.token, device: `tab-${options.encoding}`,
        storage: new IndexedDbStorage(`${options.user}-${options.encoding}`) });
      globalThis.client.on("message", (message) => globalThis.texts.push(message.text ?? message.kind));
      await globalThis.client.start();
    }, { url: server.url, encoding, user, token: this.token ??= await server.token(user) });
  }

  waitFor(condition, what, ...values) {
    return this.page.waitForFunction(condition, { timeout: PATIENCE_MS, polling: 50 }, ...values)
      .catch(() => { throw new Error(`${this.user}, ${this.encoding}: ${what}`); });
  }

  online() {
    return this.waitFor(() => globalThis.client.state.status === "online", "is not online");
  }

  sentAll() {
    return this.waitFor(() => globalThis.client.outbox.length === 0, "has not sent all");
  }

  async send(draft) {
    await this.page.evaluate(({ bytes, ...fields }) => globalThis.client.send(bytes
      ? { ...fields, files: [{ name: "a.bin", type: "application/octet-stream", bytes: new Uint8Array(bytes) }] }
      : fields), draft);
  }

  got(text) {
    return this.waitFor((wanted) => globalThis.texts.includes(wanted), `does not get ${text}`, text);
  }

  texts() {
    return this.page.evaluate(() => globalThis.texts.join());
  }
}

async function offlineReloadResume(browser, address, encoding) {
  const open = async (user) => {
    const context = await browser.createBrowserContext();
    return new Tab(await context.newPage(), address, `${user}-${encoding}`, encoding);
  };
  const [alice, bob] = [await open("alice"), await open("bob")];
  await Promise.all([alice.load(), bob.load()]);
  await Promise.all([alice.online(), bob.online()]);
  await alice.send({ user: bob.user, text: "one" });
  await bob.got("one");
  await alice.sentAll();
  await server.stop();
  await alice.send({ user: bob.user, text: "two" });
  await alice.send({ user: bob.user, text: "three", bytes: [1, 2, 3] });
  await alice.load();
  const waiting = await alice.page.evaluate(() => globalThis.client.outbox
    .map(({ text, files }) => [text, files ? [...files[0].bytes] : []].join()).join(";"));
  check(waiting === "two,;three,1,2,3", `${encoding}: ${waiting} is in the outbox`);
  await server.start();
  await alice.online();
  await alice.sentAll();
  await bob.got("three");
  check(await bob.texts() === "one,two,three", `${encoding}: bob got ${await bob.texts()}`);
  await alice.page.goto("about:blank"); /* the tab is closed */
  await bob.send({ user: alice.user, text: "four" });
  await bob.sentAll();
  await alice.load();
  await alice.got("four");
  await alice.online();
  check(!/one|four.*four/.test(await alice.texts()), `${encoding}: alice got ${await alice.texts()}`);
  await Promise.all([alice.page.browserContext().close(), bob.page.browserContext().close()]);
}

let failed = 0;
await server.start();
const address = await openSite();
const browser = await launch();
try {
  for (const encoding of ["json", "msgpack"]) {
    await offlineReloadResume(browser, address, encoding)
      .then(() => console.log(`ok ${encoding}: offline, reload, resume`))
      .catch((error) => {
        console.log(`not ok ${encoding}: offline, reload, resume\n  ${error.message}`);
        failed++;
      });
  }
} finally {
  await browser.close();
  site.close();
  if (await server.stop() !== 0) console.log("not ok chatcored ended badly"), failed++;
  forget();
}
console.log(`${2 - failed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
