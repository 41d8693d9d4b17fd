/*
 * A client of a chatcore server that stays connected: it opens one Connection after the other,
 * resumes where it was, and hands out messages in order, each once. Between connections requests
 * fail with "offline"; what goes through send() waits in the outbox instead.
 *
 * Life: start() loads the storage and connects; it goes on by itself until stop(), or until the
 * server says that coming back makes no sense ("refused"), after which start() tries again.
 *
 * A message is handed out at least once: after a crash of this program those come again that came
 * after the last recorded position. While it runs, and across stop() and start(), exactly once.
 */
import { Backoff } from "./backoff.js";
import { codecOf, type Codec, type Encoding } from "./codec.js";
import { Connection, type SocketConstructor } from "./connection.js";
import { Emitter } from "./emitter.js";
import { asChatError, type ChatError, localError } from "./errors.js";
import { Order } from "./order.js";
import {
  Outbox, type Action, type Attachment, type Draft, type Entry, type OutboxChange, type Target, type UploadProgress,
} from "./outbox.js";
import { MemoryStorage, type Storage } from "./storage.js";
import { lifeOf, refreshDelay, type TokenReason, type TokenSource } from "./token.js";
import { putFile, uploadRequest, type UploadOptions } from "./upload.js";
import type { Command, Commands, Hello, Pushes } from "./wire.js";

/** For the handshake and the reply to `connect`. */
const CONNECT_MS = 15_000;
/** Positions are recorded this long after a message, together. */
const RECORD_MS = 1000;
/** After the network came back: soon, but not all in the same moment. */
const BACK_ONLINE_MS = 1000;
const POSITION = "position";

export interface ClientOptions {
  /** "wss://host/v1/ws"; "https://host" will do. */
  url: string;
  token: TokenSource;
  /** A name of this device that stays the same. */
  device: string;
  encoding?: Encoding;
  /** Keeps the outbox and the position; in memory unless it is given. */
  storage?: Storage;
  /** False: the position is not recorded, every start begins with what the server has recorded. */
  resumes?: boolean;
  /** Node before 22 has none: `ws` is used if it is installed. */
  WebSocket?: SocketConstructor;
  random?: () => number;
  replyMs?: number;
}

export type Status = "stopped" | "connecting" | "catching up" | "online" | "waiting" | "refused";

export interface State {
  status: Status;
  /** While waiting: until the next try. */
  retryInMs?: number;
  /** Why the last connection ended, or was not made. */
  code?: number;
  reason?: string;
}

export interface ClientEvents extends Pushes {
  hello: Hello;
  state: State;
  outbox: OutboxChange;
  upload: UploadProgress;
}

interface Position {
  cursor?: string | undefined;
  seqs: [string, number][];
}

