#!/usr/bin/env node
// The web page in Chromium: two users do all that it can do. page_test.mjs CHATCORED. Pictures go
// to the folder SCREENSHOTS, if it is set. Exit code 77: Chromium or the npm packages are missing.
import { readFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { forget, launch, PAGE, PATIENCE_MS, require, Server } from "./browser.mjs";

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const problems = [];
const server = new Server(process.argv[2] ?? process.env.CHATCORED);

function check(condition, what) {
  if (!condition) throw new Error(what);
}

/** A file as it comes over the wire: not unpacked, not from a cache. */
function load(path, headers = {}) {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port: server.port, path, headers }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
    }).on("error", reject);
  });
}

/** One user's browser. */
class Person {
  static async open(browser, name, viewport = { width: 1180, height: 760 }) {
    const person = new Person();
    person.name = name;
    person.context = await browser.createBrowserContext();
    person.page = await person.context.newPage();
    await person.page.setViewport(viewport);
    await person.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
    person.page.on("pageerror", (error) => problems.push(`${name}: ${error.message}`));
    person.page.on("console", (message) => {
      if (/Content.Security.Policy/i.test(message.text())) problems.push(`${name}: ${message.text()}`);
    });
    await person.page.goto(server.url);
    return person;
  }

  async login() {
    await this.page.type("#login [name=user]", this.name);
    await this.page.keyboard.press("Enter");
    await this.sees("online", "#link");
  }

  /** Waits until an element that matches shows the text. */
  async sees(text, selector) {
    await this.page.waitForFunction((wanted, where) => [...document.querySelectorAll(where)]
      .some((element) => element.checkVisibility() && (element.textContent.includes(wanted) ||
        (element.getAttribute("aria-label") ?? "").includes(wanted))),
    { timeout: PATIENCE_MS, polling: 50 }, text, selector)
      .catch(() => { throw new Error(`${this.name} does not see "${text}" in ${selector}`); });
  }

  async misses(text, selector) {
    await this.page.waitForFunction((wanted, where) => ![...document.querySelectorAll(where)]
      .some((element) => element.checkVisibility() && element.textContent.includes(wanted)),
    { timeout: PATIENCE_MS, polling: 50 }, text, selector)
      .catch(() => { throw new Error(`${this.name} still sees "${text}" in ${selector}`); });
  }

  /** Clicks the first visible element that matches and has the text, in it or as its label. */
  async click(selector, text = "") {
    await this.sees(text, selector);
    const handle = await this.page.evaluateHandle((where, wanted) =>
      [...document.querySelectorAll(where)].find((element) => element.checkVisibility() &&
        (element.textContent.includes(wanted) ||
          (element.getAttribute("aria-label") ?? "").includes(wanted))), selector, text);
    await handle.evaluate((element) => element.click());
  }

  async write(text) {
    await this.page.focus("#text");
    await this.page.type("#text", text);
    await this.page.keyboard.press("Enter");
  }

  /** The tool of the bubble with the text. */
  async tool(text, label) {
    await this.page.waitForFunction((wanted, name) => [...document.querySelectorAll(".bubble")]
      .findLast((bubble) => bubble.textContent.includes(wanted))
      ?.querySelector(`.tools [aria-label="${name}"]`), { timeout: PATIENCE_MS }, text, label);
    await this.page.evaluate((wanted, name) => {
      const found = [...document.querySelectorAll(".bubble")]
        .findLast((bubble) => bubble.textContent.includes(wanted));
      found.focus(); /* as a tap or the arrow keys do: the tools show */
      found.querySelector(`.tools [aria-label="${name}"]`).click();
    }, text, label);
  }

  async openChat(name) {
    await this.sees(name, "#list .name");
    await this.page.evaluate((wanted) => [...document.querySelectorAll("#list .entry")]
      .find((entry) => entry.querySelector(".name").textContent === wanted).click(), name);
    await this.sees(name, "#title");
  }

  async newChat(names, title) {
    await this.click("#new");
    await this.page.type("dialog [name=users]", names);
    if (title) await this.page.type("dialog [name=name]", title);
    await this.click("dialog .primary", "Start");
    await this.page.waitForSelector("dialog[open]", { hidden: true });
  }

  async shot(name) {
    if (process.env.SCREENSHOTS)
      await this.page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
  }

