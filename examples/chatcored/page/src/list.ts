/*
 * The list of conversations, and below it what a search has found in their messages.
 */
import type { Entry, Message } from "@chatcore/client";
import { $, attempt, face, icon, make, reconcile, rove, when, type Item } from "./dom.js";
import { inText } from "./names.js";
import { peopleOf, type Model, type Room } from "./model.js";

const SEARCH_MS = 250;
const FOUND_MAX = 30;

export class List {
  readonly #box = $("#list");
  readonly #input = $<HTMLInputElement>("#search");
  #found: Message[] = [];
  #turn = 0;
  #timer = 0;
  readonly #visible = new Set<Element>();
  readonly #watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) this.#visible.add(target);
      else this.#visible.delete(target);
    }
    this.#peek();
  });

  constructor(readonly model: Model, readonly open: (room: Room) => void,
    readonly jump: (room: Room, seq: number) => Promise<void>) {
    rove(this.#box, ".entry");
    this.#input.oninput = () => {
      clearTimeout(this.#timer);
      this.draw();
      this.#timer = window.setTimeout(() => attempt(this.#search(this.#input.value.trim())), SEARCH_MS);
    };
  }

  /** Nothing of it is drawn after this. */
  end(): void {
    clearTimeout(this.#timer);
    this.#turn++;
    this.#watch.disconnect();
    this.#input.value = "";
    this.#box.replaceChildren();
  }

  draw(): void {
    const waiting = new Map<Room, Entry>();
    for (const entry of this.model.client.outbox)
      if (!entry.action) waiting.set(this.model.roomOfEntry(entry), entry);
    const rooms = this.#rooms();
    const items = [...rooms.map((room) => this.#entry(room, waiting.get(room))),
      ...this.#found.map((message) => this.#hit(message))];
    reconcile(this.#box, items);
    for (const element of this.#box.children) this.#watch.observe(element);
    this.#peek();
    const wanted = this.#input.value.trim();
    $("#empty").hidden = items.length > 0 || Boolean(wanted);
    $("#nothing").hidden = items.length > 0 || !wanted;
    $("#nothing").textContent = `Nothing found for “${wanted}”.`;
    const unread = [...this.model.rooms.values()].reduce((sum, room) => sum + (room.muted ? 0 : room.unread), 0);
    document.title = `${unread ? `(${unread}) ` : ""}chatcore`;
  }

  /* What is on the screen asks for its names and its newest message; the other 1,000 don't. */
  #peek(): void {
    for (const element of this.#visible) {
      const room = this.model.rooms.get((element as HTMLElement).dataset["key"]!);
      if (!element.isConnected) this.#visible.delete(element);
      else if (room) this.model.peek(room);
    }
  }

  /** To the one above or below. */
  step(by: number): void {
    const rooms = this.#rooms();
    const at = this.model.open ? rooms.indexOf(this.model.open) : -1;
    const next = rooms[Math.max(0, Math.min(rooms.length - 1, at + by))];
    if (next) this.open(next);
  }

  clearSearch(): void {
    this.#turn++;
    clearTimeout(this.#timer);
    this.#input.value = "";
    this.#found = [];
    this.draw();
  }

  #rooms(): Room[] {
    const wanted = this.#input.value.trim().toLowerCase();
    const names = (room: Room): string => `${this.model.titleOf(room)}\n${room.peer}`.toLowerCase();
    return [...this.model.rooms.values()].filter((room) => !wanted || names(room).includes(wanted))
      .sort((a, b) => b.ts - a.ts);
  }

  #entry(room: Room, waiting: Entry | undefined): Item {
    const { model } = this;
    const isOpen = room === model.open;
    const isOnline = room.kind === "direct" && model.statuses.get(room.peer)?.status === "online";
    const title = model.titleOf(room);
    const line = room.typing.size ? "typing …" : model.lineOf(room, waiting);
    const sign = JSON.stringify([title, line, room.unread, isOpen, isOnline, room.muted, when(room.ts)]);
    return { key: room.key, sign, make: () => {
      const picture = face(title, room.peer || room.key);
      if (isOnline) picture.classList.add("online");
      return make("li", {}, make("button", { type: "button", class: "entry", "aria-current": String(isOpen), onclick: () => this.open(room) },
        picture, make("span", { class: "name", dir: "auto" }, title), make("span", { class: "time" }, when(room.ts)),
        make("span", { dir: "auto", class: room.typing.size ? "faint accent" : "faint" }, line),
        make("span", { class: "marks" }, room.muted && icon("mute"),
          room.unread > 0 && make("span", { class: "badge", role: "img", "aria-label": `${room.unread} unread` },
            room.unread > 99 ? "99+" : String(room.unread)))));
    } };
  }

  async #search(text: string): Promise<void> {
    const turn = ++this.#turn;
    const messages = text.length < 2 ? []
      : (await this.model.client.request("search", { text, limit: FOUND_MAX })).messages;
    if (turn !== this.#turn) return;
    this.#found = messages;
    this.model.names.want(messages.flatMap(peopleOf));
    this.draw();
  }

  #hit(message: Message): Item {
    const { model } = this;
    const room = model.room(message.conversation);
    const title = model.titleOf(room);
    const who = message.from === model.me ? "You" : inText(model.names.of(message.from));
    const text = `${who}: ${model.textOf(message)}`;
    return { key: `found ${message.id}`, sign: title + text, make: () => make("li", {}, make("button",
      { type: "button", class: "entry result", onclick: () => {
        this.open(room);
        attempt(this.jump(room, message.seq));
      } }, face(title, room.peer || room.key), make("span", { class: "name", dir: "auto" }, title),
      make("span", { class: "time" }, when(message.ts)), make("span", { class: "faint", dir: "auto" }, text))) };
  }
}
