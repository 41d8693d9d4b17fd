/*
 * Where messages are written: text, attachments, replying, editing, mentions.
 */
import type { Attachment, Draft, Message, Target } from "@chatcore/client";
import { $, attempt, iconButton, make, toast } from "./dom.js";
import type { Model } from "./model.js";
import { mentionedBy } from "./names.js";

const TYPING_EVERY_MS = 2000;
const SUGGESTED_MAX = 6;
/** Of a conversation's members: whose names can be begun to mention them. */
const PEOPLE_ASKED = 100;
const FILE_MAX = 64 * 1024 * 1024;

export class Composer {
  readonly #input = $<HTMLTextAreaElement>("#text");
  #files: Attachment[] = [];
  #reply: Message | undefined;
  #edited: Target | undefined;
  #typingTold = 0;
  #choice = 0;

  constructor(readonly model: Model) {
    $<HTMLFormElement>("#compose").onsubmit = (event) => {
      event.preventDefault();
      attempt(this.#submit());
    };
    this.#input.onkeydown = (event) => this.#key(event);
    this.#input.oninput = () => this.#changed();
    this.#input.onpaste = (event) => this.#take(event, event.clipboardData);
    $("#context .icon").onclick = () => this.clear();
    $("#attach").onclick = () => $("#picker").click();
    $<HTMLInputElement>("#picker").onchange = () => {
      const picker = $<HTMLInputElement>("#picker");
      attempt(this.add([...(picker.files ?? [])]));
      picker.value = "";
    };
    this.#dropping($("#room"));
  }

  focus(): void {
    this.#input.focus();
  }

  get text(): string {
    return this.#input.value;
  }

  /** For another conversation: what was begun in this one is put away. */
  reset(draft: string): void {
    this.#files = [];
    this.#drawFiles();
    this.clear();
    this.#input.value = draft;
    this.#grow();
  }

  clear(): void {
    if (this.#edited) this.#input.value = "";
    this.#reply = this.#edited = undefined;
    $("#context").hidden = true;
    this.#grow();
  }

  reply(message: Message): void {
    this.clear();
    this.#reply = message;
    this.#context(`Reply to ${message.from === this.model.me ? "yourself" : this.model.names.of(message.from)}`, this.model.describe(message));
  }

  edit(target: Target, text: string): void {
    this.clear();
    this.#edited = target;
    this.#input.value = text;
    this.#context("Edit message", text);
    this.#grow();
  }

  async add(files: File[]): Promise<void> {
    for (const file of files) {
      if (file.size > FILE_MAX || file.size === 0) {
        toast(file.size ? `${file.name} is too large` : `${file.name} is empty`);
        continue;
      }
      this.#files.push({ name: file.name || "pasted.png", type: file.type,
        bytes: new Uint8Array(await file.arrayBuffer()) });
    }
    this.#drawFiles();
    this.focus();
  }

