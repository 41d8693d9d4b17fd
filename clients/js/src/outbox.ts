/*
 * What is to be sent: messages, and what is done to messages (edits, deletions, reactions). An entry
 * is durable before it is tried, and stays until the server has said that it is durable there, or
 * that it never will be. Entries to one target go one after the other, in the order in which they
 * were written; different targets don't wait for each other.
 *
 * Each try of a message has the same client_id, so the server makes one message of however many
 * tries. An action has none: one whose reply was lost waits until this device has caught up, and is
 * done if it has come among the messages (observe()). What is done to a message that was never tried
 * is done to its entry; to one that may be on its way, it waits behind it under `of`.
 */
import { Backoff } from "./backoff.js";
import { asChatError, ChatError } from "./errors.js";
import type { Storage } from "./storage.js";
import type { UploadOptions } from "./upload.js";
import type { Message, Meta, SendFields, SendReply } from "./wire.js";

/** Entries; more means that nobody looks at what is refused. */
const ENTRIES_MAX = 10_000;
/** Sent messages whose client_id is still understood by amend(): somebody may be editing one. */
const SENT_MAX = 1000;
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

/** Something done to a message that was said before. */
export type Action =
  | { do: "edit"; text: string }
  | { do: "delete" }
  | { do: "react"; emoji: string; on: boolean };

/** Which message: one that the server has, or an entry of the outbox. */
export type Target = { conversation: string; message: string } | { client_id: string };

export type EntryState = "waiting" | "sending" | "failed";

export interface Entry extends Draft {
  client_id: string;
  /** When it was written, by this device's clock. */
  ts: number;
  order: number;
  state: EntryState;
  /** The server may have it: it was sent at least once. */
  tried?: boolean;
  /** Of an action that was tried: what came up to this seq, came before it. */
  after?: number;
  /** Not a message, but done to one: `message`, or what becomes of the entry `of`. */
  action?: Action;
  message?: string;
  of?: string;
  /** Of a failed one. */
  error?: { code: number; name: string; message: string };
}

export type OutboxChange =
  | { type: "added" | "changed" | "removed"; entry: Entry }
  | { type: "sent"; entry: Entry; reply: SendReply }
  | { type: "done"; entry: Entry };

/** How much of a file of an entry has left, while it is being uploaded. Browsers only. */
export interface UploadProgress {
  entry: Entry;
  file: Attachment;
  sent: number;
}

export interface OutboxHost {
  send(fields: SendFields): Promise<SendReply>;
  /** The seq of the last message that was handed out there. */
  position(conversation: string): number;
  act(conversation: string, message: string, action: Action): Promise<unknown>;
  upload(file: Attachment, options: UploadOptions): Promise<string>;
  progressed(progress: UploadProgress): void;
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
  entry.user === undefined ? `#${entry.conversation}` : `@${entry.user}`;

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
  readonly #sent = new Map<string, { conversation: string; message: string }>();
  readonly #uploads = new Map<string, AbortController>();
  readonly #unkept = new Set<string>(); /* being written for the first time: not to be tried */
  #isOpen = false;
  #hasCaughtUp = false;
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
    const entry = this.#entry(draft);
    if (this.#entries.has(entry.client_id))
      throw refusal(409, "conflict", "this client_id is waiting already");
    await this.#begin(entry);
    this.#pump(laneOf(entry));
    return entry;
  }

