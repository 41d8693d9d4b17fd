// What the tests in Chromium share: the browser, and a server that can go and come back in its place.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const PAGE = join(dirname(fileURLToPath(import.meta.url)), "../../examples/chatcored/page/");
export const PATIENCE_MS = 20_000;
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];

if (!CHROMIUM || !existsSync(join(PAGE, "node_modules/puppeteer-core"))) {
  console.log("SKIP: Chromium or the packages of examples/chatcored/page are not installed");
  process.exit(77);
}
/** Of the packages of the page. */
export const require = createRequire(join(PAGE, "package.json"));
const { default: puppeteer } = await import(pathToFileURL(require.resolve("puppeteer-core")).href);

export const folder = mkdtempSync(join(tmpdir(), "chatcore-page-"));

export const launch = () => puppeteer.launch({ executablePath: CHROMIUM, userDataDir: join(folder, "profile"), args: FLAGS });

export const forget = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

/** chatcored on a folder of its own; its port stays the same when it comes back. */
export class Server {
  port = 0;
  #program;
  #child;

  constructor(program) {
    this.#program = program;
    writeFileSync(join(folder, "secret"), "a secret of this test, long enough to be one");
  }

  get url() {
    return `http://127.0.0.1:${this.port}/`;
  }

  async start(...options) {
    this.#child = spawn(this.#program, ["--dev", "--data", join(folder, "data"), "--listen",
      `127.0.0.1:${this.port}`, "--jwt-secret-file", join(folder, "secret"), "--drain-ms", "1", ...options],
    { stdio: ["ignore", "pipe", "inherit"] });
    this.port = await new Promise((resolve, reject) => {
      let output = "";
      this.#child.stdout.on("data", (data) => {
        const match = /127\.0\.0\.1:(\d+)\n/.exec(output += data);
        if (match) resolve(Number(match[1]));
      });
      this.#child.on("exit", (code) => reject(new Error(`chatcored ended with ${code}`)));
    });
  }

  /** Answers its exit code. */
  stop() {
    const ended = new Promise((resolve) => this.#child.on("exit", resolve));
    this.#child.kill("SIGTERM");
    return ended;
  }

  async token(user) {
    const response = await fetch(`${this.url}v1/dev/token`, { method: "POST", body: JSON.stringify({ user }) });
    return (await response.json()).token;
  }
}
