/*
 * Tokens are the program's business: a callback gives them. What this client reads of one is only
 * when it ends, to ask for the next in time; the server decides.
 */

/**
 * Why one is wanted: "connect", the current one will do; "refresh", it ends soon; "refused", the
 * server did not take the last one.
 */
export type TokenReason = "connect" | "refresh" | "refused";

/** Undefined: there is none, and the client stops trying. An exception: try again later. */
export type TokenSource =
  (reason: TokenReason) => string | undefined | Promise<string | undefined>;

/** What setTimeout() can hold. */
const DELAY_MAX_MS = 2 ** 31 - 1;
/** Asked this long before the end, or after four fifths of a shorter life. */
const EARLY_MS = 60_000;

/** How long a JWT lives from `now` on. Undefined: it does not say. */
export function lifeOf(token: string, now: number): number | undefined {
  try {
    const part = token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
    const { exp } = JSON.parse(atob(part)) as { exp?: unknown };
    return typeof exp === "number" ? exp * 1000 - now : undefined;
  } catch {
    return undefined;
  }
}

export function refreshDelay(lifeMs: number): number {
  const delay = Math.max(lifeMs - EARLY_MS, lifeMs * 0.8);
  return Math.min(Math.max(delay, 0), DELAY_MAX_MS);
}
