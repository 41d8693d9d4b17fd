/*
 * How long to wait before the next connection. Full jitter: any time from 0 to a bound that doubles
 * with each failure, so that clients that were cut together come back spread. What the server tells
 * wins: a draining one names the spread, an error names the least wait.
 */

/** The first bound: a lost packet should cost less than a second. */
const FIRST_MS = 500;
/** The last: an hour of outage, and everybody is back within half a minute of its end. */
const LAST_MS = 30_000;

export class Backoff {
  #failures = 0;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  reset(): void {
    this.#failures = 0;
  }

  /** `atLeast`: an error's retry_after_ms. */
  next(atLeast = 0): number {
    const bound = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(this.#failures++, 16));
    return atLeast + this.#random() * bound;
  }

  /** Of a server that drains: anywhere within the time that it names. */
  spread(withinMs: number): number {
    return this.#random() * withinMs;
  }
}