export class Client extends Emitter<ClientEvents> {
  readonly #options: ClientOptions;
  readonly #codec: Codec;
  readonly #storage: Storage;
  readonly #backoff: Backoff;
  readonly #order: Order;
  readonly #outbox: Outbox;
  #socket: SocketConstructor | undefined;
  #state: State = { status: "stopped" };
  #connection: Connection | undefined;
  #cursor: string | undefined;
  #nextCursor: string | undefined; /* told while a gap was being repaired */
  #user: string | undefined;
  #token: string | undefined;
  #tokenIsRefused = false;
  #isLoaded = false;
  #turn = 0; /* counts starts, stops and connections: what belongs to an old one is ignored */
  #retry: ReturnType<typeof setTimeout> | undefined;
  #refresh: ReturnType<typeof setTimeout> | undefined;
  #record: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ClientOptions) {
    super();
    this.#options = options;
    this.#codec = codecOf(options.encoding ?? "json");
    this.#storage = options.storage ?? new MemoryStorage();
    this.#backoff = new Backoff(options.random);
    this.#socket = options.WebSocket;
    this.#order = new Order({
      history: (conversation, after, limit) =>
        this.request("history", { conversation, after, limit }),
      deliver: (message) => this.#delivered(message),
      settled: () => this.#settled(),
      overflow: () => this.#connection?.cut("too many messages behind a gap"),
    });
    this.#outbox = new Outbox(this.#storage, {
      send: (fields) => this.request("send", fields),
      position: (conversation) => this.#order.positions.get(conversation) ?? 0,
      act: (conversation, message, action) => this.#act({ conversation, message }, action),
      upload: (file, options) => this.upload(file, options),
      progressed: (progress) => this.emit("upload", progress),
      changed: (change) => this.emit("outbox", change),
      random: options.random ?? Math.random,
    });
  }

  get state(): State {
    return this.#state;
  }

  /** What is waiting to be sent, and what was refused. */
  get outbox(): Entry[] {
    return this.#outbox.entries;
  }

  async start(): Promise<void> {
    if (this.#state.status !== "stopped" && this.#state.status !== "refused") return;
    const turn = ++this.#turn;
    this.#set({ status: "connecting" });
    globalThis.addEventListener?.("online", this.#networkIsBack);
    if (!this.#isLoaded) await this.#load();
    this.#socket ??= await findSocket();
    if (turn === this.#turn) void this.#connect();
  }

  /** What was handed out is recorded when it resolves. */
  async stop(): Promise<void> {
    this.#turn++;
    globalThis.removeEventListener?.("online", this.#networkIsBack);
    clearTimeout(this.#retry);
    this.#set({ status: "stopped" });
    this.#connection?.cut("stopped", 1000);
    await this.#recordNow();
  }

  /** One command. Fails with a ChatError: the server's, or "offline". */
  request<K extends Command>(key: K, fields: Commands[K][0]): Promise<Commands[K][1]> {
    const { status } = this.#state;
    if (!this.#connection || (status !== "catching up" && status !== "online"))
      return Promise.reject(localError("offline", "there is no connection"));
    return this.#connection.request(key, fields);
  }

  /** Resolves when the message is kept here; the event "outbox" tells what becomes of it. */
  async send(draft: Draft): Promise<Entry> {
    if (!this.#isLoaded) await this.#load();
    return this.#outbox.add(draft);
  }

  /**
   * Edits, deletes or reacts, now or when there is a connection, behind the message that it is about.
   * A message that was never tried is changed, or taken away, where it waits. Resolves when it is kept
   * here; the event "outbox" tells what becomes of it.
   */
  async amend(target: Target, action: Action): Promise<void> {
    if (!this.#isLoaded) await this.#load();
    return this.#outbox.amend(target, action);
  }

  retry(clientId: string): Promise<void> {
    return this.#outbox.retry(clientId);
  }

  discard(clientId: string): Promise<void> {
    return this.#outbox.discard(clientId);
  }

  /** Uploads a file; answers the id that a message's `media` takes. */
  async upload(file: Attachment, options: UploadOptions = {}): Promise<string> {
    const reply = await this.request("upload", await uploadRequest(file));
    await putFile(reply, file, this.httpUrl, options);
    return reply.media;
  }

  /** Where the server's HTTP side is: "https://host". */
  get httpUrl(): string {
    const url = new URL(socketUrl(this.#options.url));
    return `${url.protocol === "wss:" ? "https:" : "http:"}//${url.host}`;
  }

  /* --- connecting ----------------------------------------------------------------------------- */

  async #connect(reason: TokenReason = "connect"): Promise<void> {
    const turn = ++this.#turn;
    clearTimeout(this.#retry);
    this.#set({ status: "connecting" });
    try {
      const token = await this.#options.token(reason);
      if (turn !== this.#turn) return;
      if (token === undefined || (reason === "refused" && token === this.#token)) {
        this.#refused(4501, "there is no valid token");
        return;
      }
      this.#token = token;
    } catch (error) {
      if (turn === this.#turn) this.#wait(this.#backoff.next(), 0, asChatError(error).message);
      return;
    }
    this.#open(turn);
  }

  #open(turn: number): void {
    const timer = setTimeout(() => connection.cut("the server does not answer"), CONNECT_MS);
    const connection = new Connection({
      url: socketUrl(this.#options.url),
      codec: this.#codec,
      socket: this.#socket!,
      replyMs: this.#options.replyMs,
      onOpen: () => void this.#greet(connection).finally(() => clearTimeout(timer)),
      onPush: (key, body) => this.#pushed(key, body),
      onClose: (code, text) => {
        clearTimeout(timer);
        this.#lost(code, text, turn);
      },
    });
    this.#connection = connection;
  }

  async #greet(connection: Connection): Promise<void> {
    const { device } = this.#options;
    const fields: Commands["connect"][0] = { token: this.#token!, device };
    if (this.#cursor !== undefined) fields.cursor = this.#cursor;
    try {
      await connection.request("connect", fields, (hello) => this.#greeted(connection, hello));
    } catch (error) {
      this.#greetingFailed(connection, asChatError(error));
    }
  }

  #greeted(connection: Connection, hello: Hello): void {
    this.#tokenIsRefused = false;
    this.#user = hello.user;
    connection.keepAlive(hello.ping_interval_ms);
    this.#planRefresh(lifeOf(this.#token!, hello.server_time));
    this.#set({ status: "catching up" });
    this.emit("hello", hello);
    this.#outbox.open();
  }

  #greetingFailed(connection: Connection, error: ChatError): void {
    if (error.name === "offline") return; /* told by its closing */
    if (error.code === 401) connection.cut(error.message, 4501);
    else if (error.temporary || error.retryAfterMs > 0 || error.code >= 500) {
      this.#wait(this.#backoff.next(error.retryAfterMs), error.code, error.message);
      connection.cut(error.message);
    } else connection.cut(error.message, 4500);
  }

  #lost(code: number, reason: string, turn: number): void {
    this.#connection = undefined;
    clearTimeout(this.#refresh);
    this.#order.drop();
    this.#nextCursor = undefined;
    this.#outbox.close();
    if (turn !== this.#turn) return;
    if (code === 4501 && !this.#tokenIsRefused) {
      this.#tokenIsRefused = true;
      void this.#connect("refused");
    } else if (code >= 4500) {
      this.#refused(code, reason);
    } else if (code === 4001) {
      this.#wait(this.#backoff.spread(Number.parseInt(reason, 10) || 1000), code, "");
    } else {
      this.#wait(this.#backoff.next(), code, reason);
    }
  }

  #refused(code: number, reason: string): void {
    this.#turn++;
    this.#tokenIsRefused = false;
    globalThis.removeEventListener?.("online", this.#networkIsBack);
    this.#set({ status: "refused", code, reason });
    void this.#recordNow();
  }

  #wait(ms: number, code: number, reason: string): void {
    this.#turn++;
    clearTimeout(this.#retry);
    this.#set({ status: "waiting", retryInMs: ms, code, reason });
    this.#retry = setTimeout(() => void this.#connect(), ms);
  }

  readonly #networkIsBack = (): void => {
    if (this.#state.status !== "waiting" || this.#state.code === 4001) return;
    clearTimeout(this.#retry);
    const soon = this.#backoff.spread(BACK_ONLINE_MS);
    this.#retry = setTimeout(() => void this.#connect(), soon);
  };

  #set(state: State): void {
    this.#state = state;
    this.emit("state", state);
  }

  /* --- the token ------------------------------------------------------------------------------ */

  #planRefresh(lifeMs: number | undefined): void {
    clearTimeout(this.#refresh);
    if (lifeMs === undefined) return;
    this.#refresh = setTimeout(() => void this.#refreshToken(), refreshDelay(lifeMs));
  }

  /* If it fails the session ends at the old one's time, and the next connection asks again. */
  async #refreshToken(): Promise<void> {
    const connection = this.#connection;
    try {
      const token = await this.#options.token("refresh");
      if (token === undefined || token === this.#token || connection !== this.#connection) return;
      const { expires } = await connection!.request("refresh", { token });
      this.#token = token;
      this.#planRefresh(lifeOf(token, Date.now()) ?? expires - Date.now());
    } catch { /* as said above */ }
  }

  /* --- what comes ----------------------------------------------------------------------------- */

  #pushed(key: string, body: unknown): void {
    switch (key) {
      case "message":
        this.#order.take(body as Pushes["message"]);
        break;
      case "synced":
        this.#synced(body as Pushes["synced"]);
        break;
      case "receipt":
      case "typing":
      case "presence":
      case "conversation":
        this.emit(key, body as never);
        break;
      default: /* of a later version */
    }
  }

  #act(meant: { conversation: string; message: string }, action: Action): Promise<unknown> {
    switch (action.do) {
      case "edit": return this.request("edit", { ...meant, text: action.text });
      case "delete": return this.request("delete", meant);
      case "react": return this.request("react", { ...meant, emoji: action.emoji, on: action.on });
    }
  }

  #delivered(message: Pushes["message"]): void {
    if (message.message !== undefined && message.from === this.#user) this.#outbox.observe(message);
    this.emit("message", message);
    this.#record ??= setTimeout(() => void this.#recordNow(), RECORD_MS);
  }

  #synced(synced: Pushes["synced"]): void {
    this.#nextCursor = synced.cursor;
    if (!this.#order.isRepairing) this.#settled();
  }

  /* Everything below the cursor has been handed out. */
  #settled(): void {
    if (this.#nextCursor === undefined) return;
    const cursor = this.#nextCursor;
    this.#cursor = cursor;
    this.#nextCursor = undefined;
    this.#backoff.reset();
    void this.#recordNow();
    this.#outbox.caughtUp();
    if (this.#state.status === "catching up") this.#set({ status: "online" });
    this.emit("synced", { cursor });
  }

  /* --- what is kept --------------------------------------------------------------------------- */

  async #load(): Promise<void> {
    const values = await this.#storage.load();
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    this.#outbox.load(values);
    const position = values.get(POSITION) as Position | undefined;
    if (!position || this.#options.resumes === false) return;
    this.#cursor = position.cursor;
    for (const [id, seq] of position.seqs) this.#order.positions.set(id, seq);
  }

  /* A position that could not be recorded makes messages come again, no more. */
  async #recordNow(): Promise<void> {
    clearTimeout(this.#record);
    this.#record = undefined;
    if (this.#options.resumes === false || !this.#isLoaded) return;
    const position: Position = { seqs: [...this.#order.positions] };
    if (this.#cursor !== undefined) position.cursor = this.#cursor;
    await this.#storage.put(POSITION, position).catch(() => {});
  }
}

function socketUrl(text: string): string {
  const url = new URL(text);
  url.protocol = url.protocol.replace(/^http/, "ws");
  if (url.pathname === "/") url.pathname = "/v1/ws";
  return url.href;
}

async function findSocket(): Promise<SocketConstructor> {
  if (globalThis.WebSocket) return globalThis.WebSocket as unknown as SocketConstructor;
  const name = "ws"; /* not a literal: bundlers need not find it */
  return ((await import(name)) as { WebSocket: SocketConstructor }).WebSocket;
}
