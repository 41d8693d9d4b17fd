/*
 * The page: logging in, the list of conversations, the one that is open, and keys. What it knows is
 * in the model; the parts draw what the model says has changed, once a frame.
 */
import { Composer } from "./composer.js";
import { details, newChat, shortcuts } from "./dialogs.js";
import { $, attempt, face, icon, make, reconcile, rove, toast, when, type Item } from "./dom.js";
import { Model, titleOf, type Room } from "./model.js";
import { settings } from "./settings.js";
import { Thread } from "./thread.js";

const SEARCH_MS = 250;

let model: Model | undefined;
let thread: Thread;
let composer: Composer;
let found: { room: Room; seq: number; text: string; ts: number }[] = [];
const dirty = new Set<string>();

/* --- drawing ---------------------------------------------------------------------------------- */

const draws: { [what: string]: () => void } = {
  list: drawList,
  room: drawRoom,
  head: drawHead,
  typing: drawTyping,
  state: drawState,
};

/* setTimeout, for a page in the background has no frames, and its title tells what is unread. */
function changed(what: string): void {
  if (dirty.size === 0) setTimeout(() => {
    const parts = [...dirty];
    dirty.clear();
    if (model) for (const part of parts) draws[part]!();
  }, 0);
  dirty.add(what);
}

function roomItem(room: Room): Item {
  const isOpen = room === model!.open;
  const isOnline = room.kind === "direct" && model!.statuses.get(room.peer)?.status === "online";
  const line = room.typing.size ? "typing …" : room.preview;
  const sign = JSON.stringify([titleOf(room), line, room.unread, isOpen, isOnline, room.muted, when(room.ts)]);
  return { key: room.key, sign, make: () => {
    const picture = face(titleOf(room));
    if (isOnline) picture.classList.add("online");
    return make("li", {}, make("button", { type: "button", class: "entry", "aria-current": String(isOpen), onclick: () => show(room) },
      picture, make("span", { class: "name", dir: "auto" }, titleOf(room)), make("span", { class: "time" }, when(room.ts)),
      make("span", { dir: "auto", class: room.typing.size ? "faint accent" : "faint" }, line),
      make("span", { class: "marks" }, room.muted && icon("mute"),
        room.unread > 0 && make("span", { class: "badge", role: "img", "aria-label": `${room.unread} unread` },
          room.unread > 99 ? "99+" : String(room.unread)))));
  } };
}

function sortedRooms(): Room[] {
  const wanted = $<HTMLInputElement>("#search").value.trim().toLowerCase();
  return [...model!.rooms.values()].filter((room) => titleOf(room).toLowerCase().includes(wanted))
    .sort((a, b) => b.ts - a.ts);
}

function drawList(): void {
  const items = sortedRooms().map(roomItem);
  for (const { room, seq, text, ts } of found)
    items.push({ key: `found ${room.key} ${seq}`, sign: text, make: () => make("li", {}, make("button",
      { type: "button", class: "entry result", onclick: () => {
        show(room);
        attempt(thread.jump(room, seq));
      } }, face(titleOf(room)), make("span", { class: "name" }, titleOf(room)),
      make("span", { class: "time" }, when(ts)), make("span", { class: "faint" }, text))) });
  reconcile($("#list"), items);
  $("#empty").hidden = items.length > 0;
  const unread = [...model!.rooms.values()].reduce((sum, room) => sum + (room.muted ? 0 : room.unread), 0);
  document.title = `${unread ? `(${unread}) ` : ""}chatcore`;
}

function drawRoom(): void {
  const room = model!.open;
  $("#app").classList.toggle("open", Boolean(room));
  $("#room").hidden = !room;
  $("#welcome").hidden = Boolean(room);
  if (room) thread.draw();
}