  #context(title: string, text: string): void {
    $("#context").hidden = false;
    $("#context .name").textContent = title;
    $("#context .faint").textContent = text;
    this.focus();
  }

  #take(event: Event, data: DataTransfer | null): void {
    const files = [...(data?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    attempt(this.add(files));
  }

  #dropping(room: HTMLElement): void {
    const show = (on: boolean) => (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      $("#drop").hidden = !on;
    };
    room.ondragover = show(true);
    room.ondragleave = (event) => {
      if (!room.contains(event.relatedTarget as Node | null)) $("#drop").hidden = true;
    };
    room.ondrop = (event) => {
      $("#drop").hidden = true;
      this.#take(event, event.dataTransfer);
    };
  }

  #drawFiles(): void {
    $("#files").hidden = this.#files.length === 0;
    $("#files").replaceChildren(...this.#files.map((file) => {
      const item = make("li", {}, make("span", { class: "name" }, file.name));
      if (file.type.startsWith("image/")) {
        const url = URL.createObjectURL(new Blob([file.bytes as Uint8Array<ArrayBuffer>], { type: file.type }));
        item.prepend(make("img", { src: url, alt: "", onload: () => URL.revokeObjectURL(url) }));
      }
      item.append(iconButton("close", `Remove ${file.name}`, () => {
        this.#files = this.#files.filter((other) => other !== file);
        this.#drawFiles();
      }));
      return item;
    }));
  }

  async #submit(): Promise<void> {
    const room = this.model.open;
    const text = this.#input.value.trim();
    if (!room || (!text && this.#files.length === 0)) return;
    this.#typingTold = 0;
    if (this.#edited) {
      if (text) this.model.amend(this.#edited, { do: "edit", text });
      this.clear();
      return;
    }
    const draft: Draft = room.kind === "direct" ? { user: room.peer } : { conversation: room.id! };
    if (text) draft.text = text;
    if (this.#files.length) draft.files = this.#files;
    if (this.#reply) draft.reply_to = this.#reply.id;
    const mentions = [...new Set(text.split(/\s+/).map((word) => mentionedBy(word, room.people)))].filter((user) => user !== undefined);
    if (mentions.length) draft.mentions = mentions;
    this.reset("");
    room.draft = "";
    await this.model.client.send(draft);
  }

  #grow(): void {
    this.#input.style.height = "";
    this.#input.style.height = `${this.#input.scrollHeight}px`;
    this.#suggest();
  }

  #changed(): void {
    this.#choice = 0;
    this.#grow();
    const id = this.model.open?.id;
    if (!id || !this.#input.value || Date.now() - this.#typingTold < TYPING_EVERY_MS) return;
    this.#typingTold = Date.now();
    void this.model.client.request("typing", { conversation: id, on: true }).catch(() => {});
  }

  #key(event: KeyboardEvent): void {
    const options = [...$("#mentions").children] as HTMLElement[];
    if (options.length && ["ArrowDown", "ArrowUp", "Enter", "Tab", "Escape"].includes(event.key)) {
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape") $("#mentions").hidden = true, $("#mentions").replaceChildren();
      else if (event.key.startsWith("Arrow")) {
        this.#choice = (this.#choice + (event.key === "ArrowDown" ? 1 : options.length - 1)) % options.length;
        this.#suggest();
      } else options[this.#choice]?.click();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      $<HTMLFormElement>("#compose").requestSubmit();
    } else if (event.key === "Escape" && (this.#reply || this.#edited)) {
      event.stopPropagation();
      this.clear();
    } else if (event.key === "ArrowUp" && !this.#input.value) {
      event.preventDefault();
      $("#messages .bubble:last-of-type")?.focus();
    }
  }

  /* --- mentions ------------------------------------------------------------------------------- */

  #suggest(): void {
    const list = $("#mentions");
    const begun = /(?:^|\s)@(\S*)$/.exec(this.#input.value.slice(0, this.#input.selectionStart));
    const room = this.model.open;
    const found = begun && room && room.kind !== "direct" ? this.#people(room.people, begun[1]!.toLowerCase()) : [];
    if (begun && room) this.model.names.want(room.people.slice(0, PEOPLE_ASKED));
    list.hidden = found.length === 0;
    list.replaceChildren(...found.map((user, i) => make("li", { role: "option", id: `mention-${i}`,
      "aria-selected": String(i === this.#choice), onclick: () => this.#mention(begun![1]!, user) },
    this.model.names.of(user) !== user && make("span", { class: "name", dir: "auto" }, this.model.names.of(user)), ` @${user}`)));
    if (found.length) this.#input.setAttribute("aria-activedescendant", `mention-${this.#choice}`);
    else this.#input.removeAttribute("aria-activedescendant");
  }

  /* By the id, or by any part of the name. */
  #people(people: string[], begun: string): string[] {
    return people.filter((user) => user !== this.model.me && [user, ...this.model.names.of(user).split(/\s+/)]
      .some((word) => word.toLowerCase().startsWith(begun))).slice(0, SUGGESTED_MAX);
  }

  #mention(begun: string, user: string): void {
    const at = this.#input.selectionStart;
    this.#input.setRangeText(`${user} `, at - begun.length, at, "end");
    this.#grow();
    this.focus();
  }
}
