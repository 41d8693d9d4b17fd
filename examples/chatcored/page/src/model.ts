/*
 * What the page knows: conversations, their messages, who has read how far. It talks to the client
 * library and knows nothing of elements; `changed` tells what has to be drawn again.
 */
import {
  Client, IndexedDbStorage, type Action, type Conversation, type Entry, type Member, type Message, type OutboxChange,
  type Presence, type Receipt, type Target, type Typing,
} from "@chatcore/client";

import { Cache } from "./cache.js";

export interface Room {
  key: string;
  id?: string;
  kind: Conversation["kind"];
  name: string;
  peer: string;
  members: number;
  role: string;
  unread: number;
  head: number;
  read: number;
  /** Where "New messages" stands, as long as the conversation is open; 0: nowhere. */
  newFrom: number;
  told: number;
  ts: number;
  muted: boolean;
  preview: string;
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
const TYPING_MS = 3000;
/** Whose conversation is open and who is no contact: changes of presence are not pushed. */
const WATCH_MS = 30_000;

export const titleOf = (room: Room): string =>
  room.kind === "direct" ? room.peer : room.name || "Group";

export class Model {
  readonly client: Client;
  readonly #cache: Cache;
  readonly rooms = new Map<string, Room>();
  readonly statuses = new Map<string, Presence>();
  readonly blocked = new Set<string>();
  open: Room | undefined;
  readonly #watching: ReturnType<typeof setInterval>;
  changed: (what: "list" | "room" | "head" | "typing" | "state") => void = () => {};
  /** For what the user has to know. */
  told: (text: string) => void = () => {};

  constructor(readonly me: string, device: string, token: (reason: string) => Promise<string | undefined>) {
    this.#cache = new Cache(me);
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
  }

  /** Shows what was known the last time, then connects. */
  async start(): Promise<void> {
    const blocked = await this.#cache.load((id, known) => {
      Object.assign(this.room(id), known, { id, key: id });
    });
    for (const user of blocked) this.blocked.add(user);
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
    } else {
      if (change.type === "added") room.ts = Math.max(room.ts, change.entry.ts);
      this.#previewEntries(room);
    }
    this.changed("list");
    if (room === this.open) this.changed("room");
  }

  /* The newest that waits, or the newest that was said. */
  #previewEntries(room: Room): void {
    const last = this.client.outbox.filter((entry) => !entry.action && this.roomOfEntry(entry) === room).at(-1);
    const said = [...room.messages.values()].sort((a, b) => b.seq - a.seq).find((message) => this.describe(message));
    if (last) room.preview = `You: ${last.text || "📎 Attachment"}`;
    else if (said) room.preview = this.#line(said);
    this.#cache.save(room);
  }

  #line(message: Message): string {
    const isSaid = message.kind === "text" || message.kind === "media";
    return (isSaid && message.from === this.me ? "You: " : "") + this.describe(message);
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

  /* --- rooms ---------------------------------------------------------------------------------- */

  #new(key: string): Room {
    const room: Room = { key, kind: "group", name: "", peer: "", members: 0, role: "", unread: 0,
      head: 0, read: 0, newFrom: 0, told: 0, ts: 0, muted: false, preview: "", messages: new Map(),
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
    room.unread = room === this.open && document.hasFocus() ? 0 : summary.unread;
    if (!room.preview) void this.#preview(room);
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

  async #preview(room: Room): Promise<void> {
    if (!room.id || !room.head) return;
    room.preview = " ";
    try {
      const page = await this.client.request("history", { conversation: room.id, limit: 3 });
      page.messages.forEach((message) => this.#note(room, message));
      this.changed("list");
    } catch {
      room.preview = "";
    }
  }

  async load(room: Room, before?: number): Promise<void> {
    if (!room.id) return;
    const fields = { conversation: room.id, limit: PAGE, ...(before ? { before } : {}) };
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

  /** Everything from there on. */
  async loadTo(room: Room, seq: number): Promise<void> {
    if (!room.isLoaded) await this.load(room);
    for (let pages = 0; pages < 50 && room.hasMore && Math.min(...room.messages.keys()) > seq; pages++)
      await this.load(room, Math.min(...room.messages.keys()));
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
    if (message.seq < room.head && room.preview.trim()) return;
    room.head = Math.max(room.head, message.seq);
    room.ts = Math.max(room.ts, message.ts);
    if (this.describe(message)) room.preview = this.#line(message);
  }

  describe(message: Message): string {
    const who = message.from === this.me ? "You" : message.from;
    const whom = (message.users ?? []).join(", ");
    switch (message.kind) {
      case "text": return message.text ?? "";
      case "media": return message.text || "📎 Attachment";
      case "edit": return message.text ?? "";
      case "delete": return "A message was deleted";
      case "reaction": return message.on ? `${who} reacted ${message.emoji}` : "";
      case "system": return ({
        created: `${who} created the conversation`,
        renamed: `${who} renamed it to ${message.name}`,
        added: `${who} added ${whom}`,
        removed: `${who} removed ${whom}`,
        left: `${who} left`,
        role: `${who} made ${whom} ${message.role}`,
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
    for (const message of [...room.messages.values()].sort((a, b) => a.seq - b.seq))
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
    const isKnown = room.messages.has(message.seq) || message.seq <= room.read;
    this.#keep(room, message);
    room.typing.delete(message.from);
    if (!isKnown && message.from !== this.me) room.unread = Math.max(room.unread, message.seq - room.read);
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
      if (room.read >= room.head) room.unread = 0;
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
