/*
 * Choosing a reaction: six at hand, some more behind a button, and any other by typing it.
 */
import { make } from "./dom.js";

const QUICK = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const MORE = [...QUICK, ..."🎉 🔥 👏 💯 ✅ ❌ 👀 🤔 🙂 😉 😊 😍 🥳 😎 😅 😴 😬 😡 😱 🤯 🙄 🤝 💪 👋 👌 ✌️ 🤞 👎 🚀 ⭐ 💡 ☕ 🍕 🎂 🌱 ☀️ 💔 🧡 💚 💙 💜 🤍".split(" ")];
/** Of a reaction's text, by the protocol. */
const BYTES_MAX = 64;

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The emoji that a text begins with, or undefined. */
export function emojiOf(text: string): string | undefined {
  const first = [...segmenter.segment(text.trim())][0]?.segment ?? "";
  const isEmoji = /\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u.test(first);
  return isEmoji && new TextEncoder().encode(first).length <= BYTES_MAX ? first : undefined;
}

export function emojiPicker(chosen: (emoji: string) => void): HTMLElement {
  const picker = make("div", { class: "picker", role: "group", "aria-label": "Reactions" });
  const buttons = (all: string[]): HTMLElement[] => all.map((emoji) => make("button",
    { type: "button", "aria-label": emoji, onclick: () => chosen(emoji) }, emoji));
  const more = make("button", { type: "button", class: "more", "aria-label": "More reactions", title: "More reactions",
    onclick: () => {
      picker.classList.add("all");
      picker.replaceChildren(anyOther(chosen), ...buttons(MORE));
      picker.querySelector("input")!.focus();
      picker.scrollIntoView({ block: "nearest" });
    } }, "＋");
  picker.append(...buttons(QUICK), more);
  return picker;
}

function anyOther(chosen: (emoji: string) => void): HTMLInputElement {
  const input: HTMLInputElement = make("input", { placeholder: "Or type any emoji", "aria-label": "Any emoji", autocomplete: "off",
    oninput: () => {
      const emoji = emojiOf(input.value);
      if (emoji) chosen(emoji);
    } });
  return input;
}
