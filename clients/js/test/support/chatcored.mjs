// A real chatcored: CHATCORED names the program.
import { spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
