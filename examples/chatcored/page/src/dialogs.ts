/*
 * What opens over the conversation: a new chat, the details of one, the keyboard shortcuts.
 */
import type { Invitation, Member, Role } from "@chatcore/client";
import { $, attempt, face, iconButton, make } from "./dom.js";
import type { Model, Room } from "./model.js";

const dialog = $<HTMLDialogElement>("#dialog");
/** Below it everybody is on the screen. */
const SEARCH_FROM = 8;
const FOREVER = 253_402_300_000_000;

export function show(title: string, ...content: (Node | false | undefined)[]): void {
  dialog.className = "";
  delete dialog.dataset.conversation;
  dialog.replaceChildren(make("div", { class: "head" }, make("h2", { id: "dialog-title", dir: "auto", tabIndex: -1 }, title),
    iconButton("close", "Close", () => dialog.close())), ...content.filter((node): node is Node => Boolean(node)));
  if (dialog.open) return;
  dialog.showModal();
  (dialog.querySelector<HTMLElement>("[autofocus]") ?? dialog.querySelector("h2"))?.focus();
}

export const close = (): void => dialog.close();

export function field(label: string, properties: { [name: string]: unknown }): [HTMLLabelElement, HTMLInputElement] {
  const input = make("input", properties);
  return [make("label", {}, label, input), input];
}

/** The form's error line says what went wrong. */
export function form(action: () => Promise<void>, button: string, ...content: Node[]): HTMLFormElement {
  const error = make("div", { class: "error", role: "alert" });
  return make("form", { onsubmit: (event: Event) => {
    event.preventDefault();
    error.textContent = "";
    action().catch((why: Error) => (error.textContent = why.message));
  } }, ...content, error, make("button", { class: "primary" }, button));
}

const namesIn = (text: string): string[] => [...new Set(text.split(/[\s,]+/).filter(Boolean))];

export function newChat(model: Model, open: (room: Room) => void): void {
  const [people, users] = field("With whom?", { name: "users", placeholder: "bob, carol", required: true, autofocus: true });
  const [naming, name] = field("Name of the group", { name: "name", maxLength: 200 });
  const channel = make("input", { type: "checkbox", name: "channel" });
  const announce = make("label", { class: "check" }, channel, "Only admins write (a channel)");
  const others = (): string[] => namesIn(users.value).filter((user) => user !== model.me);
  naming.hidden = announce.hidden = true;
  users.oninput = () => (naming.hidden = announce.hidden = others().length < 2);
  show("New chat", form(async () => {
    const chosen = others();
    if (chosen.length === 0) throw new Error("With whom?");
    if (chosen.length === 1 && !name.value) {
      dialog.close();
      open(model.roomWith(chosen[0]!));
      return;
    }
    const title = name.value.trim() || [model.me, ...chosen].join(", ").slice(0, 60);
    const kind = channel.checked ? "channel" : "group";
    const reply = await model.client.request("create", { kind, name: title, members: chosen });
    const room = model.room(reply.conversation);
    Object.assign(room, { kind, name: room.name || title, role: "owner" });
    dialog.close();
    open(room);
  }, "Start", make("p", { class: "faint" }, "One name starts a direct chat. Several, separated by commas, make a group."),
  people, naming, announce));
}

export function shortcuts(): void {
  const rows: [string, string][] = [["Ctrl K", "search"], ["Ctrl F", "search this conversation"], ["Alt N", "new chat"], ["Alt ↑ / Alt ↓", "previous, next conversation"],
    ["↑ in an empty message", "to the messages; ↑ ↓ move"], ["R, E, Delete, Enter", "reply, edit, delete, react"],
    ["Enter", "send"], ["Shift Enter", "new line"], ["Esc", "cancel, close"]];
  show("Keyboard shortcuts", make("dl", { class: "keys" }, ...rows.flatMap(([keys, what]) =>
    [make("dt", {}, make("kbd", {}, keys)), make("dd", {}, what)])));
}

/* --- details --------------------------------------------------------------------------------- */

const MUTES: [string, number][] = [["For 1 hour", 3_600_000], ["For 8 hours", 28_800_000],
  ["For a week", 604_800_000], ["Until I unmute", 0]];