function drawHead(): void {
  const room = model!.open;
  if (!room) return;
  const status = model!.statuses.get(room.peer);
  const isOnline = room.kind === "direct" && status?.status === "online";
  $("#title").textContent = titleOf(room);
  $("#room-face").replaceChildren(face(titleOf(room)));
  $("#subtitle").classList.toggle("accent", isOnline);
  $("#subtitle").textContent = room.kind !== "direct" ? `${room.members || ""} members`
    : isOnline ? "online" : status?.last_seen ? `last seen ${when(status.last_seen)}` : "";
  const mayWrite = room.kind !== "channel" || room.role === "owner" || room.role === "admin";
  $("#compose").hidden = !mayWrite;
  $("#readonly").hidden = mayWrite;
}

function drawTyping(): void {
  const names = [...(model!.open?.typing.keys() ?? [])];
  $("#typing").textContent = names.length === 0 ? ""
    : names.length === 1 ? `${names[0]} is typing …` : `${names.length} people are typing …`;
}

function drawState(): void {
  const { status, code, reason } = model!.client.state;
  const text = { waiting: "No connection. What you write is sent later.", connecting: "Connecting …" }[status as string] ?? "";
  $("#link").textContent = status === "online" ? "online" : status === "catching up" ? "updating …" : "offline";
  $("#status").textContent = text;
  if (status === "refused") logout(code === 4501 ? "Please log in again." : reason || "The server said no.");
}

function show(room: Room | undefined): void {
  const before = model!.open;
  if (room && room !== before) room.newFrom = room.unread > 0 ? room.read + 1 : 0;
  if (before) before.draft = composer.text;
  model!.open = room;
  for (const what of ["list", "room", "head", "typing"]) draws[what]!();
  if (!room) return;
  composer.reset(room.draft);
  if (room.id && !room.isLoaded && model!.isOnline) attempt(model!.load(room));
  model!.watch(room);
  model!.acknowledge(room);
  composer.focus();
}

/* --- logging in ------------------------------------------------------------------------------- */

class NoTokens extends Error {}

async function devToken(user: string): Promise<string> {
  const response = await fetch("/v1/dev/token", { method: "POST", body: JSON.stringify({ user }),
    headers: { "Content-Type": "application/json" } });
  if (response.status === 400) throw new Error("This name can’t be used.");
  if (!response.ok) throw new NoTokens("This server gives no tokens by itself: paste one.");
  return ((await response.json()) as { token: string }).token;
}

/* What a JWT says; the server decides. */
function userOf(token: string): string {
  try {
    const part = token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (char) => char.charCodeAt(0));
    return String((JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown }).sub ?? "me");
  } catch {
    throw new Error("This is not a token.");
  }
}

/* Of this tab; of this device when the user wants to stay logged in. */
const LOGIN = ["user", "token", "dev", "device"];
const loginStorage = (): Storage => (sessionStorage["user"] ? sessionStorage : localStorage);

function remember(storage: Storage, user: string, token: string, isDev: boolean): void {
  const device = storage["device"] ?? `web-${Math.random().toString(36).slice(2, 12)}`;
  Object.assign(storage, { user, token, dev: isDev ? "yes" : "", device });
}

function start(user: string, first: string, isDev: boolean): void {
  let token: string | undefined = first;
  model = new Model(user, loginStorage()["device"], async (reason) => {
    if (reason !== "connect" && isDev) token = await devToken(user);
    return token;
  });
  model.changed = changed;
  model.told = toast;
  thread = new Thread(model, { reply: (message) => composer.reply(message),
    edit: (target, text) => composer.edit(target, text) });
  composer = new Composer(model);
  $("#me").textContent = user;
  $("#my-face").replaceChildren(face(user));
  $("#login").hidden = true;
  $("#app").hidden = false;
  for (const draw of Object.values(draws)) draw();
  attempt(model.start());
}

/* Who leaves by himself leaves nothing; whom the server sends away comes back. */
function logout(why = ""): void {
  attempt(model?.stop(!why) ?? Promise.resolve());
  model = undefined;
  found = [];
  const storage = loginStorage();
  for (const key of LOGIN) storage.removeItem(key);
  $("#list").replaceChildren();
  $("#messages").replaceChildren();
  $("#app").hidden = true;
  $("#app").classList.remove("open");
  $("#login").hidden = false;
  $("#login .error").textContent = why;
}

