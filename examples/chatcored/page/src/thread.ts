/*
 * The messages of the open conversation: bubbles, ticks, reactions, and what can be done with one.
 */
import type { Entry, MediaFile, Message, Target } from "@chatcore/client";
import { $, attempt, clockTime, colourOf, dayOf, icon, iconButton, make, reconcile, rove, type Item } from "./dom.js";
import type { Change, Model, Room } from "./model.js";

const QUICK = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const NEAR_END = 80;

export interface ThreadHost {
  reply(message: Message): void;
  edit(target: Target, text: string): void;
}

interface Url {
  url: string;
  expires: number;
}

export class Thread {
  readonly #box = $("#messages");
  readonly #urls = new Map<string, Url>();
  #hasBroken = false; /* pictures that were asked for without a connection */
  #shown: Room | undefined;
  #isAtEnd = true;

  constructor(readonly model: Model, readonly host: ThreadHost) {
    rove(this.#box, ".bubble");
    this.#box.onscroll = () => this.#scrolled();
    $("#newest").onclick = () => this.#box.scrollTo({ top: this.#box.scrollHeight, behavior: "smooth" });
    this.#box.onkeydown = (event) => this.#key(event);
  }

  draw(): void {
    const room = this.model.open;
    if (!room) return;
    const isNew = room !== this.#shown;
    const fromEnd = this.#box.scrollHeight - this.#box.scrollTop;
    const isAtEnd = isNew || this.#isAtEnd;
    const first = this.#box.firstElementChild;
    if (isNew) {
      this.#box.replaceChildren();
      $("#newest").hidden = true;
    }
    if (this.#hasBroken && this.model.isOnline) this.#askAgain();
    this.#shown = room;
    reconcile(this.#box, this.#items(room));
    this.#isAtEnd = isAtEnd;
    const unread = isNew ? this.#box.querySelector(".note.unread") : null;
    if (unread) unread.scrollIntoView({ block: "center" });
    else if (isAtEnd) this.#box.scrollTop = this.#box.scrollHeight;
    else if (first !== this.#box.firstElementChild) this.#box.scrollTop = this.#box.scrollHeight - fromEnd;
  }

  #askAgain(): void {
    this.#hasBroken = false;
    for (const picture of this.#box.querySelectorAll(".image > .faint"))
      delete picture.closest<HTMLElement>(".bubble")?.dataset["sign"];
  }

  /** Scrolls to a message and shows which one it is. */
  async jump(room: Room, seq: number): Promise<void> {
    await this.model.loadTo(room, seq);
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
      const isSaid = message.kind === "text" || message.kind === "media";
      const note = message.kind === "system" ? this.model.describe(message) : "";
      if (!isSaid && !note) continue;
      if (dayOf(message.ts) !== day) {
        day = dayOf(message.ts);
        const text = day;
        items.push({ key: `day${message.seq}`, sign: text, make: () => make("div", { class: "note day" }, text) });
        before = "";
      }
      if (!isRead && message.seq >= room.newFrom && message.from !== this.model.me) {
        isRead = true;
        items.push({ key: "unread", sign: "", make: () => make("div", { class: "note unread" }, "New messages") });
        before = "";
      }
      if (note) {
        items.push({ key: `m${message.seq}`, sign: note, make: () => make("div", { class: "note" }, note) });
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
    const sign = JSON.stringify([progress, change?.text, change?.gone, reactions, isFirst, Boolean(meant)]);
    return { key: `m${message.seq}`, sign, make: () => {
      const text = change?.text ?? message.text ?? "";
      const who = isMine ? "You" : message.from;
      const bubble = make("div", { class: `bubble${isMine ? " mine" : ""}${isFirst ? " first" : ""}`,
        tabIndex: -1, role: "article", "aria-label": `${who}, ${clockTime(message.ts)}` });
      if (isFirst && !isMine && room.kind !== "direct") {
        const from = make("div", { class: "from" }, message.from);
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
      } }, make("span", { class: "name" }, meant ? meant.from : "A message"),
      make("span", { class: "faint" }, meant ? this.model.describe(meant) : "from before"));
      bubble.append(quote);
    }
    for (const file of this.#files(message)) bubble.append(this.#media(file));
    if (text) bubble.append(make("span", { class: "text", dir: "auto" }, ...this.#words(text, message.mentions ?? [])));
  }

  #files(message: Message): MediaFile[] {
    return message.files ?? (message.media ?? []).map((media) => ({ media, type: "", bytes: 0 }));
  }

  /* Links are http and https only: nothing else may be opened by a click. */
  #words(text: string, mentions: string[]): (string | Node)[] {
    return text.split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?'()]|@\S+)/).map((part) => {
      if (/^https?:/.test(part)) return make("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part);
      if (!part.startsWith("@") || !mentions.includes(part.slice(1))) return part;
      return make("span", { class: part.slice(1) === this.model.me ? "mention me" : "mention" }, part);
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
      return make("button", { type: "button", class: isMine ? "mine" : "", title: from.join(", "),
        "aria-pressed": String(isMine), "aria-label": `${emoji} by ${from.join(", ")}`,
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
    const picker = make("div", { class: "picker", role: "group", "aria-label": "Reactions" }, ...QUICK.map((emoji) =>
      make("button", { type: "button", "aria-label": emoji, onclick: () => {
        picker.remove();
        this.#react(message, emoji, true);
      } }, emoji)));
    tools.append(picker);
    picker.querySelector("button")!.focus();
  }

  #delete(message: Message): void {
    this.model.amend({ conversation: message.conversation, message: message.id }, { do: "delete" });
  }

  #key(event: KeyboardEvent): void {
    const bubble = document.activeElement as HTMLElement;
    if (!bubble.classList.contains("bubble") || event.ctrlKey || event.metaKey || event.altKey) return;
    const label = { r: "Reply", e: "Edit", Delete: "Delete", Enter: "React" }[event.key];
    const button = label && bubble.querySelector<HTMLElement>(`.tools [aria-label="${label}"]`);
    if (!button) return;
    event.preventDefault();
    button.click();
  }

  #scrolled(): void {
    this.#isAtEnd = this.#box.scrollHeight - this.#box.scrollTop - this.#box.clientHeight < NEAR_END;
    $("#newest").hidden = this.#isAtEnd;
    const room = this.model.open;
    if (!room?.hasMore || this.#box.scrollTop > NEAR_END) return;
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
      for (const file of entry.files ?? []) bubble.append(make("span", { class: "file" }, icon("file"), file.name));
      bubble.append(make("span", { class: "text", dir: "auto" }, text), this.#meta(entry.ts, false, state));
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
      iconButton("bin", "Delete", () => this.model.amend(target, { do: "delete" })));
  }

  /* --- media ---------------------------------------------------------------------------------- */

  async #url(id: string): Promise<string> {
    const known = this.#urls.get(id);
    if (known && known.expires > Date.now() + 10_000) return known.url;
    const reply = await this.model.client.request("media", { media: id });
    this.#urls.set(id, reply);
    return reply.url;
  }

  #media(file: MediaFile): HTMLElement {
    const open = (): void => attempt(this.#open(file));
    if (!file.width && !file.type.startsWith("image/"))
      return make("button", { type: "button", class: "file", onclick: open }, icon("file"),
        make("span", { class: "name" }, file.name ?? "A file"), make("span", { class: "faint" }, size(file.bytes)));
    const image = make("img", { alt: file.name ?? "An image", onload: () => this.#stayAtEnd() });
    if (file.width && file.height) Object.assign(image, fitted(file.width, file.height));
    const button = make("button", { type: "button", class: "image", "aria-label": `Open ${file.name ?? "the image"}`, onclick: open }, image);
    this.#url(file.thumbnail ?? file.media).then((url) => (image.src = url)).catch((error: Error) => {
      this.#hasBroken ||= error.name === "offline";
      setTimeout(() => this.#stayAtEnd(), 0);
      button.replaceChildren(make("span", { class: "faint" },
        error.name === "offline" ? "The picture comes with the connection." : `The picture cannot be shown: ${error.message}`));
    });
    return button;
  }

  /* A picture whose size was not known has pushed the end away. */
  #stayAtEnd(): void {
    if (this.#isAtEnd) this.#box.scrollTop = this.#box.scrollHeight;
  }

  async #open(file: MediaFile): Promise<void> {
    const url = await this.#url(file.media);
    if (!file.type.startsWith("image/")) {
      make("a", { href: url, download: file.name ?? "", rel: "noopener", target: "_blank" }).click();
      return;
    }
    const dialog = $<HTMLDialogElement>("#dialog");
    dialog.className = "viewer";
    dialog.replaceChildren(make("h2", { id: "dialog-title" }, file.name ?? "Image"),
      make("img", { src: url, alt: file.name ?? "An image" }), iconButton("close", "Close", () => dialog.close()));
    dialog.showModal();
  }
}

function fitted(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, 320 / width, 320 / height);
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

function size(bytes: number): string {
  if (!bytes) return "";
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1000))} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
