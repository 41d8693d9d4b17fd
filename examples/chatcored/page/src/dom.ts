/*
 * Making elements. What others wrote gets into the page as textContent only, never as markup.
 */
type Child = Node | string | null | undefined | false;
type Properties = { [name: string]: unknown };

const SVG = "http://www.w3.org/2000/svg";
const ICONS: { [name: string]: string } = {
  plus: "M12 5v14M5 12h14",
  out: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  back: "M15 5l-7 7 7 7",
  dots: "M12 5.5v.01M12 12v.01M12 18.5v.01",
  close: "M6 6l12 12M18 6L6 18",
  clip: "M8 12.5l6.5-6.5a3 3 0 014.3 4.3L10.5 18.500a5 5 0 01-7-7L11 4",
  send: "M4 12l16-8-5 16-3.500-6.500zM11.500 13.500L20 4",
  smile: "M12 3a9 9 0 100 18 9 9 0 000-18M8.500 14.500a4.500 4.500 0 007 0M9 9.500v.01M15 9.500v.01",
  reply: "M9 7l-5 5 5 5M4 12h9a7 7 0 017 7",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  bin: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13",
  clock: "M12 4a8 8 0 100 16 8 8 0 000-16M12 8v4l3 2",
  check: "M5 12.500l4.500 4.500L19 7.500",
  checks: "M2 12.500l4.500 4.500L16 7.500M11.500 16l1 1L22 7.500",
  alert: "M12 4a8 8 0 100 16 8 8 0 000-16M12 8v5M12 16v.01",
  mute: "M6 16V11a6 6 0 019-5.200M18 11v5l1.500 2h-13M10 20.500h4M4 4l16 16",
  down: "M6 9.500l6 6 6-6",
  up: "M6 14.500l6-6 6 6",
  search: "M10.500 5a5.500 5.500 0 100 11 5.500 5.500 0 000-11M15 15l5 5",
  gear: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500a2.500 2.500 0 100 5 2.500 2.500 0 000-5M9 14.500a2.500 2.500 0 100 5 2.500 2.500 0 000-5",
  file: "M7 3h7l4 4v14H7zM14 3v4h4",
};

export const $ = <T extends HTMLElement = HTMLElement>(selector: string): T =>
  document.querySelector<T>(selector)!;

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K, properties: Properties = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name === "class") element.className = String(value);
    else if (name in element && !name.startsWith("aria-")) (element as never as Properties)[name] = value;
    else element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

export function icon(name: string): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name] ?? "");
  svg.append(path);
  return svg;
}

export function iconButton(name: string, label: string, onclick: () => void): HTMLButtonElement {
  return make("button", { type: "button", class: "icon", "aria-label": label, title: label, onclick },
    icon(name));
}

function hueOf(name: string): number {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)!) >>> 0;
  return hash % 360;
}

export const colourOf = (name: string): string => `hsl(${hueOf(name)} 50% 38%)`;

/** The colour is the user's, whatever he calls himself. */
export function face(name: string, of = name): HTMLElement {
  const element = make("span", { class: "face", "aria-hidden": "true" }, [...name][0] ?? "?");
  element.style.background = colourOf(of);
  return element;
}

export interface Item {
  key: string;
  /** Changes when the element has to be made anew. */
  sign: string;
  make(): HTMLElement;
}

/* Elements that stay are not touched, so that focus stays and screen readers say only what is new. */
export function reconcile(parent: HTMLElement, items: Item[]): void {
  const old = new Map([...parent.children].map((child) => [(child as HTMLElement).dataset["key"], child]));
  let at: ChildNode | null = parent.firstChild;
  for (const { key, sign, make: build } of items) {
    let element = old.get(key) as HTMLElement | undefined;
    old.delete(key);
    if (!element || element.dataset["sign"] !== sign) {
      const fresh = build();
      Object.assign(fresh.dataset, { key, sign });
      if (element) {
        const hadFocus = element.contains(document.activeElement);
        if (element === at) at = fresh;
        element.replaceWith(fresh);
        if (hadFocus) (fresh.tabIndex >= 0 ? fresh : fresh.querySelector<HTMLElement>("button"))?.focus();
      }
      element = fresh;
    }
    if (element === at) at = element.nextSibling;
    else parent.insertBefore(element, at);
  }
  for (const element of old.values()) element.remove();
}

/* Made once: making one takes longer than all else that draws a line. */
const CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat([], { day: "numeric", month: "short" });
const LONG_DAY = new Intl.DateTimeFormat([], { day: "numeric", month: "long", year: "numeric" });

export const clockTime = (ts: number): string => CLOCK.format(ts);

const midnight = (daysAgo: number): number => {
  const date = new Date();
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - daysAgo).getTime();
};

export function dayOf(ts: number): string {
  if (ts >= midnight(0) && ts < midnight(-1)) return "Today";
  if (ts >= midnight(1) && ts < midnight(0)) return "Yesterday";
  return LONG_DAY.format(ts);
}

export function when(ts: number | undefined): string {
  if (!ts) return "";
  return ts >= midnight(0) && ts < midnight(-1) ? CLOCK.format(ts) : DAY.format(ts);
}

/** Arrow keys move the focus among the elements; one of them is in the tab order. */
export function rove(list: HTMLElement, selector: string): void {
  list.addEventListener("keydown", (event) => {
    const items = [...list.querySelectorAll<HTMLElement>(selector)];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const step = { ArrowDown: at + 1, ArrowUp: at < 0 ? items.length - 1 : at - 1, Home: 0,
      End: items.length - 1 }[event.key];
    if (step === undefined || (at < 0 && document.activeElement !== list)) return;
    event.preventDefault();
    items[Math.max(0, Math.min(step, items.length - 1))]?.focus();
  });
}

const TOAST_MS = 5000;
let toastTimer = 0;

export function toast(text: string): void {
  const box = $("#toast");
  box.textContent = text;
  box.showPopover(); /* above an open dialog */
  clearTimeout(toastTimer);
  toastTimer = window.setTimeout(() => {
    box.textContent = "";
    box.hidePopover();
  }, TOAST_MS);
}

/** For what may fail and needs no other answer than being told. */
export function attempt(work: Promise<unknown>): void {
  work.catch((error: Error) => toast(error.message));
}
