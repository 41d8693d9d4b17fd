/*
 * The messages of the open conversation: bubbles, ticks, reactions, and what can be done with one.
 */
import type { Entry, MediaFile, Message, Target } from "@chatcore/client";
import { $, attempt, clockTime, colourOf, dayOf, icon, iconButton, make, reconcile, rove, toast, type Item } from "./dom.js";
import { emojiPicker } from "./emoji.js";
import { Media } from "./media.js";
import { mentionedBy } from "./names.js";
import { isSaid, peopleOf, type Change, type Model, type Room } from "./model.js";

const NEAR_END = 80;

export interface ThreadHost {
  reply(message: Message): void;
  edit(target: Target, text: string): void;
}

export class Thread {
  readonly #box = $("#messages");
  readonly #media: Media;
  #shown: Room | undefined;
  #isAtEnd = true;
  #top = 0; /* where it was scrolled to */
  #seen = 0; /* the newest that was on the screen */

  constructor(readonly model: Model, readonly host: ThreadHost) {
    this.#media = new Media(model, () => this.#stayAtEnd());
    model.progressed = (file) => this.#media.progressed(file);
    rove(this.#box, ".bubble");
    this.#box.onscroll = () => this.#scrolled();
    new ResizeObserver(() => this.#stayAtEnd()).observe(this.#box); /* a keyboard, a longer draft */
    $("#newest").onclick = () => this.#box.scrollTo({ top: this.#box.scrollHeight, behavior: "smooth" });
    this.#box.onkeydown = (event) => this.#key(event);
  }

  draw(): void {
    const room = this.model.open;
    if (!room) return;
    const isNew = room !== this.#shown;
    const fromEnd = this.#box.scrollHeight - this.#box.scrollTop;
    const first = this.#box.firstElementChild;
    if (isNew) {
      this.#box.replaceChildren();
    }
    if (this.#media.hasBroken && this.model.isOnline) this.#askAgain();
    this.#shown = room;
    this.model.names.want(new Set([...room.messages.values()].flatMap(peopleOf)));
    reconcile(this.#box, this.#items(room));
    const unread = isNew ? this.#box.querySelector(".note.unread") : null;
    if (unread) {
      unread.scrollIntoView({ block: "center" });
      this.#isAtEnd = this.#isNearEnd();
    } else if (isNew || this.#isAtEnd) {
      this.#isAtEnd = true;
      this.#box.scrollTop = this.#box.scrollHeight;
    } else if (first !== this.#box.firstElementChild) {
      this.#box.scrollTop = this.#box.scrollHeight - fromEnd;
    }
    this.#top = this.#box.scrollTop;
    if (this.#isAtEnd) this.#seen = room.head;
    this.#drawNewest(room);
  }

  #drawNewest(room: Room): void {
    const below = this.#isAtEnd ? 0 : [...room.messages.values()].filter((message) =>
      message.seq > this.#seen && isSaid(message) && message.from !== this.model.me).length;
    const button = $("#newest");
    const count = below > 99 ? "99+" : String(below || "");
    button.hidden = this.#isAtEnd;
    button.querySelector(".badge")!.textContent = count;
    button.setAttribute("aria-label", `${below ? `${count} new. ` : ""}To the newest message`);
  }

  #askAgain(): void {
    this.#media.hasBroken = false;
    for (const picture of this.#box.querySelectorAll(".image > .faint"))
      delete picture.closest<HTMLElement>(".bubble")?.dataset["sign"];
  }

  /** Scrolls to a message and shows which one it is. */
  async jump(room: Room, seq: number): Promise<void> {
    if (!await this.model.loadTo(room, seq)) toast("That is too far back to go there.");
    if (room !== this.model.open) return;
    this.draw();
    const element = this.#box.querySelector<HTMLElement>(`[data-key="m${seq}"]`);
    element?.scrollIntoView({ block: "center" });
    element?.classList.add("found");
    setTimeout(() => element?.classList.remove("found"), 2000);
  }

  #items(room: Room): Item[] {
    const messages = [...room.messages.values()].sort((a, b) => a.seq - b.seq);
    const changes = this.model.changesOf(room);
    const byId = new Map(messages.map((message) => [message.id, message]));
    const items: Item[] = [];
    let [day, before] = ["", ""];
    let isRead = room.newFrom === 0;
    for (const message of messages) {
      const note = message.kind === "system" ? this.model.describe(message) : "";
      if (!isSaid(message) && !note) continue;
      if (dayOf(message.ts) !== day) {
        day = dayOf(message.ts);
        const text = day;
        items.push({ key: `day${message.seq}`, sign: text, make: () => make("div", { class: "note day" }, text) });
        before = "";
      }
      if (!isRead && isSaid(message) && message.seq >= room.newFrom && message.from !== this.model.me) {
        isRead = true;
        items.push({ key: "unread", sign: "", make: () => make("div", { class: "note unread" }, "New messages") });
        before = "";
      }
      if (note) {
        items.push({ key: `m${message.seq}`, sign: note, make: () => make("div", { class: "note", dir: "auto" }, note) });
        before = "";
        continue;
      }
      items.push(this.#message(room, message, changes.get(message.id), byId, message.from !== before));
      before = message.from;
    }
    const waiting = this.model.client.outbox.filter((entry) => !entry.action && this.model.roomOfEntry(entry) === room);
    for (const entry of [...room.settling.values(), ...waiting]) {
      const change = changes.get(entry.client_id);
      if (!change?.gone) items.push(this.#entry(entry, change?.text ?? entry.text ?? ""));
    }
    return items;
  }

  /* --- one message ---------------------------------------------------------------------------- */

  #message(room: Room, message: Message, change: Change | undefined, byId: Map<string, Message>,
    isFirst: boolean): Item {
    const isMine = message.from === this.model.me;
    const progress = isMine ? this.model.progress(room, message) : "";
    const reactions = [...(change?.reactions.values() ?? [])];
    const meant = message.reply_to ? byId.get(message.reply_to) : undefined;
    const { names } = this.model;
    const named = [message.from, ...reactions.map(({ from }) => from), ...(message.mentions ?? []), meant?.from ?? ""]
      .map((user) => names.of(user));
    const sign = JSON.stringify([progress, change?.text, change?.gone, reactions, isFirst, Boolean(meant), named]);
    return { key: `m${message.seq}`, sign, make: () => {
      const text = change?.text ?? message.text ?? "";
      const who = isMine ? "You" : names.of(message.from);
      const bubble = make("div", { class: `bubble${isMine ? " mine" : ""}${isFirst ? " first" : ""}`,
        tabIndex: -1, role: "article", "aria-label": `${who}, ${clockTime(message.ts)}` });
      if (isFirst && !isMine && room.kind !== "direct") {
        const from = make("div", { class: "from", dir: "auto", title: message.from }, names.of(message.from));
        from.style.setProperty("--who", colourOf(message.from));
        bubble.append(from);
      }
      if (change?.gone) bubble.append(make("span", { class: "text gone" }, "This message was deleted"));
      else this.#body(bubble, room, message, text, meant);
      bubble.append(this.#meta(message.ts, change?.text !== undefined && !change.gone, progress));
      if (!change?.gone) {
        if (reactions.length) bubble.append(this.#reactions(message, reactions));
        bubble.append(this.#tools(room, message, text));
      }
      return bubble;
    } };
  }

  #body(bubble: HTMLElement, room: Room, message: Message, text: string, meant: Message | undefined): void {
    if (message.reply_to) {
      const quote = make("button", { class: "quote", type: "button", onclick: () => {
        if (meant) attempt(this.jump(room, meant.seq));
      } }, make("span", { class: "name", dir: "auto" }, !meant ? "A message" : meant.from === this.model.me ? "You" : this.model.names.of(meant.from)),
      make("span", { class: "faint", dir: "auto" }, meant ? this.model.describe(meant) : "from before"));
      bubble.append(quote);
    }
    for (const file of this.#files(message)) bubble.append(this.#media.draw(file));
    if (text) bubble.append(make("span", { class: "text", dir: "auto" }, ...this.#words(text, message.mentions ?? [])));
  }

  #files(message: Message): MediaFile[] {
    return message.files ?? (message.media ?? []).map((media) => ({ media, type: "", bytes: 0 }));
  }

  /* Links are http and https only: nothing else may be opened by a click. */
  #words(text: string, mentions: string[]): (string | Node)[] {
    return text.split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?'()]|@\S+)/).map((part) => {
      if (/^https?:/.test(part)) return make("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part);
      const user = mentionedBy(part, mentions);
      if (user === undefined) return part;
      return make("span", { class: user === this.model.me ? "mention me" : "mention", title: user }, this.model.named(part, mentions));
    });
  }

  #meta(ts: number, isEdited: boolean, progress: string): HTMLElement {
    const meta = make("span", { class: "meta" }, isEdited && "edited ", clockTime(ts));
    if (progress) {
      const tick = make("span", { class: `tick ${progress}`, role: "img", "aria-label": progress, title: progress });
      tick.append(icon({ waiting: "clock", sending: "clock", failed: "alert", sent: "check" }[progress] ?? "checks"));
      meta.append(tick);
    }
    return meta;
  }

  #reactions(message: Message, reactions: { emoji: string; from: string }[]): HTMLElement {
    const counts = new Map<string, string[]>();
    for (const { emoji, from } of reactions) counts.set(emoji, [...(counts.get(emoji) ?? []), from]);
    return make("div", { class: "reactions" }, ...[...counts].map(([emoji, from]) => {
      const isMine = from.includes(this.model.me);
      const who = from.map((user) => (user === this.model.me ? "You" : this.model.names.of(user))).join(", ");
      return make("button", { type: "button", class: isMine ? "mine" : "", title: who,
        "aria-pressed": String(isMine), "aria-label": `${emoji} by ${who}`,
        onclick: () => this.#react(message, emoji, !isMine) }, `${emoji} ${from.length}`);
    }));
  }

  #react(message: Message, emoji: string, on: boolean): void {
    this.model.amend({ conversation: message.conversation, message: message.id }, { do: "react", emoji, on });
  }

  #tools(room: Room, message: Message, text: string): HTMLElement {
    const isMine = message.from === this.model.me;
    const tools = make("div", { class: "tools", role: "toolbar", "aria-label": "This message" },
      iconButton("smile", "React", () => this.#pick(tools, message)),
      iconButton("reply", "Reply", () => this.host.reply(message)));
    if (isMine && message.kind === "text")
      tools.append(iconButton("edit", "Edit", () => this.host.edit({ conversation: message.conversation, message: message.id }, text)));
    if (isMine || room.role === "owner" || room.role === "admin")
      tools.append(iconButton("bin", "Delete", () => this.#delete(message)));
    return tools;
  }

  #pick(tools: HTMLElement, message: Message): void {
    const old = tools.querySelector(".picker");
    if (old) {
      old.remove();
      return;
    }
    const picker = emojiPicker((emoji) => {
      picker.remove();
      this.#react(message, emoji, true);
    });
    tools.append(picker);
    picker.querySelector("button")!.focus();
  }

  #delete(message: Message): void {
    this.model.amend({ conversation: message.conversation, message: message.id }, { do: "delete" });
  }

  #key(event: KeyboardEvent): void {
    const bubble = document.activeElement as HTMLElement;
    const picker = event.key === "Escape" && bubble.closest(".picker");
    if (picker) {
      event.stopPropagation();
      picker.closest<HTMLElement>(".bubble")!.focus();
      picker.remove();
    }
    if (!bubble.classList.contains("bubble") || event.ctrlKey || event.metaKey || event.altKey) return;
    const label = { r: "Reply", e: "Edit", Delete: "Delete", Enter: "React" }[event.key];
    const button = label && bubble.querySelector<HTMLElement>(`.tools [aria-label="${label}"]`);
    if (!button) return;
    event.preventDefault();
    button.click();
  }

  #isNearEnd(): boolean {
    return this.#box.scrollHeight - this.#box.scrollTop - this.#box.clientHeight < NEAR_END;
  }

  /* The end may move away from who has not moved: a picture has come. */
  #scrolled(): void {
    if (this.#isNearEnd()) this.#isAtEnd = true;
    else if (this.#box.scrollTop < this.#top) this.#isAtEnd = false;
    this.#top = this.#box.scrollTop;
    const room = this.model.open;
    if (!room) return;
    if (this.#isAtEnd) this.#seen = room.head;
    this.#drawNewest(room);
    if (!room.hasMore || this.#box.scrollTop > NEAR_END) return;
    room.hasMore = false;
    attempt(this.model.load(room, Math.min(...room.messages.keys())));
  }

  /* --- what is not sent yet ------------------------------------------------------------------- */

  #entry(entry: Entry, text: string): Item {
    const isWaiting = this.model.client.outbox.includes(entry);
    const state = isWaiting ? entry.state : "sent";
    return { key: `c${entry.client_id}`, sign: `${state}${entry.files?.length ?? 0}${text}`, make: () => {
      const bubble = make("div", { class: `bubble mine ${state}`, tabIndex: -1, role: "article",
        "aria-label": `You, ${state}` });
      for (const file of entry.files ?? []) bubble.append(this.#media.drawLeaving(file, state));
      bubble.append(text && make("span", { class: "text", dir: "auto" }, text), this.#meta(entry.ts, false, state));
      if (state === "failed") bubble.append(make("div", { class: "failure", role: "alert" }, `Not sent: ${entry.error?.message} `,
        make("button", { type: "button", class: "link", onclick: () => attempt(this.model.client.retry(entry.client_id)) }, "Try again"),
        make("button", { type: "button", class: "link", onclick: () => attempt(this.model.client.discard(entry.client_id)) }, "Discard")));
      else if (isWaiting) bubble.append(this.#entryTools(entry, text));
      return bubble;
    } };
  }

  #entryTools(entry: Entry, text: string): HTMLElement {
    const target = { client_id: entry.client_id };
    return make("div", { class: "tools", role: "toolbar", "aria-label": "This message" },
      text && iconButton("edit", "Edit", () => this.host.edit(target, text)),
      iconButton(entry.files?.length ? "close" : "bin", entry.files?.length ? "Cancel sending" : "Delete", () => this.model.amend(target, { do: "delete" })));
  }

  /* A picture whose size was not known has pushed the end away. */
  #stayAtEnd(): void {
    if (this.#isAtEnd) this.#box.scrollTop = this.#box.scrollHeight;
  }
}
