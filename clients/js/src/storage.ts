/*
 * What must survive the program: a small map from text to values. The values hold what JSON can
 * express, and Uint8Array. Two programs may use one storage at the same time, but see each other's
 * changes only when they start.
 */
export interface Storage {
  /** All of it, in no order. */
  load(): Promise<Map<string, unknown>>;
  /** Durable when it resolves. */
  put(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<void>;
}

/** Keeps nothing across restarts. */
export class MemoryStorage implements Storage {
  readonly #values = new Map<string, unknown>();

  async load(): Promise<Map<string, unknown>> {
    return structuredClone(this.#values);
  }

  async put(key: string, value: unknown): Promise<void> {
    this.#values.set(key, structuredClone(value));
  }

  async delete(key: string): Promise<void> {
    this.#values.delete(key);
  }
}
