/*
 * Uploading: the command tells where to, and the bytes go there, straight to the object store.
 */
import { ChatError, localError } from "./errors.js";
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

export interface UploadOptions {
  /** Cuts it off: it fails with "cancelled". */
  signal?: AbortSignal;
  /** Bytes that have left so far. Told by browsers only. */
  onProgress?: (sent: number) => void;
}

/** What an upload asks of the object store. */
interface Put {
  url: string;
  method: string;
  headers: { [name: string]: string };
  body: Uint8Array<ArrayBuffer>;
}

function failure(status: number, text: string): ChatError {
  const temporary = status === 0 || status === 408 || status === 429 || status >= 500;
  return new ChatError({ code: status, name: "upload_failed", message: text, temporary });
}

async function putByFetch({ url, ...request }: Put, { signal }: UploadOptions): Promise<number> {
  const response = await fetch(url, { ...request, signal: signal ?? null });
  await response.body?.cancel();
  return response.status;
}

/* fetch() does not tell how far it is. */
function putByXhr({ url, method, headers, body }: Put, { signal, onProgress }: UploadOptions): Promise<number> {
  const request = new XMLHttpRequest();
  const stop = (): void => request.abort();
  return new Promise<number>((resolve, reject) => {
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => onProgress?.(loaded);
    request.onload = () => resolve(request.status);
    request.onerror = request.onabort = () => reject(new Error("no answer"));
    signal?.addEventListener("abort", stop);
    request.send(body);
  }).finally(() => signal?.removeEventListener("abort", stop));
}

/** `base`: what a URL without a host is relative to. */
export async function putFile(reply: UploadReply, file: Attachment, base: string, options: UploadOptions = {}): Promise<void> {
  const put: Put = { url: new URL(reply.url, base).href, method: reply.method, headers: reply.headers,
    body: file.bytes as Uint8Array<ArrayBuffer> };
  const send = options.onProgress && globalThis.XMLHttpRequest ? putByXhr : putByFetch;
  if (options.signal?.aborted) throw localError("cancelled", "the upload was cancelled");
  const status = await send(put, options).catch(() => {
    throw options.signal?.aborted ? localError("cancelled", "the upload was cancelled")
      : failure(0, "the object store cannot be reached");
  });
  if (status < 200 || status > 299) throw failure(status, `the object store refused the file: ${status}`);
}
