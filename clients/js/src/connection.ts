/*
 * One WebSocket from opening to closing: frames, requests and their replies, signs of life. It is
 * never opened again; the client makes a new one. Closing is told once, and every request that has
 * no reply then fails with "offline": whether the server took it is unknown.
 */
import type { Codec } from "./codec.js";
import { ChatError, localError } from "./errors.js";
import type { Command, Commands, WireObject } from "./wire.js";

/** The server takes 64 unanswered commands of a session; some room is left for our own. */
const IN_FLIGHT_MAX = 48;
/** Requests that wait for room: more means that the program asks in a loop. */
const QUEUED_MAX = 1000;
/** Of one frame; the server's bound is 512 KiB. */
const FRAME_OBJECTS_MAX = 32;
/** Above the 10 s after which a server gives up on a command itself. */
const REPLY_MS = 20_000;

/** What is used of the browser's interface; Node's `ws` has it too. */
export interface Socket {
  readonly readyState: number;
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: never }) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: { code: number; reason: string } & never) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
}
export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

export interface ConnectionOptions {
  url: string;
  codec: Codec;
  socket: SocketConstructor;
  replyMs?: number | undefined;
  onOpen(): void;
  onPush(key: string, body: unknown): void;
  /** `code` 1006 when the connection was lost or never made. */
  onClose(code: number, reason: string): void;
}

/* What may be long goes alone, so that no frame is larger than the server takes. */
function groups(objects: WireObject[]): WireObject[][] {
  const found: WireObject[][] = [];
  let last: WireObject[] = [];
  for (const object of objects) {
    const isAlone = "send" in object || "edit" in object || "connect" in object;
    if (isAlone || last.length === 0 || last.length >= FRAME_OBJECTS_MAX) found.push(last = []);
    last.push(object);
    if (isAlone) last = [];
  }
  return found;
}

interface Waiting {
  key: string;
  fields: unknown;
  resolve(reply: unknown): void;
  reject(error: ChatError): void;
  timer: ReturnType<typeof setTimeout>;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #queued: number[] = [];
  #outgoing: WireObject[] = [];
  #inFlight = 0;
  #nextId = 1;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #hasHeard = false;
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#socket = new options.socket(options.url, [options.codec.protocol]);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => this.#isClosed || options.onOpen();
    this.#socket.onmessage = (event) => this.#received(event.data);
    this.#socket.onerror = () => {};
    this.#socket.onclose = (event: { code: number; reason: string }) =>
      this.#closed(event.code, event.reason);
  }

  /** `onReply` is called before anything that stands behind the reply is handed out. */
  request<K extends Command>(key: K, fields: Commands[K][0],
    onReply?: (reply: Commands[K][1]) => void): Promise<Commands[K][1]> {
    if (this.#isClosed) return Promise.reject(localError("offline", "there is no connection"));
    if (this.#queued.length >= QUEUED_MAX)
      return Promise.reject(localError("timeout", "too many requests are waiting"));
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const timer = setTimeout(() => this.cut("no reply"), this.#options.replyMs ?? REPLY_MS);
      const settle = (reply: unknown): void => {
        onReply?.(reply as Commands[K][1]);
        resolve(reply as Commands[K][1]);
      };
      this.#waiting.set(id, { key, fields, resolve: settle, reject, timer });
      this.#queued.push(id);
      this.#start();
    });
  }

  /** Says something at least once an interval, and wants to hear something, too. */
  keepAlive(intervalMs: number): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.#beat(), intervalMs);
  }

  /** Ends it from this side, without waiting for the other: it is closed when this returns. */
  cut(reason: string, code = 1006): void {
    this.#closed(code, reason);
  }

  /* The browser's script is not told of pings. So after a silent interval it asks for something
   * small: any answer, an error too, shows that the other side is there. */
  #beat(): void {
    if (this.#hasHeard) this.#put({});
    else this.request("presence", { users: [] }).catch(() => {});
    this.#hasHeard = false;
  }

  #start(): void {
    while (this.#inFlight < IN_FLIGHT_MAX) {
      const id = this.#queued.shift();
      if (id === undefined) return;
      const waiting = this.#waiting.get(id);
      if (!waiting) continue;
      this.#inFlight++;
      this.#put({ id, [waiting.key]: waiting.fields });
    }
  }

  /* What is put in one turn leaves in one frame. */
  #put(object: WireObject): void {
    if (this.#outgoing.push(object) === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const objects = this.#outgoing;
    this.#outgoing = [];
    if (this.#isClosed) return;
    for (const group of groups(objects)) this.#socket.send(this.#options.codec.encode(group));
  }

  #received(data: unknown): void {
    let objects: WireObject[];
    if (this.#isClosed) return;
    this.#hasHeard = true;
    try {
      objects = this.#options.codec.decode(data);
    } catch {
      this.cut("a frame that cannot be read");
      return;
    }
    for (const object of objects) {
      if (this.#isClosed) return;
      this.#handle(object);
    }
  }

  #handle(object: WireObject): void {
    const waiting = object.id === undefined ? undefined : this.#waiting.get(object.id);
    if (waiting) {
      this.#waiting.delete(object.id!);
      clearTimeout(waiting.timer);
      this.#inFlight--;
      if (object.error) waiting.reject(new ChatError(object.error));
      else waiting.resolve(object[waiting.key]);
      this.#start();
    } else if (object.id === undefined) {
      for (const [key, body] of Object.entries(object)) this.#options.onPush(key, body);
    }
  }

  #closed(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#heartbeat);
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(localError("offline", "the connection was lost before the reply"));
    }
    this.#waiting.clear();
    this.#socket.close();
    this.#options.onClose(code, reason);
  }
}
