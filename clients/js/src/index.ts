/*
 * What a program uses. In Node, "@chatcore/client/node" adds a storage in files.
 */
export { Client } from "./client.js";
export type { ClientEvents, ClientOptions, State, Status } from "./client.js";
export type { Encoding } from "./codec.js";
export type { Socket, SocketConstructor } from "./connection.js";
export { ChatError } from "./errors.js";
export { IndexedDbStorage } from "./indexeddb.js";
export type {
  Action, Attachment, Draft, Entry, EntryState, OutboxChange, Target, UploadProgress,
} from "./outbox.js";
export { MemoryStorage } from "./storage.js";
export type { Storage } from "./storage.js";
export type { TokenReason, TokenSource } from "./token.js";
export type { UploadOptions } from "./upload.js";
export type * from "./wire.js";
