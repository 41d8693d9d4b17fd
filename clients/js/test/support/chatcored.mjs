// A real chatcored, and a proxy before it that cuts connections: CHATCORED names the program.
import { spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Chatcored {
  secret = randomBytes(24).toString("hex");
  folder = mkdtempSync(join(tmpdir(), "chatcore-js-"));

  async start(...options) {
    writeFileSync(join(this.folder, "secret"), this.secret);
    this.process = spawn(process.env.CHATCORED, ["--data", join(this.folder, "data"), "--listen",
      "127.0.0.1:0", "--jwt-secret-file", join(this.folder, "secret"), ...options],
    { stdio: ["ignore", "pipe", "inherit"] });
    this.port = await new Promise((resolve, reject) => {
      let output = "";
      this.process.stdout.on("data", (data) => {
        const found = /127\.0\.0\.1:(\d+)\D/.exec(output += data);
        if (found) resolve(Number(found[1]));
      });
      this.process.on("exit", (code) => reject(new Error(`chatcored ended with ${code}`)));
    });
    return this;
  }

  token(user, lifeS = 3600) {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const exp = Math.floor(Date.now() / 1000) + lifeS;
    const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: user, exp })}`;
    return `${signed}.${createHmac("sha256", this.secret).update(signed).digest("base64url")}`;
  }

  stop() {
    const ended = new Promise((resolve) => this.process.on("exit", resolve));
    this.process.kill("SIGTERM");
    return ended.finally(() => rmSync(this.folder, { recursive: true, force: true }));
  }
}

/** xorshift32: the same numbers for the same seed. */
export function seeded(seed) {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/**
 * Cuts each connection after a random number of bytes, in the middle of whatever passes: mostly soon,
 * now and then late enough for a whole catching up to pass, without which no cursor would come.
 */
export class CuttingProxy {
  cuts = 0;
  calm = false;

  async open(port, random, mostBytes) {
    this.server = createServer((client) => {
      const server = connect(port, "127.0.0.1");
      let left = 200 + random() ** 3 * mostBytes;
      const cut = () => {
        client.destroy();
        server.destroy();
      };
      const pass = (to) => (data) => {
        left -= data.length;
        if (left > 0 || this.calm) {
          to.write(data);
          return;
        }
        this.cuts++;
        to.write(data.subarray(0, Math.floor(data.length * random())), cut);
      };
      client.on("data", pass(server)).on("close", cut).on("error", cut);
      server.on("data", pass(client)).on("close", cut).on("error", cut);
    });
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.port = this.server.address().port;
    return this;
  }
}
