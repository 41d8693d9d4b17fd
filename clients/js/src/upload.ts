/*
 * Uploading: the command tells where to, and the bytes go there, straight to the object store.
 */
import { ChatError } from "./errors.js";
import type { Attachment } from "./outbox.js";
import type { UploadReply } from "./wire.js";

async function sha256(bytes: Uint8Array): Promise<string | undefined> {
  if (!globalThis.crypto?.subtle) return undefined; /* a page without TLS, not on localhost */
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, "0")).join("");
}

export interface UploadRequest {
  name: string;
  type: string;
  bytes: number;
  sha256?: string;
}

export async function uploadRequest(file: Attachment): Promise<UploadRequest> {
  const request: UploadRequest = {
    name: file.name,
    type: file.type || "application/octet-stream",
    bytes: file.bytes.length,
  };
  const digest = await sha256(file.bytes);
  return digest ? { ...request, sha256: digest } : request;
}

function failure(status: number, text: string): ChatError {
  const temporary = status === 0 || status === 408 || status === 429 || status >= 500;
  return new ChatError({ code: status, name: "upload_failed", message: text, temporary });
}

/** `base`: what a URL without a host is relative to. */
export async function putFile(reply: UploadReply, file: Attachment, base: string): Promise<void> {
  const { method, headers } = reply;
  const body = file.bytes as Uint8Array<ArrayBuffer>;
  let response: Response;
  try {
    response = await fetch(new URL(reply.url, base), { method, headers, body });
  } catch {
    throw failure(0, "the object store cannot be reached");
  }
  if (!response.ok)
    throw failure(response.status, `the object store refused the file: ${response.status}`);
}
