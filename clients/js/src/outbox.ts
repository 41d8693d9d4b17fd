/*
 * What is to be sent. An entry is durable before it is tried, and stays until the server has said
 * that its message is durable there, or that it never will be. Each try has the same client_id, so
 * the server makes one message of however many tries. Entries to one target go one after the other,
 * in the order in which they were written; different targets don't wait for each other.
 */
import { Backoff } from "./backoff.js";
import { asChatError, ChatError } from "./errors.js";
import type { Storage } from "./storage.js";
import type { Meta, SendFields, SendReply } from "./wire.js";

/** Entries; more means that nobody looks at what is refused. */
const ENTRIES_MAX = 10_000;
const PREFIX = "outbox/";

export interface Attachment {
  name: string;
  type: string;
  bytes: Uint8Array;
}

/** A message to be. Exactly one of `conversation` and `user`. */
export interface Draft {
  conversation?: string;
  user?: string;
  text?: string;
  media?: string[];
  /** Uploaded before the message is sent. */
  files?: Attachment[];
  reply_to?: string;
  mentions?: string[];
  meta?: Meta;
  /** Chosen at random unless it is given. */
  client_id?: string;
}

export type EntryState = "waiting" | "sending" | "failed";

export interface Entry extends Draft {
  client_id: string;
  /** When it was written, by this device's clock. */
  ts: number;
  order: number;
  state: EntryState;
  /** Of a failed one. */
  error?: { code: number; name: string; message: string };
}

export type OutboxChange =
  | { type: "added" | "changed" | "removed"; entry: Entry }
  | { type: "sent"; entry: Entry; reply: SendReply };

export interface OutboxHost {
  send(fields: SendFields): Promise<SendReply>;
  upload(file: Attachment): Promise<string>;
  changed(change: OutboxChange): void;
  random(): number;
}

interface Lane {
  isBusy: boolean;
  backoff: Backoff;
  timer?: ReturnType<typeof setTimeout> | undefined;
}

/* A page without TLS has no randomUUID(), Node 18 no crypto. Unique for one sender is enough. */
function randomId(): string {
  const source = globalThis.crypto as Partial<Crypto> | undefined;
  return source?.randomUUID?.() ??
    Array.from({ length: 4 }, () => Math.random().toString(36).slice(2, 10)).join("");
}

const laneOf = (entry: Draft): string =>
  entry.conversation === undefined ? `@${entry.user}` : `#${entry.conversation}`;

function refusal(code: number, name: string, message: string): ChatError {
  return new ChatError({ code, name, message });
}

function check(draft: Draft): void {
  if ((draft.conversation === undefined) === (draft.user === undefined))
    throw refusal(400, "bad_request", "a message goes to a conversation or to a user");
  if (!draft.text && !draft.meta && !draft.media?.length && !draft.files?.length)
    throw refusal(400, "bad_request", "there is nothing in the message");
}

export class Outbox {
  readonly #storage: Storage;
  readonly #host: OutboxHost;
  readonly #entries = new Map<string, Entry>();
  readonly #lanes = new Map<string, Lane>();
  readonly #unkept = new Set<string>(); /* being written for the first time: not to be tried */
  #isOpen = false;
  #lastOrder = 0;

  constructor(storage: Storage, host: OutboxHost) {
    this.#storage = storage;
    this.#host = host;
  }