  /** Kept when this resolves, as a change of the entry or as an entry of its own. */
  async amend(target: Target, action: Action): Promise<void> {
    if (!("client_id" in target)) return this.#append({ ...target, action });
    const sent = this.#sent.get(target.client_id);
    if (sent) return this.#append({ ...sent, action });
    const entry = this.#entries.get(target.client_id);
    if (!entry || entry.action) throw refusal(404, "not_found", "there is no such message to be sent");
    if (!entry.tried && action.do === "delete") return this.discard(entry.client_id);
    if (!entry.tried && action.do === "edit") return this.#rewrite(entry, action.text);
    const { conversation, user } = entry;
    return this.#append({ ...(user === undefined ? { conversation: conversation! } : { user }),
      of: entry.client_id, action });
  }

  /** A message as the server has it: an action that was tried may be in it. */
  observe(message: Message): void {
    for (const entry of this.#entries.values())
      if (entry.tried && entry.message === message.message && message.seq > (entry.after ?? 0) &&
        isSame(entry.action, message))
        void this.#done(entry);
  }

  /** All that happened while there was no connection has been observed. */
  caughtUp(): void {
    this.#hasCaughtUp = true;
    this.#pumpAll();
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

  /**
   * Gives one up; an upload is cut off. It may have been sent all the same if it was tried and had no
   * reply.
   */
  async discard(clientId: string): Promise<void> {
    const entry = this.#entries.get(clientId);
    if (!entry) return;
    this.#entries.delete(clientId);
    this.#uploads.get(clientId)?.abort();
    this.#host.changed({ type: "removed", entry });
    const behind = [...this.#entries.values()].filter((other) => other.of === clientId);
    await Promise.all(behind.map((other) => this.discard(other.client_id)));
    await this.#storage.delete(PREFIX + clientId);
  }

  open(): void {
    this.#isOpen = true;
    this.#pumpAll();
  }

  close(): void {
    this.#isOpen = this.#hasCaughtUp = false;
    for (const lane of this.#lanes.values()) {
      clearTimeout(lane.timer);
      lane.timer = undefined;
    }
  }

  #entry(fields: Partial<Entry>): Entry {
    return { ...fields, client_id: fields.client_id ?? randomId(), ts: Date.now(),
      order: this.#nextOrder(), state: "waiting" };
  }

  async #append(fields: Partial<Entry>): Promise<void> {
    if (this.#entries.size >= ENTRIES_MAX) throw refusal(413, "too_large", "the outbox is full");
    const entry = this.#entry(fields);
    await this.#begin(entry);
    this.#pump(laneOf(entry));
  }

  /* A refused message that says something else now is tried again. */
  async #rewrite(entry: Entry, text: string): Promise<void> {
    entry.text = text;
    this.#host.changed({ type: "changed", entry });
    await this.#keep(entry);
    await this.retry(entry.client_id);
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

  #pumpAll(): void {
    for (const name of new Set([...this.#entries.values()].map(laneOf))) this.#pump(name);
  }

  /* What is done to a message that was refused waits for what becomes of that. */
  #isReady(entry: Entry): boolean {
    return entry.state === "waiting" && !this.#unkept.has(entry.client_id) &&
      !(entry.of !== undefined && this.#entries.has(entry.of));
  }

  #pump(name: string): void {
    const lane = this.#lane(name);
    if (!this.#isOpen || lane.isBusy || lane.timer !== undefined) return;
    const next = this.entries.find((entry) => laneOf(entry) === name && this.#isReady(entry));
    if (!next) {
      this.#lanes.delete(name);
      return;
    }
    if (next.action && next.tried && !this.#hasCaughtUp) return;
    lane.isBusy = true;
    void this.#attempt(next, lane).finally(() => {
      lane.isBusy = false;
      this.#pump(name);
    });
  }

  async #attempt(entry: Entry, lane: Lane): Promise<void> {
    this.#set(entry, "sending");
    try {
      await (entry.action ? this.#act(entry, entry.action) : this.#send(entry));
      lane.backoff.reset();
    } catch (error) {
      await this.#failed(entry, lane, asChatError(error));
    }
  }

  async #send(entry: Entry): Promise<void> {
    await this.#upload(entry);
    if (!this.#entries.has(entry.client_id)) return; /* given up meanwhile */
    await this.#willTry(entry);
    const reply = await this.#host.send(fieldsOf(entry));
    await this.#resolve(entry, reply);
    this.#entries.delete(entry.client_id);
    this.#host.changed({ type: "sent", entry, reply });
    await this.#storage.delete(PREFIX + entry.client_id).catch(() => {});
  }

  async #act(entry: Entry, action: Action): Promise<void> {
    const isAgain = entry.tried;
    await this.#willTry(entry);
    try {
      await this.#host.act(entry.conversation!, entry.message!, action);
    } catch (error) {
      if (!isAgain || asChatError(error).code !== 404) throw error; /* deleted by the first try */
    }
    await this.#done(entry);
  }

  async #done(entry: Entry): Promise<void> {
    if (!this.#entries.delete(entry.client_id)) return;
    this.#host.changed({ type: "done", entry });
    await this.#storage.delete(PREFIX + entry.client_id).catch(() => {});
  }

  /* Recorded before the first try, so that nothing the server may have is rewritten here. */
  async #willTry(entry: Entry): Promise<void> {
    if (entry.tried) return;
    entry.tried = true;
    if (entry.action) entry.after = this.#host.position(entry.conversation!);
    await this.#keep(entry).catch(() => {});
  }

  /* Kept before the message's own entry goes: after a crash in between it is sent, and found, again. */
  async #resolve(entry: Entry, { conversation, message }: SendReply): Promise<void> {
    this.#sent.set(entry.client_id, { conversation, message });
    if (this.#sent.size > SENT_MAX) this.#sent.delete(this.#sent.keys().next().value!);
    for (const other of this.#entries.values()) {
      if (other.of !== entry.client_id) continue;
      Object.assign(other, { conversation, message });
      await this.#keep(other).catch(() => {});
    }
  }

  /* An uploaded file's bytes are not kept: what was reached survives a restart. */
  async #upload(entry: Entry): Promise<void> {
    for (let file = entry.files?.[0]; file && this.#entries.has(entry.client_id); file = entry.files?.[0]) {
      const media = await this.#uploadFile(entry, file);
      entry.media = [...(entry.media ?? []), media];
      entry.files = entry.files!.slice(1);
      await this.#keep(entry);
    }
  }

  async #uploadFile(entry: Entry, file: Attachment): Promise<string> {
    const controller = new AbortController();
    this.#uploads.set(entry.client_id, controller);
    try {
      return await this.#host.upload(file, { signal: controller.signal,
        onProgress: (sent) => this.#host.progressed({ entry, file, sent }) });
    } finally {
      this.#uploads.delete(entry.client_id);
    }
  }

  async #failed(entry: Entry, lane: Lane, error: ChatError): Promise<void> {
    if (!this.#entries.has(entry.client_id)) return;
    if (error.temporary || error.code === 401) {
      this.#set(entry, "waiting");
      if (this.#isOpen && error.name !== "offline") this.#later(entry, lane, error.retryAfterMs);
      return;
    }
    entry.tried = false; /* the server does not have it */
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

function isSame(action: Action | undefined, message: Message): boolean {
  switch (action?.do) {
    case "edit": return message.kind === "edit" && message.text === action.text;
    case "delete": return message.kind === "delete";
    case "react": return message.kind === "reaction" && message.emoji === action.emoji &&
      Boolean(message.on) === action.on;
    default: return false;
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
