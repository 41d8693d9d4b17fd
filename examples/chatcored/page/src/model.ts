/*
 * What the page knows: conversations, their messages, who has read how far. It talks to the client
 * library and knows nothing of elements; `changed` tells what has to be drawn again.
 */
import {
  Client, IndexedDbStorage, type Action, type Attachment, type Conversation, type Entry, type Member, type Message, type OutboxChange,
  type Presence, type Receipt, type Target, type Typing,
} from "@chatcore/client";

import { Cache } from "./cache.js";
import { inText, mentionedBy, Names } from "./names.js";

export interface Room {
  key: string;
  id?: string;
  kind: Conversation["kind"];
  name: string;
  peer: string;
  members: number;
  role: string;
  unread: number;
  /** What is counted in `unread` reaches up to here. */
  counted: number;
  head: number;
  read: number;
  /** Where "New messages" stands, as long as the conversation is open; 0: nowhere. */
  newFrom: number;
  told: number;
  ts: number;
  muted: boolean;
  /** The newest that the list can tell. */
  last: Message | undefined;
  isPeeked: boolean;
  messages: Map<number, Message>;
  /** Sent, and not come back as a message yet. */
  settling: Map<string, Entry>;
  cursors: Map<string, { delivered: number; read: number }>;
  typing: Map<string, number>;
  isLoaded: boolean;
  hasMore: boolean;
  draft: string;
  people: string[];
}

export interface Change {
  text?: string;
  gone?: boolean;
  reactions: Map<string, { emoji: string; from: string }>;
}

function change(changes: Map<string, Change>, id: string,
  { kind, from, text, emoji, on }: Pick<Message, "kind" | "from" | "text" | "emoji" | "on">): void {
  const found: Change = changes.get(id) ?? { reactions: new Map() };
  if (kind === "edit") found.text = text ?? "";
  else if (kind === "delete") found.gone = true;
  else if (on) found.reactions.set(`${from} ${emoji}`, { emoji: emoji!, from });
  else found.reactions.delete(`${from} ${emoji}`);
  changes.set(id, found);
}

const PAGE = 60;
/** When much has to be loaded to get at one message. */
const LARGE_PAGE = 200;
const LARGE_PAGES_MAX = 50;
const TYPING_MS = 3000;
/** Whose conversation is open and who is no contact: changes of presence are not pushed. */
const WATCH_MS = 30_000;

export const isSaid = (message: Message): boolean => message.kind === "text" || message.kind === "media";

const ordered = (room: Room): Message[] => [...room.messages.values()].sort((a, b) => a.seq - b.seq);

export class Model {
  readonly client: Client;
  readonly #cache: Cache;
  readonly rooms = new Map<string, Room>();
  readonly names: Names;
  /** Of the files that are being uploaded: how many bytes have left. */
  readonly sent = new WeakMap<Attachment, number>();
  readonly statuses = new Map<string, Presence>();
  readonly blocked = new Set<string>();
  open: Room | undefined;
  readonly #watching: ReturnType<typeof setInterval>;
  changed: (what: "list" | "room" | "head" | "typing" | "state" | "me") => void = () => {};
  /** More of a file has left. */
  progressed: (file: Attachment) => void = () => {};
  /** For what the user has to know. */
  told: (text: string) => void = () => {};