  /** In the order in which they were written. */
  get entries(): Entry[] {
    return [...this.#entries.values()].sort((a, b) => a.order - b.order);
  }

  load(values: Map<string, unknown>): void {
    for (const [key, value] of values) {
      if (!key.startsWith(PREFIX)) continue;
      const entry = value as Entry;
      if (entry.state === "sending") entry.state = "waiting";
      this.#entries.set(entry.client_id, entry);
      this.#lastOrder = Math.max(this.#lastOrder, entry.order);
    }
  }

  /** The entry is kept when this resolves. */
  async add(draft: Draft): Promise<Entry> {
    check(draft);
    if (this.#entries.size >= ENTRIES_MAX) throw refusal(413, "too_large", "the outbox is full");
    const entry: Entry = {
      ...draft,
      client_id: draft.client_id ?? randomId(),
      ts: Date.now(),
      order: this.#nextOrder(),
      state: "waiting",
    };
    if (this.#entries.has(entry.client_id))
      throw refusal(409, "conflict", "this client_id is waiting already");
    await this.#begin(entry);
    this.#pump(laneOf(entry));
    return entry;
  }

  /** Tries a failed one again, behind what waits. */
  async retry(clientId: string): Promise<void> {
    const entry = this.#entries.get(clientId);
    if (entry?.state !== "failed") return;
    delete entry.error;
    entry.order = this.#nextOrder();
    this.#set(entry, "waiting");
    await this.#keep(entry);
    this.#pump(laneOf(entry));
  }

  /** Gives one up. It may have been sent all the same if it was tried and had no reply. */
  async discard(clientId: string): Promise<void> {
    const entry = this.#entries.get(clientId);
    if (!entry) return;
    this.#entries.delete(clientId);
    this.#host.changed({ type: "removed", entry });
    await this.#storage.delete(PREFIX + clientId);
  }

  open(): void {
    this.#isOpen = true;
    for (const entry of this.#entries.values()) this.#pump(laneOf(entry));
  }

  close(): void {
    this.#isOpen = false;
    for (const lane of this.#lanes.values()) {
      clearTimeout(lane.timer);
      lane.timer = undefined;
    }
  }

  /* By the clock, so that two tabs that share a storage interleave as they were written. */
  #nextOrder(): number {
    this.#lastOrder = Math.max(this.#lastOrder + 1, Date.now() * 1000);
    return this.#lastOrder;
  }

  async #begin(entry: Entry): Promise<void> {
    this.#unkept.add(entry.client_id);
    this.#entries.set(entry.client_id, entry);
    this.#host.changed({ type: "added", entry });
    try {
      await this.#keep(entry);
    } catch (error) {
      this.#entries.delete(entry.client_id);
      this.#host.changed({ type: "removed", entry });
      throw error;
    } finally {
      this.#unkept.delete(entry.client_id);
    }
  }

  /* What was discarded meanwhile must not come back. */
  async #keep(entry: Entry): Promise<void> {
    if (this.#entries.has(entry.client_id)) await this.#storage.put(PREFIX + entry.client_id, entry);
  }

  #set(entry: Entry, state: EntryState): void {
    entry.state = state;
    this.#host.changed({ type: "changed", entry });
  }

  #lane(name: string): Lane {
    const lane = this.#lanes.get(name) ??
      { isBusy: false, backoff: new Backoff(() => this.#host.random()) };
    this.#lanes.set(name, lane);
    return lane;
  }

  #pump(name: string): void {
    const lane = this.#lane(name);
    if (!this.#isOpen || lane.isBusy || lane.timer !== undefined) return;
    const next = this.entries.find((entry) =>
      laneOf(entry) === name && entry.state === "waiting" && !this.#unkept.has(entry.client_id));
    if (!next) {
      this.#lanes.delete(name);
      return;
    }
    lane.isBusy = true;
    void this.#attempt(next, lane).finally(() => {
      lane.isBusy = false;
      this.#pump(name);
    });
  }

  async #attempt(entry: Entry, lane: Lane): Promise<void> {
    this.#set(entry, "sending");
    try {
      await this.#upload(entry);
      const reply = await this.#host.send(fieldsOf(entry));
      lane.backoff.reset();
      this.#entries.delete(entry.client_id);
      this.#host.changed({ type: "sent", entry, reply });
      await this.#storage.delete(PREFIX + entry.client_id).catch(() => {});
    } catch (error) {
      await this.#failed(entry, lane, asChatError(error));
    }
  }

  /* An uploaded file's bytes are not kept: what was reached survives a restart. */
  async #upload(entry: Entry): Promise<void> {
    while (entry.files?.length) {
      const media = await this.#host.upload(entry.files[0]!);
      entry.media = [...(entry.media ?? []), media];
      entry.files = entry.files.slice(1);
      await this.#keep(entry);
    }
  }

  async #failed(entry: Entry, lane: Lane, error: ChatError): Promise<void> {
    if (!this.#entries.has(entry.client_id)) return;
    if (error.temporary || error.code === 401) {
      this.#set(entry, "waiting");
      if (this.#isOpen && error.name !== "offline") this.#later(entry, lane, error.retryAfterMs);
      return;
    }
    entry.error = { code: error.code, name: error.name, message: error.message };
    this.#set(entry, "failed");
    await this.#keep(entry).catch(() => {});
  }

  #later(entry: Entry, lane: Lane, atLeast: number): void {
    lane.timer = setTimeout(() => {
      lane.timer = undefined;
      this.#pump(laneOf(entry));
    }, lane.backoff.next(atLeast));
  }
}

function fieldsOf(entry: Entry): SendFields {
  const fields: SendFields = { client_id: entry.client_id };
  if (entry.conversation !== undefined) fields.conversation = entry.conversation;
  else fields.user = entry.user!;
  if (entry.text) fields.text = entry.text;
  if (entry.media?.length) fields.media = entry.media;
  if (entry.reply_to) fields.reply_to = entry.reply_to;
  if (entry.mentions?.length) fields.mentions = entry.mentions;
  if (entry.meta) fields.meta = entry.meta;
  return fields;
}
