/*
 * What a request can fail with: the server's error, or one of this side's own, told by `name`:
 * "offline" (there is no connection, or it was lost before the reply), "timeout",
 * "closed", "cancelled".
 */
import type { WireError } from "./wire.js";

export class ChatError extends Error {
  readonly code: number;
  /** How long to wait at least before trying again; 0: not told. */
  readonly retryAfterMs: number;
  /** Trying the same again can help. */
  readonly temporary: boolean;

  constructor(error: WireError) {
    super(error.message);
    this.name = error.name;
    this.code = error.code;
    this.retryAfterMs = error.retry_after_ms ?? 0;
    this.temporary = error.temporary ?? false;
  }
}

export function localError(name: "offline" | "timeout" | "closed" | "cancelled", message: string): ChatError {
  return new ChatError({ code: 0, name, message, temporary: name === "offline" || name === "timeout" });
}

export function asChatError(error: unknown): ChatError {
  if (error instanceof ChatError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ChatError({ code: 0, name: "internal", message });
}
