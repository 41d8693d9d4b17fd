/*
 * Files in messages: pictures that are shown, others that are fetched, and those on their way out.
 * The server gives a URL for each, for a while.
 */
import type { Attachment, Entry, MediaFile } from "@chatcore/client";
import { $, attempt, icon, iconButton, make } from "./dom.js";
import type { Model } from "./model.js";

const SIDE_MAX = 320;

interface Url {
  url: string;
  expires: number;
}

export class Media {
  readonly #urls = new Map<string, Url>();
  /** Pictures were asked for without a connection. */
  hasBroken = false;

  /** `settled`: a picture has got its size. */
  constructor(readonly model: Model, readonly settled: () => void) {}

  draw(file: MediaFile): HTMLElement {
    const open = (): void => attempt(this.#open(file));
    if (!file.width && !file.type.startsWith("image/"))
      return make("button", { type: "button", class: "file", onclick: open }, icon("file"),
        make("span", { class: "name", dir: "auto" }, file.name ?? "A file"), make("span", { class: "faint" }, sizeText(file.bytes)));
    const image = make("img", { alt: file.name ?? "An image", onload: this.settled });
    if (file.width && file.height) Object.assign(image, fitted(file.width, file.height));
    const button = make("button", { type: "button", class: "image", "aria-label": `Open ${file.name ?? "the image"}`, onclick: open }, image);
    this.#url(file.thumbnail ?? file.media).then((url) => (image.src = url)).catch((error: Error) => {
      this.hasBroken ||= error.name === "offline";
      setTimeout(this.settled, 0);
      button.replaceChildren(make("span", { class: "faint" },
        error.name === "offline" ? "The picture comes with the connection." : `The picture cannot be shown: ${error.message}`));
    });
    return button;
  }

  /** One that is not sent yet, with how far it is. */
  drawLeaving(file: Attachment, state: Entry["state"] | "sent"): HTMLElement {
    const sent = this.model.sent.get(file) ?? 0;
    const bar = make("progress", { max: file.bytes.length, value: sent, "aria-label": `Sending ${file.name}`,
      hidden: state !== "sending" });
    this.#bars.set(file, bar);
    if (!file.type.startsWith("image/"))
      return make("div", { class: "leaving" }, make("span", { class: "file" }, icon("file"),
        make("span", { class: "name", dir: "auto" }, file.name), make("span", { class: "faint" }, sizeText(file.bytes.length))), bar);
    const url = URL.createObjectURL(new Blob([file.bytes as Uint8Array<ArrayBuffer>], { type: file.type }));
    const done = (): void => {
      URL.revokeObjectURL(url);
      this.settled();
    };
    return make("div", { class: "leaving image" },
      make("img", { src: url, alt: file.name, onload: done, onerror: done }), bar);
  }

  readonly #bars = new WeakMap<Attachment, HTMLProgressElement>();

  progressed(file: Attachment): void {
    const bar = this.#bars.get(file);
    if (!bar) return;
    bar.hidden = false;
    bar.value = this.model.sent.get(file) ?? 0;
  }

  async #url(id: string): Promise<string> {
    const known = this.#urls.get(id);
    if (known && known.expires > Date.now() + 10_000) return known.url;
    const reply = await this.model.client.request("media", { media: id });
    this.#urls.set(id, reply);
    return reply.url;
  }

  async #open(file: MediaFile): Promise<void> {
    const url = await this.#url(file.media);
    if (!file.type.startsWith("image/")) {
      make("a", { href: url, download: file.name ?? "", rel: "noopener", target: "_blank" }).click();
      return;
    }
    const dialog = $<HTMLDialogElement>("#dialog");
    dialog.className = "viewer";
    dialog.replaceChildren(make("h2", { id: "dialog-title", dir: "auto" }, file.name ?? "Image"),
      make("img", { src: url, alt: file.name ?? "An image" }), iconButton("close", "Close", () => dialog.close()));
    dialog.showModal();
  }
}

function fitted(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, SIDE_MAX / width, SIDE_MAX / height);
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

export function sizeText(bytes: number): string {
  if (!bytes) return "";
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1000))} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
