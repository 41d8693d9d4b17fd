/*
 * The user's own settings: name, who may see what, when notifications may come. They stand in the
 * profile, on the server; its `meta` may hold more than this page knows, and keeps it.
 */
import type { Audience, Commands, Meta, ReadMarks } from "@chatcore/client";
import { close, field, form, show } from "./dialogs.js";
import { attempt, make, toast } from "./dom.js";
import type { Model } from "./model.js";

interface Notify {
  quiet?: { from: number; to: number; offset: number };
  preview?: boolean;
}

const clock = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;

const minutesOf = (text: string): number => {
  const [hours = 0, minutes = 0] = text.split(":").map(Number);
  return hours * 60 + minutes;
};

function choice(label: string, value: string, options: [string, string][]): [HTMLElement, HTMLSelectElement] {
  const select = make("select", {}, ...options.map(([key, text]) =>
    make("option", { value: key, selected: key === value }, text)));
  return [make("label", {}, label, select), select];
}

function check(label: string, checked: boolean): [HTMLElement, HTMLInputElement] {
  const input = make("input", { type: "checkbox", checked });
  return [make("label", { class: "check" }, input, label), input];
}

export function settings(model: Model): void {
  attempt(draw(model));
}

async function draw(model: Model): Promise<void> {
  const profile = await model.client.request("profile", {});
  const notify = (profile.meta?.["notify"] ?? {}) as Notify;
  const [naming, name] = field("Name", { name: "name", value: profile.name ?? "", maxLength: 60, placeholder: model.me });
  const [seeing, presence] = choice("Who sees when I am online", profile.presence ?? "everyone",
    [["everyone", "Everyone I share a conversation with"], ["contacts", "My contacts"], ["nobody", "Nobody"]]);
  const [marking, marks] = check("Tell others what I have read", profile.read_marks !== "private");
  const [previewing, preview] = check("Show texts in notifications", notify.preview !== false);
  const [resting, quiet] = check("Quiet hours", Boolean(notify.quiet));
  const [starting, from] = field("From", { type: "time", value: clock(notify.quiet?.from ?? 22 * 60) });
  const [ending, to] = field("To", { type: "time", value: clock(notify.quiet?.to ?? 7 * 60) });
  const [mailing, mail] = field("E-mail for what you miss", { name: "mail", type: "email", autocomplete: "email", maxLength: 254,
    placeholder: "stays as it is" });
  const noMail = make("button", { type: "button", class: "link", onclick: () => attempt(setMail(model, "")
    .then(() => toast("You get no more e-mails."))) }, "Send me no e-mails");
  const hours = make("div", { class: "pair" }, starting, ending);
  const showHours = (): void => void (hours.hidden = !quiet.checked);
  quiet.onchange = showHours;
  showHours();
  show("Settings", form(async () => {
    const rules: Notify = { preview: preview.checked };
    if (quiet.checked) rules.quiet = { from: minutesOf(from.value), to: minutesOf(to.value), offset: -new Date().getTimezoneOffset() };
    const fields: Commands["profile"][0] = { name: name.value.trim(), presence: presence.value as Audience,
      read_marks: (marks.checked ? "public" : "private") as ReadMarks,
      meta: { ...profile.meta, notify: rules } as Meta };
    await model.client.request("profile", fields);
    model.names.set(model.me, name.value);
    const isVerified = mail.value ? await setMail(model, mail.value) : true;
    close();
    toast(isVerified ? "Settings are saved."
      : `Saved. ${mail.value} is unverified: follow the link in the e-mail that was just sent there.`);
  }, "Save", naming,
  make("h3", {}, "Privacy"), seeing, marking, make("p", { class: "faint" }, "Without it you don’t see what others have read, either."),
  make("h3", {}, "Notifications"), previewing, mailing, noMail, resting, hours));
}

/* A device of its own, for it is written to wherever the user is. False: its owner is asked first. */
async function setMail(model: Model, token: string): Promise<boolean> {
  const reply = await model.client.request("device", { device: "mail", push: { provider: "email", token } });
  return reply.verified !== false;
}