  constructor(readonly me: string, device: string, token: (reason: string) => Promise<string | undefined>) {
    this.#cache = new Cache(me);
    this.names = new Names((user) => this.#askName(user), () => this.#named());
    this.client = new Client({ url: location.origin, token, device, encoding: "msgpack", resumes: false, storage: new IndexedDbStorage(`chatcore/${me}`) });
    this.client.on("message", (message) => this.#took(message));
    this.client.on("receipt", (receipt) => this.#receipt(receipt));
    this.client.on("typing", (typing) => this.#typing(typing));
    this.client.on("presence", (presence) => this.#presence([presence]));
    this.client.on("conversation", (summary) => this.#summary(summary));
    this.client.on("hello", () => void this.#loadConversations());
    this.client.on("state", () => this.changed("state"));
    this.#watching = setInterval(() => {
      if (this.open && this.isOnline && document.visibilityState === "visible") this.watch(this.open);
    }, WATCH_MS);
    this.client.on("outbox", (change) => this.#outbox(change));
    this.client.on("upload", ({ file, sent }) => {
      this.sent.set(file, sent);
      this.progressed(file);
    });
  }

  /** Shows what was known the last time, then connects. */
  async start(): Promise<void> {
    const { blocked, names } = await this.#cache.load((id, known) => {
      Object.assign(this.room(id), known, { id, key: id });
    });
    for (const user of blocked) this.blocked.add(user);
    for (const [user, name] of names) this.names.set(user, name);
    this.changed("list");
    await this.client.start();
  }

  /** `forgets`: what was cached goes, too; what is not sent yet stays. */
  async stop(forgets: boolean): Promise<void> {
    clearInterval(this.#watching);
    await Promise.all([this.client.stop(), this.#cache.close(forgets)]);
  }

  setBlocked(user: string, on: boolean): void {
    if (on) this.blocked.add(user);
    else this.blocked.delete(user);
    this.#cache.saveBlocked(this.blocked);
  }

  #outbox(change: OutboxChange): void {
    const room = this.roomOfEntry(change.entry);
    if (change.type === "sent") {
      this.#settle(room, change.reply.conversation);
      const isSeen = [...room.messages.values()].some((m) => m.client_id === change.entry.client_id);
      if (!isSeen) room.settling.set(change.entry.client_id, change.entry);
    } else if (change.entry.action) {
      if (change.entry.state === "failed") this.#refused(change.entry);
    } else if (change.type === "added") {
      room.ts = Math.max(room.ts, change.entry.ts);
    }
    this.changed("list");
    if (room === this.open) this.changed("room");
  }

  /* What can't be done is told, and no longer shown as if it were. */
  #refused(entry: Entry): void {
    this.told(`That could not be done: ${entry.error?.message}`);
    void this.client.discard(entry.client_id);
  }

  /** Now or later; failing to keep it is told. */
  amend(target: Target, action: Action): void {
    this.client.amend(target, action).catch((error: Error) => this.told(error.message));
  }

  /* --- people --------------------------------------------------------------------------------- */

  async #askName(user: string): Promise<string> {
    const fields = user === this.me ? {} : { user };
    try {
      return (await this.client.request("profile", fields)).name ?? "";
    } catch (error) {
      if ([403, 404].includes((error as { code?: number }).code ?? 0)) return "";
      throw error;
    }
  }

  #named(): void {
    this.#cache.saveNames(this.names.all);
    for (const what of ["list", "room", "head", "typing", "me"] as const) this.changed(what);
  }

  titleOf(room: Room): string {
    return room.kind === "direct" ? this.names.of(room.peer) : room.name || "Group";
  }

  /* --- rooms ---------------------------------------------------------------------------------- */

  #new(key: string): Room {
    const room: Room = { key, kind: "group", name: "", peer: "", members: 0, role: "", unread: 0,
      counted: 0, head: 0, read: 0, newFrom: 0, told: 0, ts: 0, muted: false, last: undefined,
      isPeeked: false, messages: new Map(),
      settling: new Map(), cursors: new Map(), typing: new Map(), isLoaded: false, hasMore: false,
      draft: "", people: [] };
    this.rooms.set(key, room);
    return room;
  }

  room(id: string): Room {
    const room = this.rooms.get(id) ?? this.#new(id);
    room.id = id;
    return room;
  }

  /** A direct chat gets its conversation with its first message. */
  roomWith(user: string): Room {
    for (const room of this.rooms.values())
      if (room.kind === "direct" && room.peer === user) return room;
    return Object.assign(this.#new(`@${user}`), { kind: "direct", peer: user, isLoaded: true });
  }

  roomOfEntry(entry: Entry): Room {
    return entry.user === undefined ? this.room(entry.conversation!) : this.roomWith(entry.user);
  }

  #settle(room: Room, id: string): void {
    if (room.id) return;
    const other = this.rooms.get(id);
    this.rooms.delete(room.key);
    room.key = room.id = id;
    if (other) {
      for (const message of other.messages.values()) this.#keep(room, message);
      room.ts = Math.max(room.ts, other.ts);
    }
    this.rooms.set(id, room);
  }

  #summary(summary: Conversation): void {
    if (summary.gone) {
      const gone = this.rooms.get(summary.id);
      this.rooms.delete(summary.id);
      this.#cache.remove(summary.id);
      if (gone && gone === this.open) this.open = undefined;
      this.changed("room");
      this.changed("list");
      return;
    }
    const pending = summary.peer ? this.rooms.get(`@${summary.peer}`) : undefined;
    if (pending) this.#settle(pending, summary.id);
    const room = this.room(summary.id);
    Object.assign(room, { kind: summary.kind, name: summary.name, peer: summary.peer ?? room.peer,
      members: summary.members, role: summary.role ?? room.role, muted: summary.muted });
    room.head = Math.max(room.head, summary.head);
    room.read = Math.max(room.read, summary.read);
    room.ts = Math.max(room.ts, summary.ts ?? 0);
    this.#count(room, summary.unread, summary.head);
    if (room === this.open && document.hasFocus()) room.unread = 0;
    this.#cache.save(room);
    this.changed("list");
    if (room === this.open) this.changed("head");
  }

  async #loadConversations(): Promise<void> {
    const left = new Set([...this.rooms.values()].filter((room) => room.id));
    for (const room of left) room.isLoaded = false; /* something may have been missed */
    try {
      for (let after: string | undefined; ; ) {
        const page = await this.client.request("conversations", after ? { after, limit: 200 } : { limit: 200 });
        for (const summary of page.conversations) {
          left.delete(this.room(summary.id));
          this.#summary(summary);
        }
        after = page.conversations.at(-1)?.id;
        if (!page.more || !after) break;
      }
      for (const { id, kind } of left) /* what was cached, and is the user's no more */
        this.#summary({ id, kind, gone: true } as Conversation);
      if (this.open?.id) await this.load(this.open);
      if (this.open) this.watch(this.open);
    } catch { /* the next connection asks again */ }
  }

