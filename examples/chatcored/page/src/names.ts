/*
 * What people call themselves. A name stands in the user's profile, is asked for when somebody is on
 * the screen, and again after a while; until it has come, or when there is none, the id stands for it.
 */

/** Names change seldom. */
const FRESH_MS = 10 * 60_000;
const AT_A_TIME = 4;
/** After the server has said that these are too many questions. */
const PAUSE_MS = 5000;
/** Kept at most: the oldest go first, and are asked for again. */
const NAMES_MAX = 5000;

/** They would turn around what stands beside the name. */
const BIDI_CONTROLS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** For the middle of a sentence. */
export const inText = (name: string): string => (RIGHT_TO_LEFT.test(name) ? `\u2068${name}\u2069` : name);

export class Names {
  readonly #names = new Map<string, string>();
  readonly #askedAt = new Map<string, number>();
  readonly #queue: string[] = [];
  #asking = 0;

  /** `ask` answers "" for a user without a name, and fails when that is not known now. */
  constructor(readonly ask: (user: string) => Promise<string>, readonly changed: () => void) {}

  of(user: string): string {
    return this.#names.get(user) || user;
  }

  get all(): ReadonlyMap<string, string> {
    return this.#names;
  }

  set(user: string, name: string): void {
    const clean = name.replace(BIDI_CONTROLS, "").trim();
    if (clean === (this.#names.get(user) ?? "")) return;
    this.#names.delete(user);
    if (clean) this.#names.set(user, clean);
    if (this.#names.size > NAMES_MAX) this.#names.delete(this.#names.keys().next().value!);
    this.changed();
  }

  /** They are on the screen. */
  want(users: Iterable<string>): void {
    for (const user of users) {
      if (Date.now() - (this.#askedAt.get(user) ?? 0) < FRESH_MS) continue;
      this.#askedAt.set(user, Date.now());
      this.#queue.push(user);
    }
    while (this.#asking < AT_A_TIME && this.#queue.length) void this.#next(this.#queue.shift()!);
  }

  async #next(user: string): Promise<void> {
    this.#asking++;
    try {
      this.set(user, await this.ask(user));
    } catch (error) {
      /* Without a connection, the next drawing asks. */
      if ((error as Error).name === "offline") this.#askedAt.delete(user);
      else await new Promise((resolve) => setTimeout(resolve, PAUSE_MS)).then(() => this.#queue.push(user));
    }
    this.#asking--;
    this.want([]);
  }
}

/** The one of `users` that a word names ("@bob," names bob), or undefined. */
export function mentionedBy(word: string, users: readonly string[]): string | undefined {
  if (!word.startsWith("@")) return undefined;
  const name = word.slice(1);
  return users.filter((user) => name.startsWith(user) && /^[^\p{L}\p{N}]*$/u.test(name.slice(user.length)))
    .sort((a, b) => b.length - a.length)[0];
}
