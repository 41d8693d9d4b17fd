/*
 * What the page knew when it was last open, so that it shows that at once, and without a connection:
 * conversations, their newest messages, who has read how far, names, whom the user has blocked. It is a
 * copy: the server's word replaces it, losing it costs a moment, and logging out deletes it.
 */
import { IndexedDbStorage } from "@chatcore/client";
import type { Room } from "./model.js";

/** Of a conversation: what the screen shows, and some pages above. */
const MESSAGES_MAX = 200;
/** Writes of one conversation are gathered for so long. */
const SAVE_MS = 1000;
const ROOM = "room/";
const BLOCKED = "blocked";
const NAMES = "names";

type Saved = Pick<Room, "id" | "kind" | "name" | "peer" | "members" | "role" | "unread" | "counted" | "head" | "read" | "ts" |
  "muted" | "last" | "people"> & { messages: Room["messages"]; cursors: Room["cursors"] };

export class Cache {
  readonly #storage: IndexedDbStorage;
  readonly #dirty = new Set<Room>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #names: ReadonlyMap<string, string> | undefined; /* to be written */
  #isClosed = false;

  constructor(user: string) {
    this.#storage = new IndexedDbStorage(`chatcore/${user}/cache`);
  }

  /** Calls `found` for each conversation. */
  async load(found: (id: string, saved: Partial<Room>) => void):
    Promise<{ blocked: string[]; names: Map<string, string> }> {
    const values = await this.#storage.load().catch(() => new Map<string, unknown>());
    for (const [key, value] of values)
      if (key.startsWith(ROOM)) found(key.slice(ROOM.length), value as Saved);
    return { blocked: (values.get(BLOCKED) as string[] | undefined) ?? [],
      names: (values.get(NAMES) as Map<string, string> | undefined) ?? new Map() };
  }

  /** Soon: it changes often while messages come. */
  save(room: Room): void {
    if (!room.id || this.#isClosed) return;
    this.#dirty.add(room);
    this.#soon();
  }

  saveNames(names: ReadonlyMap<string, string>): void {
    if (this.#isClosed) return;
    this.#names = names;
    this.#soon();
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => this.#saveDirty(), SAVE_MS);
  }

  saveBlocked(users: Iterable<string>): void {
    void this.#storage.put(BLOCKED, [...users]).catch(() => {});
  }

  remove(id: string): void {
    for (const room of this.#dirty) if (room.id === id) this.#dirty.delete(room);
    void this.#storage.delete(ROOM + id).catch(() => {});
  }

  /** Nothing is written after this; `forgets`: nor does anything stay. */
  async close(forgets: boolean): Promise<void> {
    if (!forgets) this.#saveDirty();
    this.#isClosed = true;
    clearTimeout(this.#timer);
    if (!forgets) return;
    const keys = [...(await this.#storage.load()).keys()];
    await Promise.all(keys.map((key) => this.#storage.delete(key)));
  }

  #saveDirty(): void {
    this.#timer = undefined;
    for (const room of this.#dirty) void this.#storage.put(ROOM + room.id, saved(room)).catch(() => {});
    this.#dirty.clear();
    if (this.#names) void this.#storage.put(NAMES, new Map(this.#names)).catch(() => {});
    this.#names = undefined;
  }
}

function saved(room: Room): Saved {
  const { id, kind, name, peer, members, role, unread, counted, head, read, ts, muted, last, people, cursors } = room;
  const newest = [...room.messages].sort(([a], [b]) => a - b).slice(-MESSAGES_MAX);
  return { id: id!, kind, name, peer, members, role, unread, counted, head, read, ts, muted, last, people, cursors,
    messages: new Map(newest) };
}
