/*
 * The two encodings. A frame holds one or more objects; both codecs turn a frame into objects and
 * objects into one frame. Inside the client message ids are text: MessagePack's 16 bytes are
 * translated here and nowhere else.
 */
import { decodeMulti, encode } from "@msgpack/msgpack";
import type { WireObject } from "./wire.js";

export type Encoding = "json" | "msgpack";
export type Frame = string | Uint8Array<ArrayBuffer>;

export interface Codec {
  readonly protocol: string;
  encode(objects: WireObject[]): Frame;
  decode(frame: unknown): WireObject[];
}

const json: Codec = {
  protocol: "chatcore.v1.json",
  encode: (objects) => objects.map((object) => JSON.stringify(object)).join("\n"),
  decode: (frame) =>
    String(frame).split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line)),
};

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function idText(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => HEX[byte]).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
    .join("-");
}

function idBytes(text: string): Uint8Array {
  const hex = text.replaceAll("-", "");
  return Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hex.substr(2 * i, 2), 16));
}

/* Nothing but ids is a bin on the wire: a host's own `meta` can hold none. */
function withIdTexts(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.length === 16 ? idText(value) : value;
  if (Array.isArray(value)) return value.map(withIdTexts);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withIdTexts(item)]));
}

/* Only the fields that are message ids; the server takes the text as well. */
function withIdBytes(object: WireObject): WireObject {
  const packed: WireObject = {};
  for (const [key, body] of Object.entries(object)) {
    packed[key] = body;
    if (body === null || typeof body !== "object") continue;
    const fields: { [name: string]: unknown } = { ...body };
    for (const name of ["message", "reply_to"]) {
      const value = fields[name];
      if (typeof value === "string" && UUID.test(value)) fields[name] = idBytes(value);
    }
    packed[key] = fields;
  }
  return packed;
}

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const msgpack: Codec = {
  protocol: "chatcore.v1.msgpack",
  encode: (objects) =>
    joined(objects.map((object) => encode(withIdBytes(object), { ignoreUndefined: true }))),
  decode: (frame) =>
    [...decodeMulti(new Uint8Array(frame as ArrayBuffer))].map(
      (object) => withIdTexts(object) as WireObject),
};

export function codecOf(encoding: Encoding): Codec {
  return encoding === "msgpack" ? msgpack : json;
}
