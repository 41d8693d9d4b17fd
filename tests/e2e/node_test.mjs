#!/usr/bin/env node
// chatcored through Node's `ws` (Debian's node-ws, or one in NODE_PATH): the scenarios of
// scenarios.mjs. Takes CHATCORED as first argument or from the environment; exit 77: skipped.
import { spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, users } from "./scenarios.mjs";

function skip(reason) {
  console.log(`SKIP: ${reason}`);
  process.exit(77);
}

function loadWebSocket() {
  const require = createRequire(import.meta.url);
  for (const name of ["ws", "/usr/share/nodejs/ws"]) {
    try {
      return require(name);
    } catch { /* the next place */ }
  }
  return skip("node-ws is not installed");
}

function program() {
  const path = process.argv[2] || process.env.CHATCORED || "";
  try {
    accessSync(path, constants.X_OK);
  } catch {
    skip("no chatcored: name it as the first argument or in CHATCORED");
  }
  return path;
}

function mint(secret, user, expires) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: user, exp: expires })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

function tokens(secret) {
  const now = Math.floor(Date.now() / 1000);
  return {
    ...Object.fromEntries(users.map((user) => [user, mint(secret, user, now + 3600)])),
    "(expired)": mint(secret, "mallory", now - 60),
    "(forged)": mint("another secret", "mallory", now + 3600),
  };
}

function start(path, directory, secret) {
  const secretPath = join(directory, "secret");
  writeFileSync(secretPath, secret);
  const server = spawn(path, ["--data", join(directory, "data"), "--listen", "127.0.0.1:0",
    "--jwt-secret-file", secretPath], { stdio: ["ignore", "pipe", "inherit"] });
  const ready = new Promise((resolve, reject) => {
    let output = "";
    server.stdout.on("data", (data) => {
      output += data;
      const found = /ready[^]*?127\.0\.0\.1:(\d+)[^]*?\n/.exec(output);
      if (found) resolve(Number(found[1]));
    });
    server.on("exit", (code) => reject(new Error(`chatcored ended with ${code}`)));
  });
  return { server, ready };
}

const WebSocket = loadWebSocket();
const path = program();
const directory = mkdtempSync(join(tmpdir(), "chatcore-e2e-"));
const secret = randomBytes(24).toString("hex");
const { server, ready } = start(path, directory, secret);
const ended = new Promise((resolve) => server.on("exit", (code) => resolve(code)));
try {
  const url = `ws://127.0.0.1:${await ready}/v1/ws`;
  const result = await run({ WebSocket, url, tokens: tokens(secret), print: console.log });
  server.kill("SIGTERM");
  const code = await ended;
  if (code !== 0) {
    console.log(`FAIL chatcored ended with ${code} after SIGTERM`);
    result.failed++;
  }
  console.log(`${result.passed} passed, ${result.failed} failed`);
  process.exitCode = result.failed || !result.passed ? 1 : 0;
} finally {
  server.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
}
