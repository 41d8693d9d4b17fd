/*
 * Searching the conversation that is open: from the newest that has the words to older ones.
 */
import type { Message } from "@chatcore/client";
import { $, attempt } from "./dom.js";
import type { Model, Room } from "./model.js";

const FIND_MS = 250;
/** What the server answers at most, and nobody steps through. */
const FOUND_MAX = 100;

export class Finder {
  readonly #bar = $<HTMLFormElement>("#finder");
  readonly #input = $<HTMLInputElement>("#finder input");
  #hits: Message[] = [];
  #at = 0;
  #turn = 0;
  #timer = 0;

  constructor(readonly model: Model, readonly jump: (room: Room, seq: number) => Promise<void>,
    readonly closed: () => void) {
    this.#bar.onsubmit = (event) => {
      event.preventDefault();
      this.#step(1);
    };
    this.#input.oninput = () => {
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => attempt(this.#search()), FIND_MS);
    };
    this.#bar.onkeydown = (event) => this.#key(event);
    $("#older").onclick = () => this.#step(1);
    $("#newer").onclick = () => this.#step(-1);
    $("#find-close").onclick = () => this.#leave();
    $("#find").onclick = () => this.show();
  }

  show(): void {
    if (!this.model.open?.id) return;
    this.#bar.hidden = false;
    this.#input.select();
    this.#input.focus();
  }

  /** For another conversation, too. */
  close(): void {
    clearTimeout(this.#timer);
    this.#turn++;
    this.#bar.hidden = true;
    this.#input.value = "";
    this.#hits = [];
    this.#tell();
  }

  #leave(): void {
    this.close();
    this.closed();
  }

  #key(event: KeyboardEvent): void {
    const action = { Escape: () => this.#leave(), ArrowUp: () => this.#step(1), ArrowDown: () => this.#step(-1) }[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  async #search(): Promise<void> {
    const turn = ++this.#turn;
    const text = this.#input.value.trim();
    const room = this.model.open;
    const messages = text.length < 2 || !room?.id ? []
      : (await this.model.client.request("search", { text, conversation: room.id, limit: FOUND_MAX })).messages;
    if (turn !== this.#turn) return;
    this.#hits = messages.sort((a, b) => b.seq - a.seq);
    this.#at = 0;
    this.#step(0);
  }

  #step(by: number): void {
    const room = this.model.open;
    this.#at = Math.max(0, Math.min(this.#hits.length - 1, this.#at + by));
    this.#tell();
    const hit = this.#hits[this.#at];
    if (room && hit) attempt(this.jump(room, hit.seq));
  }

  #tell(): void {
    const count = this.#hits.length;
    const isAsking = this.#input.value.trim().length >= 2;
    $("#found").textContent = count ? `${this.#at + 1} of ${count}${count === FOUND_MAX ? "+" : ""}`
      : isAsking ? "Nothing found" : "";
    $<HTMLButtonElement>("#older").disabled = this.#at >= count - 1;
    $<HTMLButtonElement>("#newer").disabled = this.#at === 0;
  }
}
