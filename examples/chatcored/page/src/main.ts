/*
 * The page: logging in, the list of conversations, the one that is open, and keys. What it knows is
 * in the model; the parts draw what the model says has changed, once a frame.
 */
import { Composer } from "./composer.js";
import { details, join, newChat, shortcuts, takeInvitation } from "./dialogs.js";
import { $, attempt, face, icon, toast, when } from "./dom.js";
import { Finder } from "./find.js";
import { List } from "./list.js";
import { Model, type Room } from "./model.js";
import { inText } from "./names.js";
import { settings } from "./settings.js";
import { Thread } from "./thread.js";

let model: Model | undefined;
let thread: Thread;
let composer: Composer;
let list: List;
let finder: Finder;
const dirty = new Set<string>();

/* --- drawing ---------------------------------------------------------------------------------- */

const draws: { [what: string]: () => void } = {
  list: () => list.draw(),
  room: drawRoom,
  head: drawHead,
  typing: drawTyping,
  state: drawState,
  me: drawMe,
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

function drawRoom(): void {
  const room = model!.open;
  $("#app").classList.toggle("open", Boolean(room));
  $("#room").hidden = !room;
  $("#welcome").hidden = Boolean(room);
  if (room) thread.draw();
}

const membersText = (count: number): string =>
  (count === 0 ? "" : count === 1 ? "1 member" : `${count} members`);

function drawHead(): void {
  const room = model!.open;
  if (!room) return;
  const status = model!.statuses.get(room.peer);
  const isOnline = room.kind === "direct" && status?.status === "online";
  const title = model!.titleOf(room);
  $("#title").textContent = title;
  $("#room-face").replaceChildren(face(title, room.peer || room.key));
  $("#subtitle").classList.toggle("accent", isOnline);
  $("#subtitle").textContent = room.kind !== "direct" ? membersText(room.members)
    : isOnline ? "online" : status?.last_seen ? `last seen ${when(status.last_seen)}` : "";
  const mayWrite = room.kind !== "channel" || room.role === "owner" || room.role === "admin";
  $("#find").hidden = !room.id;
  $("#compose").hidden = !mayWrite;
  $("#readonly").hidden = mayWrite;
}

function drawTyping(): void {
  const names = [...(model!.open?.typing.keys() ?? [])].map((user) => model!.names.of(user));
  $("#typing").textContent = names.length === 0 ? ""
    : names.length === 1 ? `${inText(names[0]!)} is typing …` : `${names.length} people are typing …`;
}

function drawMe(): void {
  const name = model!.names.of(model!.me);
  if ($("#me").textContent === name) return;
  $("#me").textContent = name;
  $("#my-face").replaceChildren(face(name, model!.me));
}

function drawState(): void {
  const { status, code, reason } = model!.client.state;
  const text = { waiting: "No connection. What you write is sent later.", connecting: "Connecting …" }[status as string] ?? "";
  $("#link").textContent = status === "online" ? "online" : status === "catching up" ? "updating …" : "offline";
  $("#status").textContent = text;
  if (status === "online") model!.names.want([model!.me]);
  if (status === "online") joinInvited();
  if (status === "refused") logout(code === 4501 ? "Please log in again." : reason || "The server said no.");
}

/* An address with #join=TOKEN asks, as soon as there is somebody who can join. */
function joinInvited(): void {
  if (model?.client.state.status !== "online") return;
  const token = takeInvitation();
  if (token) attempt(join(model, token, show));
}

function show(room: Room | undefined): void {
  const before = model!.open;
  if (room && room !== before) room.newFrom = room.unread > 0 ? room.read + 1 : 0;
  if (before) before.draft = composer.text;
  if (room !== before) finder.close();
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
  const jump = (room: Room, seq: number): Promise<void> => thread.jump(room, seq);
  list = new List(model, show, jump);
  finder = new Finder(model, jump, () => composer.focus());
  $("#login").hidden = true;
  $("#app").hidden = false;
  for (const draw of Object.values(draws)) draw();
  attempt(model.start());
}

/* Who leaves by himself leaves nothing; whom the server sends away comes back. */
function logout(why = ""): void {
  attempt(model?.stop(!why) ?? Promise.resolve());
  model = undefined;
  list?.end();
  const storage = loginStorage();
  for (const key of LOGIN) storage.removeItem(key);
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

function key(event: KeyboardEvent): void {
  if (!model || $<HTMLDialogElement>("#dialog").open) return;
  const isWriting = /^(INPUT|TEXTAREA|SELECT)$/.test((event.target as HTMLElement).tagName);
  const name = `${event.ctrlKey || event.metaKey ? "Ctrl " : ""}${event.altKey ? "Alt " : ""}${event.key}`;
  const actions: { [name: string]: () => void } = {
    "Ctrl k": () => $("#search").focus(),
    "Ctrl f": () => finder.show(),
    "Alt n": () => newChat(model!, show),
    "Alt ArrowUp": () => list.step(-1),
    "Alt ArrowDown": () => list.step(1),
    Escape: () => (event.target === $("#search") ? list.clearSearch() : composer.focus()),
  };
  if (!isWriting) actions["?"] = shortcuts;
  if (!actions[name]) return;
  event.preventDefault();
  actions[name]();
}

function wire(): void {
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
  document.addEventListener("keydown", key);
  window.addEventListener("hashchange", joinInvited);
  window.addEventListener("focus", () => {
    if (!model?.open) return;
    model.acknowledge(model.open);
    list.draw();
  });
}

wire();
void navigator.serviceWorker?.register("/sw.js").catch(() => {}); /* without it the page needs a network */
const known = loginStorage();
if (known["user"]) start(known["user"], known["token"], known["dev"] === "yes");