  /** It is on the screen, in the list: what it tells of the room is asked for, once. */
  peek(room: Room): void {
    this.names.want([room.peer, ...(room.last ? peopleOf(room.last) : [])].filter(Boolean));
    if (room.last || room.isPeeked || !room.id || !room.head || !this.isOnline) return;
    room.isPeeked = true;
    this.client.request("history", { conversation: room.id, limit: 3 }).then((page) => {
      page.messages.forEach((message) => this.#note(room, message));
      if (room.last) this.names.want(peopleOf(room.last));
      this.changed("list");
    }).catch(() => (room.isPeeked = false));
  }

  async load(room: Room, before?: number, limit = PAGE): Promise<void> {
    if (!room.id) return;
    const fields = { conversation: room.id, limit, ...(before ? { before } : {}) };
    const page = await this.client.request("history", fields);
    page.messages.forEach((message) => this.#keep(room, message));
    if (before === undefined) this.#dropOlder(room, page.messages[0]?.seq ?? 0);
    room.hasMore = page.more;
    room.isLoaded = true;
    if (room === this.open) this.changed("room");
    this.acknowledge(room);
  }

  /* Cached messages stay when they reach up to the newest page: there may be no hole above them. */
  #dropOlder(room: Room, first: number): void {
    let seq = first;
    while (room.messages.has(seq - 1)) seq--;
    for (const known of room.messages.keys()) if (known < seq) room.messages.delete(known);
  }

  /** Everything from there on. False: that would be too much. */
  async loadTo(room: Room, seq: number): Promise<boolean> {
    const first = (): number => Math.min(...room.messages.keys());
    if (!room.isLoaded) await this.load(room);
    for (let pages = 0; pages < LARGE_PAGES_MAX && room.hasMore && first() > seq; pages++)
      await this.load(room, first(), LARGE_PAGE);
    return first() <= seq;
  }

  /** Asks what is only pushed when it changes. */
  watch(room: Room): void {
    if (room.id) void this.client.request("members", { conversation: room.id, limit: 1000 })
      .then((reply) => this.#members(room, reply.members)).catch(() => {});
    if (room.kind === "direct") {
      void this.client.request("presence", { users: [room.peer] })
        .then((reply) => this.#presence(reply.presence)).catch(() => {});
    }
  }

  /* With what was received and read while this page was not there. */
  #members(room: Room, members: Member[]): void {
    room.people = members.map((member) => member.user);
    for (const { user, delivered = 0, read = 0 } of members) this.#reached(room, user, delivered, read);
    this.#cache.save(room);
    if (room === this.open) this.changed("room");
  }

  #reached(room: Room, user: string, delivered: number, read: number): void {
    const known = room.cursors.get(user) ?? { delivered: 0, read: 0 };
    room.cursors.set(user, { delivered: Math.max(known.delivered, delivered, read), read: Math.max(known.read, read) });
  }

  /* --- messages ------------------------------------------------------------------------------- */

  #keep(room: Room, message: Message): void {
    room.messages.set(message.seq, message);
    if (message.client_id) room.settling.delete(message.client_id);
    this.#note(room, message);
    this.#cache.save(room);
  }