  async accessible(where) {
    await this.page.evaluate(AXE);
    const found = await this.page.evaluate(async () => (await globalThis.axe.run(document,
      { runOnly: ["wcag2a", "wcag2aa", "wcag21aa"] })).violations
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`));
    check(found.length === 0, `axe, ${where}: ${found.join("\n")}`);
  }

  count(text) {
    return this.page.evaluate((wanted) => [...document.querySelectorAll(".bubble .text")]
      .filter((element) => element.textContent === wanted).length, text);
  }

  /** A picture of one colour, as the clipboard or a dragged file brings it. */
  async give(kind, name) {
    await this.page.evaluate(async (event, file) => {
      const canvas = new OffscreenCanvas(440, 180);
      const ink = canvas.getContext("2d");
      const sky = ink.createLinearGradient(0, 0, 440, 180);
      sky.addColorStop(0, "#f6b26b");
      sky.addColorStop(1, "#3d6fb6");
      ink.fillStyle = sky;
      ink.fillRect(0, 0, 440, 180);
      const data = new DataTransfer();
      data.items.add(new File([await canvas.convertToBlob()], file, { type: "image/png" }));
      const target = document.querySelector("#text");
      target.dispatchEvent(event === "paste"
        ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    }, kind, name);
    await this.sees(name, "#files li");
  }
}

/* --- what they do ----------------------------------------------------------------------------- */

let alice;
let bob;

const steps = {
  async "files are packed, kept, and asked about"() {
    const plain = await load("/chat.js");
    check(plain.status === 200 && !plain.headers["content-encoding"], "not asked to be packed");
    check(plain.body.equals(readFileSync(join(PAGE, "chat.js"))), "other bytes");
    const packed = await load("/chat.js", { "Accept-Encoding": "br, gzip;q=0.5" });
    check(packed.headers["content-encoding"] === "gzip" && packed.headers.vary === "Accept-Encoding", "gzip");
    check(gunzipSync(packed.body).equals(plain.body) && packed.body.length < plain.body.length / 2, "unpacked");
    check((await load("/chat.js", { "Accept-Encoding": "br, gzip;q=0" })).body.equals(plain.body), "forbidden");
    check(plain.headers["cache-control"] === "no-cache", "Cache-Control");
    check(plain.headers.etag !== packed.headers.etag, "two codings, one ETag");
    for (const known of [plain.headers.etag, `"other", W/${plain.headers.etag}`, "*"]) {
      const same = await load("/chat.js", { "If-None-Match": known });
      check(same.status === 304 && same.body.length === 0, known);
      check(same.headers.etag === plain.headers.etag && same.headers["content-security-policy"], "headers of a 304");
    }
    check((await load("/chat.js", { "If-None-Match": packed.headers.etag })).status === 200, "the other coding's");
    check((await load("/chat.css", { "If-None-Match": plain.headers.etag })).status === 200, "another file's");
  },

  async "log in"() {
    await alice.accessible("log-in");
    await alice.shot("login");
    await alice.login();
    await bob.login();
  },

  async "a direct chat, ticks, unread, typing, presence"() {
    await alice.newChat("bob");
    await alice.write("Hi Bob! Did the prints arrive?");
    await bob.sees("Hi Bob!", "#list");
    await bob.sees("1 unread", "#list .badge");
    await alice.sees("delivered", ".mine .tick");
    await bob.openChat("alice");
    await bob.sees("Did the prints arrive?", ".bubble");
    await bob.page.bringToFront();
    await bob.page.evaluate(() => window.dispatchEvent(new Event("focus")));
    await alice.sees("read", ".mine .tick");
    await bob.page.type("#text", "They did, and");
    await alice.sees("bob is typing", "#typing");
    await bob.page.type("#text", " they look great 🎉");
    await bob.page.keyboard.press("Enter");
    await alice.sees("they look great 🎉", ".bubble");
    await alice.sees("online", "#subtitle");
  },

  async "reply, react, edit, delete"() {
    await alice.tool("they look great", "Reply");
    await alice.write("Wonderful, I was worried about the colours");
    await bob.sees("they look great", ".quote");
    await bob.tool("worried about the colours", "React");
    await bob.click(".picker button", "❤️");
    await alice.sees("❤️ 1", ".reactions");
    await alice.write("See you at nine");
    await alice.tool("See you at nine", "Edit");
    await alice.page.evaluate(() => (document.querySelector("#text").value = ""));
    await alice.write("See you at ten");
    await bob.sees("See you at ten", ".bubble");
    await bob.sees("edited", ".bubble .meta");
    await alice.write("oops");
    await bob.sees("oops", ".bubble");
    await alice.tool("oops", "Delete");
    await bob.sees("This message was deleted", ".bubble");
  },

  async "pictures by paste and by drag"() {
    await alice.give("paste", "evening.png");
    await alice.write("From the roof tonight");
    await bob.sees("From the roof tonight", ".bubble");
    await bob.page.waitForFunction(() => document.querySelector(".bubble .image img")?.naturalWidth > 0,
      { timeout: PATIENCE_MS });
    await bob.give("drop", "morning.png");
    await bob.page.click("#compose .send");
    await alice.page.waitForFunction(() => [...document.querySelectorAll(".bubble .image img")]
      .filter((image) => image.naturalWidth > 0).length === 2, { timeout: PATIENCE_MS });
    await alice.shot("direct");
    await alice.accessible("a conversation");
  },

  async "a group: mention, roles, rename, add, remove, leave"() {
    await alice.newChat("bob, carol", "Studio");
    await alice.sees("3 members", "#subtitle");
    await alice.page.focus("#text");
    await alice.page.type("#text", "Welcome @b");
    await alice.sees("@bob", "#mentions li");
    await alice.page.keyboard.press("Enter");
    await alice.page.keyboard.press("Enter");
    await bob.sees("Studio", "#list");
    await bob.openChat("Studio");
    await bob.sees("@bob", ".mention.me");
    await alice.click("#menu");
    await alice.sees("carol", ".members li");
    await alice.accessible("details");
    await alice.shot("details");
    await alice.page.select('[aria-label="Role of bob"]', "admin");
    await bob.sees("made you admin", ".note");
    await alice.page.evaluate(() => (document.querySelector("dialog [name=name]").value = "Studio North"));
    await alice.click("dialog .primary", "Rename");
    await bob.sees("Studio North", "#title");
    await alice.page.type("dialog [name=add]", "dave");
    await alice.click("dialog .primary", "Add");
    await bob.sees("added dave", ".note");
    await alice.click("dialog .members .icon", "Remove dave");
    await bob.sees("removed dave", ".note");
    await alice.click("dialog .icon", "Close");
    await bob.click("#menu");
    await bob.click("dialog .wide", "Leave");
    await bob.misses("Studio North", "#list");
    await alice.sees("bob left", ".note");
  },

  async "an invite link: made, followed, revoked"() {
    await alice.openChat("Studio North");
    await alice.click("#menu");
    await alice.click("dialog .wide", "Invite link");
    await alice.page.waitForSelector("dialog [name=uses]");
    await alice.page.select("dialog [name=uses]", "1");
    await alice.click("dialog .primary", "New link");
    await alice.sees("0 of 1 joined", ".members .faint");
    await alice.accessible("invite links");
    await alice.shot("invite-link");
    const link = await alice.page.$eval(".members input", (input) => input.value);
    check(/#join=[\w-]{32}$/.test(link), link);
    const follow = () => bob.page.evaluate((hash) => (location.hash = hash), new URL(link).hash);
    await follow();
    await bob.sees("Studio North", "dialog .portrait");
    await bob.accessible("an invitation");
    check(!await bob.page.evaluate(() => location.hash), "the token stays in the address");
    await bob.click("dialog .primary", "Join");
    await bob.sees("Studio North", "#title");
    await alice.sees("bob joined by invitation", ".note");
    await follow(); /* who is in it already gets there without being asked */
    await bob.page.waitForFunction(() => !location.hash && !document.querySelector("dialog[open]"));
    await bob.click("#menu");
    await bob.click("dialog .wide", "Leave");
    await bob.misses("Studio North", "#list");
    await follow();
    await bob.sees("holds no longer", "#toast");
    await alice.click("#dialog .icon", "Close");
    await alice.click("#menu");
    await alice.click("dialog .wide", "Invite link");
    await alice.click("dialog .primary", "New link");
    await alice.click(".members .icon", "Revoke this link");
    await alice.misses("joined", ".members .faint");
    await alice.click("#dialog .icon", "Close");
  },

  async "search"() {
    await alice.page.type("#search", "colours");
    await alice.sees("worried about the colours", "#list .result");
    await alice.click("#list .result", "colours");
    await alice.sees("worried about the colours", ".bubble");
    await alice.page.focus("#search");
    await alice.page.keyboard.press("Escape");
    await alice.misses("worried about the colours", "#list .result");
  },

  async "mute, block"() {
    await alice.openChat("bob");
    await alice.click("#menu");
    await alice.click("dialog .wide summary", "Mute");
    await alice.click("dialog .choices button", "8 hours");
    await alice.sees("Unmute", "dialog .wide");
    await alice.click("dialog .wide", "Block bob");
    await alice.sees("Unblock bob", "dialog .wide");
    await bob.openChat("alice");
    await bob.write("hello?");
    await bob.sees("Not sent", ".failure");
    await alice.click("dialog .wide", "Unblock bob");
    await alice.sees("Block bob", "dialog .wide");
    await alice.click("dialog .icon", "Close");
    await bob.click(".failure button", "Try again");
    await alice.sees("hello?", ".bubble");
  },

  async "what was written offline is sent once"() {
    await server.stop();
    await alice.sees("No connection", "#status");
    await alice.write("written in a tunnel");
    await alice.sees("waiting", ".mine .tick");
    await alice.write("and an other");
    await alice.write("never mind");
    await alice.tool("and an other", "Edit");
    await alice.page.evaluate(() => (document.querySelector("#text").value = ""));
    await alice.write("and another");
    await alice.sees("and another", ".bubble.waiting");
    await alice.tool("never mind", "Delete");
    await alice.misses("never mind", ".bubble");
    await alice.tool("hello?", "React");
    await alice.click(".picker button", "👍");
    await alice.sees("👍 1", ".reactions");
    await alice.page.reload(); /* the page itself, from its service worker */
    await alice.openChat("bob");
    await alice.sees("they look great", ".bubble");
    await alice.sees("and another", ".bubble.waiting");
    await alice.sees("read", ".mine .tick");
    await alice.shot("offline");
    await alice.page.goto("about:blank"); /* the tab is closed, and opened again later */
    await server.start();
    await alice.page.goto(server.url);
    await alice.sees("online", "#link");
    await alice.openChat("bob");
    await bob.sees("written in a tunnel", ".bubble");
    await bob.sees("and another", ".bubble");
    await alice.misses("", ".bubble.waiting, .bubble.sending");
    check(await bob.count("written in a tunnel") === 1, "it came twice");
    check(await bob.count("and another") === 1, "it came twice");
    await bob.sees("👍 1", ".reactions");
    check(await bob.count("never mind") === 0, "what was taken away was sent");
  },

  async "a reload keeps the ticks, and who is blocked"() {
    await alice.click("#menu");
    await alice.click("dialog .wide", "Block bob");
    await alice.sees("Unblock bob", "dialog .wide");
    await alice.page.reload();
    await alice.sees("online", "#link");
    await alice.openChat("bob");
    await alice.click("#menu");
    await alice.click("dialog .wide", "Unblock bob");
    await alice.sees("Block bob", "dialog .wide");
    await alice.click("dialog .icon", "Close");
    const cached = await alice.page.evaluate(() => new Promise((resolve) => { /* as on another device */
      indexedDB.open("chatcore/alice/cache", 1).onsuccess = ({ target: { result } }) => {
        const transaction = result.transaction("values", "readwrite");
        transaction.objectStore("values").getAllKeys().onsuccess = ({ target }) => target.result
          .filter((key) => key.startsWith("room/"))
          .forEach((key) => transaction.objectStore("values").delete(key));
        transaction.oncomplete = () => (result.close(), resolve(true));
      };
    }));
    check(cached, "the cache");
    await alice.page.reload();
    await alice.sees("online", "#link");
    await alice.openChat("bob");
    await alice.page.waitForFunction(() => document.querySelectorAll(".mine .tick.read").length >= 4 &&
      !document.querySelector(".mine .tick.sent"), { timeout: PATIENCE_MS });
  },

  async "settings are kept"() {
    await alice.click("#settings");
    await alice.sees("Quiet hours", "dialog .check");
    await alice.page.select("dialog select", "contacts");
    await alice.page.evaluate(() => [...document.querySelectorAll("dialog .check")]
      .find((label) => label.textContent === "Quiet hours").querySelector("input").click());
    await alice.page.type("dialog [name=mail]", "alice@example.org");
    await alice.accessible("settings");
    await alice.shot("settings");
    await alice.click("dialog .primary", "Save");
    await alice.sees("Settings are saved", "#toast");
    await alice.click("#settings");
    await alice.page.waitForFunction(() => document.querySelector("dialog select")?.value === "contacts" &&
      document.querySelector("dialog .pair")?.checkVisibility(), { timeout: PATIENCE_MS });
    await alice.click("dialog .icon", "Close");
  },

  async "a channel, links, long words, other scripts, what is new"() {
    await alice.click("#new");
    await alice.page.type("dialog [name=users]", "bob, carol");
    await alice.page.type("dialog [name=name]", "Announcements of the print shop and everything around it");
    await alice.click("dialog .check", "a channel");
    await alice.page.evaluate(() => document.querySelector("dialog [name=channel]").checked ||
      document.querySelector("dialog [name=channel]").click());
    await alice.click("dialog .primary", "Start");
    await alice.page.waitForSelector("dialog[open]", { hidden: true });
    await alice.write("Prices: https://example.com/a?b=c. javascript:alert(1)");
    await alice.write("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(3));
    await alice.write("مرحبا بكم في القناة، هذا خبر جديد");
    await bob.sees("3 unread", "#list .badge").catch(() => bob.sees("unread", "#list .badge"));
    await bob.openChat("Announcements of the print shop and everything around it");
    await bob.sees("New messages", ".note.unread");
    await bob.sees("Only admins write", "#readonly");
    const links = await bob.page.$$eval(".text a", (all) => all.map((a) => a.getAttribute("href")));
    check(links.join() === "https://example.com/a?b=c", `links: ${links}`);
    check(await bob.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "too wide");
    await bob.shot("channel");
    await bob.accessible("channel");
    await alice.openChat("bob");
    await bob.openChat("alice");
  },

  async "keyboard"() {
    await alice.page.keyboard.down("Control");
    await alice.page.keyboard.press("k");
    await alice.page.keyboard.up("Control");
    check(await alice.page.evaluate(() => document.activeElement.id) === "search", "Ctrl K");
    await alice.page.focus("#text");
    await alice.page.keyboard.press("ArrowUp");
    await alice.page.keyboard.press("ArrowUp");
    check(await alice.page.evaluate(() => document.activeElement.classList.contains("bubble")), "↑");
    await alice.page.keyboard.press("r");
    await alice.sees("Reply to", "#context");
    await alice.page.keyboard.press("Escape");
    check(await alice.page.$eval("#context", (element) => element.hidden), "Esc");
  },

  async "searching a conversation, any emoji"() {
    await alice.page.keyboard.down("Control");
    await alice.page.keyboard.press("f");
    await alice.page.keyboard.up("Control");
    await alice.page.type("#finder input", "hello");
    await alice.sees("1 of 1", "#found");
    await alice.page.waitForFunction(() => document.querySelector(".bubble.found")?.textContent.includes("hello?"),
      { timeout: PATIENCE_MS });
    await alice.accessible("searching");
    await alice.page.type("#finder input", " and nothing like it");
    await alice.sees("Nothing found", "#found");
    await alice.page.keyboard.press("Escape");
    check(await alice.page.$eval("#finder", (element) => element.hidden), "Esc");
    await alice.tool("hello?", "React");
    await alice.click(".picker button", "More reactions");
    const enter = (text) => alice.page.$eval(".picker input", (input, value) => {
      input.value = value;
      input.dispatchEvent(new Event("input"));
    }, text);
    await enter("x🦊");
    check(await alice.page.$(".picker"), "letters are no emoji");
    await enter("🦊");
    await bob.sees("🦊 1", ".reactions");
  },

  async "an upload is shown, and cancelled"() {
    await alice.page.emulateNetworkConditions({ download: -1, upload: 200, latency: 0 });
    await alice.give("paste", "slow.png");
    await alice.write("never arrives");
    await alice.sees("", ".bubble.sending progress");
    await alice.tool("never arrives", "Cancel sending");
    await alice.misses("never arrives", ".bubble");
    await alice.page.emulateNetworkConditions(null);
    await alice.write("arrives");
    await bob.sees("arrives", ".bubble");
    check(await bob.count("never arrives") === 0, "it was sent all the same");
  },

  async "what is new below, and what is unread"() {
    await alice.page.$eval("#messages", (box) => (box.scrollTop = 0));
    await alice.page.waitForFunction(() => document.querySelector("#newest").checkVisibility());
    await bob.write("down here");
    await alice.sees("1 new", "#newest");
    await alice.page.evaluate(() => document.querySelector("#messages").scrollTo(0, 1e6));
    await alice.page.waitForFunction(() => !document.querySelector("#newest").checkVisibility());
    await alice.openChat("Studio North");
    await bob.write("one thing"); /* what is done to it does not count */
    await bob.tool("one thing", "Edit");
    await bob.page.$eval("#text", (input) => (input.value = ""));
    await bob.write("one thing, mended");
    await bob.tool("one thing, mended", "React");
    await bob.click(".picker button", "👍");
    await alice.sees("Bob reacted 👍".slice(4), "#list .faint");
    await alice.sees("1 unread", "#list .badge");
    check(!await alice.page.$('#list .badge[aria-label="2 unread"]'), "edits count");
  },

  async "names in the place of ids"() {
    await bob.click("#settings");
    await bob.sees("Quiet hours", "dialog .check");
    await bob.page.type("dialog [name=name]", "Bob Öztürk");
    await bob.click("dialog .primary", "Save");
    await bob.sees("Bob Öztürk", "#me");
    await alice.page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
    await alice.page.reload();
    await alice.sees("Bob Öztürk", "#list .name");
    await alice.openChat("Bob Öztürk");
    await Promise.all([alice.sees("Bob Öztürk is typing", "#typing"),
      bob.page.type("#text", "as long as it takes, for it is told every two seconds", { delay: 80 })]);
    await alice.click("#menu");
    await alice.sees("@bob", "dialog .faint");
    await alice.click("dialog .icon", "Close");
    await alice.openChat("Studio North");
    await alice.sees("Bob Öztürk left", ".note");
    await alice.sees("@Bob Öztürk", ".mention");
    await alice.openChat("Bob Öztürk");
  },

  async "dark, and a phone"() {
    for (const person of [alice, bob]) {
      await person.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
    }
    await alice.shot("dark");
    await alice.accessible("dark");
    await bob.page.setViewport({ width: 390, height: 780, deviceScaleFactor: 2 });
    await bob.shot("phone");
    await bob.click("#menu");
    await bob.sees("Block alice", "dialog .wide");
    await bob.shot("phone-details");
    await bob.click("dialog .icon", "Close");
    await bob.accessible("phone");
    await bob.click("#back");
    check(!await bob.page.$eval("#main", (element) => element.checkVisibility()), "the list alone");
    await bob.shot("phone-list");
    check(await bob.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "too wide");
  },

  async "a token instead of a name"() {
    await bob.click("#logout");
    await bob.page.waitForFunction(async () => {
      const open = (name) => new Promise((resolve) => (indexedDB.open(name, 1).onsuccess = (e) => resolve(e.target.result)));
      const table = (await open("chatcore/bob/cache")).transaction("values").objectStore("values");
      return new Promise((resolve) => (table.count().onsuccess = (e) => resolve(e.target.result === 0)));
    }, { timeout: PATIENCE_MS, polling: 200 }); /* nothing of his messages stays here */
    await bob.click("#login-other");
    await bob.page.type("#login [name=token]", await server.token("erin"));
    await bob.click("#login .primary");
    await bob.sees("erin", "#me");
    await bob.sees("online", "#link");
  },
};

/* After the browser has gone: another server in the same place. */
async function policyFollowsTheCdn() {
  await server.stop();
  await server.start("--media-cdn", "https://cdn.example.com:8443/chat");
  const response = await fetch(server.url);
  const policy = response.headers.get("content-security-policy");
  check(/img-src 'self' blob: https:\/\/cdn.example.com:8443;/.test(policy), policy);
}

let failed = 0;
let passed = 0;
await server.start();
const browser = await launch();
try {
  alice = await Person.open(browser, "alice");
  bob = await Person.open(browser, "bob");
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step();
      console.log(`ok ${name}`);
      passed++;
    } catch (error) {
      console.log(`not ok ${name}\n  ${error.message}`);
      await alice.shot("failed-alice");
      await bob.shot("failed-bob");
      failed++;
      break; /* each step goes on from the one before */
    }
  }
  for (const problem of problems) console.log(`not ok no error in the page\n  ${problem}`), failed++;
} finally {
  await browser.close();
  await policyFollowsTheCdn().catch((error) => {
    console.log(`not ok the policy follows the CDN\n  ${error.message}`);
    failed++;
  });
  const code = await server.stop();
  if (code !== 0) console.log(`not ok chatcored ended with ${code}`), failed++;
  forget();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed || !passed ? 1 : 0;