function muting(model: Model, room: Room): HTMLElement {
  const mute = (until: number): void => attempt(
    model.client.request("mute", { conversation: room.id!, until }).then(() => {
      room.muted = until > 0;
      model.changed("list");
      details(model);
    }));
  if (room.muted) return make("button", { type: "button", class: "wide", onclick: () => mute(0) }, "Unmute notifications");
  return make("details", { class: "wide" }, make("summary", {}, "Mute notifications"),
    make("div", { class: "choices" }, ...MUTES.map(([text, ms]) => make("button",
      { type: "button", onclick: () => mute(ms ? Date.now() + ms : FOREVER) }, text))));
}

function person(model: Model, room: Room): void {
  const isBlocked = model.blocked.has(room.peer);
  const status = model.statuses.get(room.peer);
  const act = (key: "block" | "unblock" | "add_contact"): void => attempt(
    model.client.request(key, { user: room.peer }).then(() => {
      if (key !== "add_contact") model.setBlocked(room.peer, key === "block");
      if (key === "add_contact") dialog.close();
      else details(model);
    }));
  const name = model.titleOf(room);
  show(name, make("div", { class: "portrait" }, face(name, room.peer),
    name !== room.peer && make("p", { class: "faint", dir: "auto" }, `@${room.peer}`),
    make("p", { class: "faint" }, status?.status ?? "")),
    room.id ? muting(model, room) : undefined,
    make("button", { type: "button", class: "wide", onclick: () => act("add_contact") }, "Add to contacts"),
    make("button", { type: "button", class: "wide danger", onclick: () => act(isBlocked ? "unblock" : "block") },
      isBlocked ? `Unblock ${name}` : `Block ${name}`));
}

export function details(model: Model): void {
  const room = model.open;
  if (!room) return;
  if (room.kind === "direct") person(model, room);
  else attempt(group(model, room));
}

/** What stands in a field of the details that are open: drawing them anew must not take it away. */
function typed(conversation: string, name: string): string | undefined {
  if (!dialog.open || dialog.dataset.conversation !== conversation) return undefined;
  return dialog.querySelector<HTMLInputElement>(`[name=${name}]`)?.value;
}

async function group(model: Model, room: Room): Promise<void> {
  const conversation = room.id!;
  const { members } = await model.client.request("members", { conversation, limit: 200 });
  room.role = members.find((member) => member.user === model.me)?.role ?? room.role;
  const mayManage = room.role === "owner" || room.role === "admin";
  const [naming, name] = field("Name", { name: "name", value: typed(conversation, "name") ?? room.name, maxLength: 200 });
  const [adding, added] = field("Add people", { name: "add", value: typed(conversation, "add") ?? "", placeholder: "dave, erin" });
  const again = (): Promise<void> => group(model, room);
  model.names.want(members.map((member) => member.user));
  show(model.titleOf(room),
    mayManage && inline(async () => {
      await model.client.request("update", { conversation, name: name.value.trim() });
    }, "Rename", naming),
    mayManage && inline(async () => {
      const users = namesIn(added.value);
      if (users.length) await model.client.request("add", { conversation, users });
      added.value = "";
      await again();
    }, "Add", adding),
    mayManage && make("button", { type: "button", class: "wide", onclick: () => attempt(invitations(model, room)) }, "Invite link"),
    make("h3", {}, members.length === 1 ? "1 member" : `${members.length} members`),
    members.length > SEARCH_FROM && finder(),
    make("ul", { class: "members" }, ...members.map((member) => memberRow(model, room, member, again))),
    muting(model, room),
    make("button", { type: "button", class: "wide danger", onclick: () => attempt(
      model.client.request("leave", { conversation }).then(() => dialog.close())) }, "Leave"));
  dialog.dataset.conversation = conversation;
}

/** One line: the field, and the button behind it. */
function inline(action: () => Promise<void>, button: string, label: Node): HTMLFormElement {
  const made = form(action, button, label);
  made.className = "inline";
  return made;
}

function finder(): HTMLElement {
  const input = make("input", { type: "search", placeholder: "Find a member", "aria-label": "Find a member" });
  input.oninput = () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of dialog.querySelectorAll<HTMLElement>(".members li"))
      row.hidden = !row.textContent!.toLowerCase().includes(wanted);
  };
  return input;
}