  #note(room: Room, message: Message): void {
    room.head = Math.max(room.head, message.seq);
    if (room.last && message.seq < room.last.seq) return;
    room.ts = Math.max(room.ts, message.ts);
    if (this.describe(message)) room.last = message;
  }

  /** What the list says of a room: what waits to be sent, or the newest. */
  lineOf(room: Room, waiting: Entry | undefined): string {
    if (waiting) return `You: ${waiting.text || "📎 Attachment"}`;
    const { last } = room;
    if (!last) return "";
    const who = !isSaid(last) ? "" : last.from === this.me ? "You: "
      : room.kind === "direct" ? "" : `${inText(this.names.of(last.from))}: `;
    return who + this.describe(last);
  }

  /**
   * Unread by the server's rule: texts and media of others since the user read, joined or last said
   * something. Counts on from `unread`, which holds up to the seq `counted`.
   */
  #count(room: Room, unread: number, counted: number): void {
    room.unread = unread;
    room.counted = counted;
    for (const message of ordered(room)) {
      if (message.seq <= counted) continue;
      room.counted = message.seq;
      if (!isSaid(message)) continue;
      if (message.from === this.me) room.unread = 0;
      else if (message.seq > room.read) room.unread++;
    }
  }

  /* Another device has read up to there: what is behind it is counted, if all of it is here. */
  #countFrom(room: Room, read: number): void {
    if (read >= room.head) room.unread = 0;
    for (let seq = read + 1; seq <= room.head; seq++) if (!room.messages.has(seq)) return;
    this.#count(room, 0, read);
  }

  /** What was written, with names in the place of ids. */
  textOf(message: Message): string {
    const text = message.text ?? "";
    const { mentions } = message;
    return mentions?.length ? text.replace(/@\S+/g, (word) => this.named(word, mentions)) : text;
  }

  /** A word that mentions somebody, with the name; another as it is. */
  named(word: string, mentions: readonly string[]): string {
    const user = mentionedBy(word, mentions);
    return user === undefined ? word : `@${inText(this.names.of(user))}${word.slice(user.length + 1)}`;
  }

  describe(message: Message): string {
    const name = (user: string, own: string): string => (user === this.me ? own : inText(this.names.of(user)));
    const who = name(message.from, "You");
    const whom = (message.users ?? []).map((user) => name(user, "you")).join(", ");
    switch (message.kind) {
      case "text": return this.textOf(message);
      case "media": return this.textOf(message) || "📎 Attachment";
      case "edit": return this.textOf(message);
      case "delete": return "A message was deleted";
      case "reaction": return message.on ? `${who} reacted ${message.emoji}` : "";
      case "system": return ({
        created: `${who} created the conversation`,
        renamed: `${who} renamed it to ${message.name}`,
        added: message.users?.[0] === message.from ? `${who} joined by invitation` : `${who} added ${whom}`,
        removed: `${who} removed ${whom}`,
        left: `${who} left`,
        role: `${who} made ${whom} ${message.role}`,
        retention: retentionText(who, message.retention_s ?? 0),
      } as { [action: string]: string })[message.action ?? ""] ?? "";
      default: return "";
    }
  }

  /**
   * Edits, deletions and reactions are messages of their own that name another; those that wait in
   * the outbox are shown as done already.
   */
  changesOf(room: Room): Map<string, Change> {
    const changes = new Map<string, Change>();
    for (const message of ordered(room))
      if (message.message) change(changes, message.message, message);
    for (const entry of this.client.outbox) {
      const { action } = entry;
      const meant = entry.message ?? entry.of;
      if (!action || !meant) continue;
      const kind = action.do === "react" ? "reaction" : action.do;
      change(changes, meant, { ...action, kind, from: this.me });
    }
    return changes;
  }

  #took(message: Message): void {
    const room = this.room(message.conversation);
    this.#keep(room, message);
    room.typing.delete(message.from);
    if (message.seq > room.counted) this.#count(room, room.unread, room.counted);
    this.acknowledge(room);
    this.changed("list");
    if (room !== this.open) return;
    const isNews = room.kind === "direct" && this.statuses.get(message.from)?.status !== "online";
    if (message.kind === "system" || isNews) this.watch(room);
    this.changed("room");
    this.changed("typing");
  }

  /** Reading is told when the room is on the screen, having received otherwise. */
  acknowledge(room: Room): void {
    if (!room.id || !room.head || !this.isOnline) return;
    const isRead = room === this.open && document.hasFocus();
    const to = { conversation: room.id, seq: room.head };
    if (isRead && room.unread) {
      room.unread = 0;
      this.#cache.save(room);
    }
    if (isRead && room.read < room.head) {
      room.read = room.told = room.head;
      void this.client.request("read", to).catch(() => (room.read = 0));
    } else if (!isRead && room.told < room.head && room.read < room.head) {
      room.told = room.head;
      void this.client.request("delivered", to).catch(() => (room.told = 0));
    }
  }

  get isOnline(): boolean {
    return ["online", "catching up"].includes(this.client.state.status);
  }

  #receipt(receipt: Receipt): void {
    const room = this.room(receipt.conversation);
    this.#reached(room, receipt.user, receipt.delivered ?? 0, receipt.read ?? 0);
    this.#cache.save(room);
    if (receipt.user === this.me && receipt.read) {
      room.read = Math.max(room.read, receipt.read);
      this.#countFrom(room, room.read);
      this.changed("list");
    }
    if (room === this.open) this.changed("room");
  }

  /** How far the others are with it: in a group, the first of them counts. */
  progress(room: Room, message: Message): "sent" | "delivered" | "read" {
    let best: "sent" | "delivered" | "read" = "sent";
    for (const [user, cursors] of room.cursors) {
      if (user === this.me) continue;
      if (cursors.read >= message.seq) return "read";
      if (cursors.delivered >= message.seq) best = "delivered";
    }
    return best;
  }

  #typing(typing: Typing): void {
    const room = this.room(typing.conversation);
    clearTimeout(room.typing.get(typing.user));
    room.typing.delete(typing.user);
    if (typing.on && typing.user !== this.me)
      room.typing.set(typing.user, window.setTimeout(() => {
        room.typing.delete(typing.user);
        this.changed("typing");
        this.changed("list");
      }, TYPING_MS));
    this.changed("typing");
    this.changed("list");
  }

  #presence(all: Presence[]): void {
    for (const one of all) this.statuses.set(one.user, one);
    this.changed("head");
    this.changed("list");
  }
}

/** Whose names a message shows. */
export const peopleOf = (message: Message): string[] =>
  [message.from, ...(message.users ?? []), ...(message.mentions ?? [])];

const SPANS: [string, number][] = [["year", 31_536_000], ["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];

function retentionText(who: string, seconds: number): string {
  if (!seconds) return `${who} lets messages be kept here as on the whole server`;
  const [unit, size] = SPANS.find(([, length]) => seconds % length === 0)!;
  const count = seconds / size;
  return `${who} set messages to vanish after ${count === 1 ? `one ${unit}` : `${count} ${unit}s`}`;
}
