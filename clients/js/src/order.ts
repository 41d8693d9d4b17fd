/*
 * Puts the messages of each conversation in order, each once. `positions` holds the seq of the last
 * one that was delivered. A message that is not the next one waits until history has given what is
 * missing; what history does not have (said while the user was no member, removed since) is taken
 * for not there. While a repair is under way nobody may record a cursor: what waits would be lost.
 */
import { asChatError } from "./errors.js";
import type { Message } from "./wire.js";

/** Messages that wait behind one gap; at it the connection is cut, and they come by the cursor. */
const HELD_MAX = 2000;
const PAGE = 200;
const RETRY_MS = 1000;

export interface OrderHost {
  history(conversation: string, after: number, limit: number):
    Promise<{ messages: Message[]; more: boolean }>;
  deliver(message: Message): void;
  /** The last repair has ended. */
  settled(): void;
  overflow(): void;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class Order {
  readonly positions = new Map<string, number>();
  readonly #host: OrderHost;
  #held = new Map<string, Message[]>();

  constructor(host: OrderHost) {
    this.#host = host;
  }

  get isRepairing(): boolean {
    return this.#held.size > 0;
  }

  take(message: Message): void {
    const held = this.#held.get(message.conversation);
    if (held) {
      if (held.push(message) > HELD_MAX) this.#host.overflow();
    } else if (this.#isNext(message)) {
      this.#deliver(message);
    } else if (!this.#isOld(message)) {
      this.#held.set(message.conversation, [message]);
      void this.#repair(message.conversation, this.#held);
    }
  }

  /** The connection is gone: what waits comes again on the next one. */
  drop(): void {
    this.#held = new Map();
  }

  #isOld(message: Message): boolean {
    return message.seq <= (this.positions.get(message.conversation) ?? 0);
  }

  /* The first one of a conversation is where it begins. */
  #isNext(message: Message): boolean {
    const position = this.positions.get(message.conversation);
    return position === undefined || message.seq === position + 1;
  }

  #deliver(message: Message): void {
    this.positions.set(message.conversation, message.seq);
    this.#host.deliver(message);
  }

  /* `all` tells whether the connection that it began on is still there. */
  async #repair(conversation: string, all: Map<string, Message[]>): Promise<void> {
    const held = all.get(conversation)!;
    while (held.length > 0) {
      const more = await this.#fill(conversation, all);
      if (this.#held !== all) return;
      if (!more) this.#deliverHeld(held);
    }
    all.delete(conversation);
    if (!this.isRepairing) this.#host.settled();
  }

  /* True: ask again before anything that waits is delivered. */
  async #fill(conversation: string, all: Map<string, Message[]>): Promise<boolean> {
    const position = this.positions.get(conversation) ?? 0;
    const wanted = all.get(conversation)![0]!.seq;
    try {
      const page = await this.#host.history(conversation, position, PAGE);
      if (this.#held !== all) return false;
      for (const message of page.messages) if (!this.#isOld(message)) this.#deliver(message);
      const reached = this.positions.get(conversation) ?? 0;
      return page.more && reached > position && reached < wanted - 1;
    } catch (error) {
      const { temporary, retryAfterMs } = asChatError(error);
      if (temporary && this.#held === all) await sleep(Math.max(retryAfterMs, RETRY_MS));
      return temporary;
    }
  }

  /* The first, over whatever gap is left, and all that follow it without one. */
  #deliverHeld(held: Message[]): void {
    let isFirst = true;
    while (held.length > 0 && (isFirst || this.#isNext(held[0]!) || this.#isOld(held[0]!))) {
      const message = held.shift()!;
      if (!this.#isOld(message)) this.#deliver(message);
      isFirst = false;
    }
  }
}
