/*
 * Storage in the browser. One database for each user: `name` should hold the server and the user.
 */
import type { Storage } from "./storage.js";

const TABLE = "values";

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export class IndexedDbStorage implements Storage {
  readonly #name: string;
  #opening: Promise<IDBDatabase> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  async load(): Promise<Map<string, unknown>> {
    const table = (await this.#open()).transaction(TABLE).objectStore(TABLE);
    const [keys, values] = await Promise.all([done(table.getAllKeys()), done(table.getAll())]);
    return new Map(keys.map((key, i) => [String(key), values[i]]));
  }

  put(key: string, value: unknown): Promise<void> {
    return this.#write((table) => table.put(value, key));
  }

  delete(key: string): Promise<void> {
    return this.#write((table) => table.delete(key));
  }

  /* A failed opening is tried again by the next call. */
  #open(): Promise<IDBDatabase> {
    this.#opening ??= this.#connect().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #connect(): Promise<IDBDatabase> {
    const request = indexedDB.open(this.#name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
    const database = await done(request);
    database.onclose = () => (this.#opening = undefined);
    return database;
  }

  /* The request's success is not yet the commit. */
  async #write(change: (table: IDBObjectStore) => void): Promise<void> {
    const database = await this.#open();
    const transaction = database.transaction(TABLE, "readwrite", { durability: "strict" });
    change(transaction.objectStore(TABLE));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
  }
}