function wantToken(wants: boolean): void {
  $("#login-token").hidden = !wants;
  $("#login-name").hidden = wants;
  $("#login-other").textContent = wants ? "I have a name only" : "I have a token";
  $("#login-hint").textContent = wants ? "Paste the token that your service gave you."
    : "Choose a name and start. In a second window you can be somebody else.";
}

async function login(form: HTMLFormElement): Promise<void> {
  const data = new FormData(form);
  if (!$("#login-token").hidden) {
    const token = String(data.get("token")).trim();
    enter(data, userOf(token), token, false);
    return;
  }
  const user = String(data.get("user")).trim();
  if (!user) throw new Error("Choose a name.");
  enter(data, user, await devToken(user), true);
}

function enter(data: FormData, user: string, token: string, isDev: boolean): void {
  remember(data.get("keep") ? localStorage : sessionStorage, user, token, isDev);
  start(user, token, isDev);
}

/* --- what the user does ----------------------------------------------------------------------- */

let searching = 0;

async function search(text: string): Promise<void> {
  const turn = ++searching;
  const messages = text.length < 2 ? []
    : (await model!.client.request("search", { text, limit: 30 })).messages;
  if (turn !== searching) return;
  found = messages.map((message) => ({ room: model!.room(message.conversation), seq: message.seq,
    text: message.text ?? "", ts: message.ts }));
  drawList();
}

function step(by: number): void {
  const rooms = sortedRooms();
  const at = model!.open ? rooms.indexOf(model!.open) : -1;
  const next = rooms[Math.max(0, Math.min(rooms.length - 1, at + by))];
  if (next) show(next);
}

function key(event: KeyboardEvent): void {
  if (!model || $<HTMLDialogElement>("#dialog").open) return;
  const isWriting = /^(INPUT|TEXTAREA|SELECT)$/.test((event.target as HTMLElement).tagName);
  const name = `${event.ctrlKey || event.metaKey ? "Ctrl " : ""}${event.altKey ? "Alt " : ""}${event.key}`;
  const actions: { [name: string]: () => void } = {
    "Ctrl k": () => $("#search").focus(),
    "Alt n": () => newChat(model!, show),
    "Alt ArrowUp": () => step(-1),
    "Alt ArrowDown": () => step(1),
    Escape: () => (event.target === $("#search") ? clearSearch() : composer.focus()),
  };
  if (!isWriting) actions["?"] = shortcuts;
  if (!actions[name]) return;
  event.preventDefault();
  actions[name]();
}

function clearSearch(): void {
  $<HTMLInputElement>("#search").value = "";
  found = [];
  drawList();
}

function wire(): void {
  let timer = 0;
  for (const button of document.querySelectorAll<HTMLElement>("[data-icon]"))
    button.append(icon(button.dataset["icon"]!));
  $("#login form").onsubmit = (event) => {
    event.preventDefault();
    $("#login .error").textContent = "";
    login(event.target as HTMLFormElement).catch((error: Error) => {
      if (error instanceof NoTokens) wantToken(true);
      $("#login .error").textContent = error.message;
    });
  };
  $("#login-other").onclick = () => wantToken($("#login-token").hidden);
  $("#logout").onclick = () => logout();
  $("#settings").onclick = () => settings(model!);
  $("#back").onclick = () => show(undefined);
  $("#new").onclick = () => newChat(model!, show);
  $("#details").onclick = $("#menu").onclick = () => details(model!);
  $("#search").oninput = () => {
    clearTimeout(timer);
    drawList();
    timer = window.setTimeout(() => attempt(search($<HTMLInputElement>("#search").value.trim())), SEARCH_MS);
  };
  rove($("#list"), ".entry");
  document.addEventListener("keydown", key);
  window.addEventListener("focus", () => {
    if (!model?.open) return;
    model.acknowledge(model.open);
    drawList();
  });
}

wire();
void navigator.serviceWorker?.register("/sw.js").catch(() => {}); /* without it the page needs a network */
const known = loginStorage();
if (known["user"]) start(known["user"], known["token"], known["dev"] === "yes");
