/*
 * Storage in Node: a folder with a file for each key, replaced by renaming. Writes of one key
 * follow each other.
 */
import { decode, encode } from "@msgpack/msgpack";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Storage } from "./storage.js";

const END = ".msgpack";

export class FileStorage implements Storage {
  readonly #folder: string;
  readonly #last = new Map<string, Promise<void>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async load(): Promise<Map<string, unknown>> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith(END));
    const files = await Promise.all(names.map((name) => this.#read(name)));
    const found = names.flatMap((name, i): [string, unknown][] => {
      const bytes = files[i];
      const key = decodeURIComponent(name.slice(0, -END.length));
      return bytes ? [[key, decode(bytes)]] : [];
    });
    return new Map(found);
  }

  /* Undefined: another program has deleted it since the folder was listed. */
  async #read(name: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(join(this.#folder, name));
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return undefined;
      throw error;
    }
  }

  put(key: string, value: unknown): Promise<void> {
    const bytes = encode(value, { ignoreUndefined: true });
    return this.#after(key, () => this.#replace(this.#path(key), bytes));
  }

  delete(key: string): Promise<void> {
    return this.#after(key, () => rm(this.#path(key), { force: true }));
  }

  /* encodeURIComponent leaves no slash, but it leaves dots: the ending makes "." and ".." names. */
  #path(key: string): string {
    return join(this.#folder, encodeURIComponent(key) + END);
  }

  #after(key: string, work: () => Promise<void>): Promise<void> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => {}).then(() => {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    });
    this.#last.set(key, settled);
    return mine;
  }

  async #replace(path: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = await open(`${path}.new`, "w", 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
  }
}