function memberRow(model: Model, room: Room, member: Member, again: () => Promise<void>): HTMLElement {
  const { user } = member;
  const conversation = room.id!;
  const name = model.names.of(user);
  const row = make("li", {}, face(name, user), make("span", { class: "grow" },
    make("div", { class: "name", dir: "auto" }, user === model.me ? `${name} (you)` : name),
    name !== user && make("div", { class: "faint", dir: "auto" }, `@${user}`)));
  if (room.role === "owner" && user !== model.me) {
    const select = make("select", { "aria-label": `Role of ${name}` },
      ...["owner", "admin", "member"].map((role) => make("option", { value: role, selected: role === member.role }, role)));
    select.onchange = () => attempt(model.client.request("role", { conversation, user, role: select.value as Role }).finally(again));
    row.append(select);
  } else {
    row.append(make("span", { class: "faint" }, member.role));
  }
  const mayRemove = user !== model.me && (room.role === "owner" || (room.role === "admin" && member.role === "member"));
  if (mayRemove) row.append(iconButton("close", `Remove ${name}`, () => attempt(
    model.client.request("remove", { conversation, users: [user] }).then(again))));
  return row;
}

/* --- invitations ----------------------------------------------------------------------------- */

const LASTS: [string, number][] = [["for a week", 604_800], ["for a day", 86_400], ["until revoked", 0]];
const USES: [string, number][] = [["any number", 0], ["1 person", 1], ["10 people", 10]];

/** The token stands behind the #: what is there goes to no server and into no log. */
const linkOf = (token: string): string => `${location.origin}${location.pathname}#join=${token}`;

/** Takes the token out of the address, for the address to be shown around without it. */
export function takeInvitation(): string {
  const token = new URLSearchParams(location.hash.slice(1)).get("join") ?? "";
  if (token) history.replaceState(null, "", location.pathname + location.search);
  return token;
}

/* Without a secure context there is no clipboard: the link is selected, to be copied by hand. */
async function copy(input: HTMLInputElement, button: HTMLButtonElement): Promise<void> {
  input.select();
  await navigator.clipboard.writeText(input.value);
  button.textContent = "Copied";
}

function invitationRow(one: Invitation, revoke: () => void): HTMLElement {
  const link = make("input", { readOnly: true, value: linkOf(one.token), "aria-label": "Invite link" });
  const button = make("button", { type: "button", class: "primary", onclick: () => attempt(copy(link, button)) }, "Copy");
  const left = one.max_uses ? `${one.uses} of ${one.max_uses} joined` : `${one.uses} joined`;
  const until = one.expires ? `until ${new Date(one.expires).toLocaleDateString()}` : "until revoked";
  return make("li", {}, make("span", { class: "grow" }, link, make("span", { class: "faint" }, `${left}, ${until}`)),
    button, iconButton("close", "Revoke this link", revoke));
}

const choice = (label: string, name: string, choices: [string, number][]): HTMLLabelElement => make("label", {}, label,
  make("select", { name }, ...choices.map(([text, value]) => make("option", { value }, text))));

async function invitations(model: Model, room: Room): Promise<void> {
  const conversation = room.id!;
  const again = (): Promise<void> => invitations(model, room);
  const found = await model.client.request("invitations", { conversation });
  const lasting = choice("It works", "expires", LASTS);
  const counting = choice("For", "uses", USES);
  const chosen = (label: HTMLElement): number => Number(label.querySelector("select")!.value);
  show("Invite link", make("p", { class: "faint" }, "Whoever has a link can join."),
    make("ul", { class: "members links" }, ...found.invitations.map((one) => invitationRow(one, () => attempt(
      model.client.request("revoke_invitation", { conversation, token: one.token }).then(again))))),
    form(async () => {
      await model.client.request("invite", { conversation, expires_s: chosen(lasting), max_uses: chosen(counting) });
      await again();
    }, "New link", make("div", { class: "pair" }, lasting, counting)));
}

/** Shows where an invitation leads to, and asks. */
export async function join(model: Model, token: string, open: (room: Room) => void): Promise<void> {
  const to = await model.client.request("invitation", { token });
  const name = to.name || "this group";
  const enter = (conversation: string): void => {
    const room = model.room(conversation);
    Object.assign(room, { kind: to.kind, name: to.name });
    if (dialog.open) dialog.close();
    open(room);
  };
  if (to.conversation) return enter(to.conversation);
  show("Invitation", make("div", { class: "portrait" }, face(name), make("p", { dir: "auto" }, name),
    make("p", { class: "faint" }, `${to.members} members`)), form(async () => {
    const joined = await model.client.request("join", { token });
    enter(joined.conversation);
  }, `Join ${name}`));
}
