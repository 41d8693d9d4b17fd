/*
 * The objects of the protocol (docs/protocol.md), as JSON has them: message ids are text here in
 * both encodings. Nothing in this file runs.
 */

export type ConversationKind = "direct" | "group" | "channel";
export type Role = "owner" | "admin" | "member";
export type MessageKind = "text" | "media" | "edit" | "delete" | "reaction" | "system";
export type SystemAction = "created" | "renamed" | "added" | "removed" | "left" | "role" | "retention";
/** Who sees whether one is online, and when last. */
export type Audience = "everyone" | "contacts" | "nobody";
export type ReadMarks = "public" | "private";
export type Meta = { [key: string]: unknown };

/** What the server knows of an object that was sent. */
export interface MediaFile {
  media: string;
  type: string;
  bytes: number;
  name?: string;
  width?: number;
  height?: number;
  /** An id, for the command `media`. */
  thumbnail?: string;
}

export interface Message {
  conversation: string;
  seq: number;
  id: string;
  from: string;
  ts: number;
  /** A kind that this client does not know counts like any other. */
  kind: MessageKind | (string & {});
  text?: string;
  media?: string[];
  /** One for each of `media`, where the server keeps the objects. */
  files?: MediaFile[];
  reply_to?: string;
  mentions?: string[];
  meta?: Meta;
  /** Of `edit`, `delete` and `reaction`: the message meant. */
  message?: string;
  emoji?: string;
  on?: boolean;
  action?: SystemAction | (string & {});
  users?: string[];
  name?: string;
  role?: Role;
  /** Of `retention`: messages are kept so many seconds, 0: as the server keeps them. */
  retention_s?: number;
  /** Only to the sender's own sessions. */
  client_id?: string;
  flagged?: boolean;
}

export interface Receipt {
  conversation: string;
  user: string;
  delivered?: number;
  read?: number;
  ts: number;
}

export interface Typing {
  conversation: string;
  user: string;
  on: boolean;
}

export interface Presence {
  user: string;
  status: "online" | "offline" | (string & {});
  last_seen?: number;
}

export interface Conversation {
  id: string;
  kind: ConversationKind;
  name: string;
  members: number;
  head: number;
  read: number;
  delivered: number;
  unread: number;
  muted: boolean;
  muted_until?: number;
  peer?: string;
  ts?: number;
  role?: Role;
  /** The user is a member no longer: then there are only `id` and `kind`. */
  gone?: boolean;
}

export interface Member {
  user: string;
  role: Role;
  /** How far this member has received and read, where that is told. */
  delivered?: number;
  read?: number;
}

export interface Profile {
  user: string;
  name?: string;
  avatar?: string;
  meta?: Meta;
  /** These two of one's own only, and if they are set. */
  presence?: Audience;
  read_marks?: ReadMarks;
}

export interface Hello {
  user: string;
  device: string;
  session: string;
  server_time: number;
  ping_interval_ms: number;
  max_message_bytes: number;
}

export interface SendReply {
  conversation: string;
  message: string;
  ts: number;
  duplicate?: boolean;
}

export interface UploadReply {
  media: string;
  method: string;
  url: string;
  headers: { [name: string]: string };
  expires: number;
}

export interface MediaReply {
  url: string;
  expires: number;
}

/** Where a message goes, and what is in it. Exactly one of `conversation` and `user`. */
export interface SendFields {
  conversation?: string;
  user?: string;
  client_id: string;
  text?: string;
  media?: string[];
  reply_to?: string;
  mentions?: string[];
  meta?: Meta;
}

/** Whoever has the token may join. */
export interface Invitation {
  token: string;
  conversation: string;
  creator: string;
  created: number;
  expires?: number;
  max_uses?: number;
  uses: number;
}

/** Where an invitation leads to; `conversation` only for who is a member already. */
export interface InvitedTo {
  kind: "group" | "channel";
  name: string;
  members: number;
  conversation?: string;
  expires?: number;
}

export interface PushTarget {
  provider: "apns" | "fcm" | "email" | "webhook" | (string & {});
  token: string;
}

type Empty = Record<string, never>;
type Seq = { seq: number };
type InConversation = { conversation: string };
type OfMessage = InConversation & { message: string };
type Page = { after?: string; limit?: number };

/** Every command: what is sent, and what its reply holds. */
export interface Commands {
  connect: [{ token?: string; device: string; cursor?: string }, Hello];
  refresh: [{ token: string }, { expires: number }];
  send: [SendFields, SendReply];
  edit: [OfMessage & { text: string }, Seq];
  delete: [OfMessage, Seq];
  react: [OfMessage & { emoji: string; on: boolean }, Seq];
  delivered: [InConversation & Seq, Empty];
  read: [InConversation & Seq, Empty];
  typing: [InConversation & { on: boolean }, Empty];
  history: [
    InConversation & { before?: number; after?: number; limit?: number },
    { messages: Message[]; more: boolean },
  ];
  search: [{ text: string; conversation?: string; cursor?: string; limit?: number },
    { messages: Message[]; more: boolean; cursor?: string }];
  conversations: [Page, { conversations: Conversation[]; more: boolean }];
  create: [
    { kind: "group" | "channel"; conversation?: string; name: string; members: string[] },
    InConversation,
  ];
  update: [InConversation & { name: string }, Seq];
  add: [InConversation & { users: string[]; role?: Role }, Seq];
  remove: [InConversation & { users: string[] }, Seq];
  leave: [InConversation, Seq];
  role: [InConversation & { user: string; role: Role }, Seq];
  members: [InConversation & Page, { members: Member[]; more: boolean }];
  invite: [InConversation & { expires_s?: number; max_uses?: number }, Invitation];
  invitations: [InConversation & Page, { invitations: Invitation[]; more: boolean }];
  revoke_invitation: [InConversation & { token: string }, Empty];
  invitation: [{ token: string }, InvitedTo];
  join: [{ token: string }, InConversation & Seq];
  profile: [
    { user?: string; name?: string; avatar?: string; meta?: Meta; presence?: Audience; read_marks?: ReadMarks },
    Profile,
  ];
  contacts: [Page, { contacts: string[]; more: boolean }];
  blocked: [Page, { blocked: string[]; more: boolean }];
  add_contact: [{ user: string }, Empty];
  remove_contact: [{ user: string }, Empty];
  block: [{ user: string }, Empty];
  unblock: [{ user: string }, Empty];
  mute: [InConversation & { until: number }, Empty];
  presence: [{ users: string[] }, { presence: Presence[] }];
  device: [{ device?: string; push: PushTarget }, { verified?: boolean }];
  upload: [{ name: string; type: string; bytes: number; sha256?: string }, UploadReply];
  media: [{ media: string }, MediaReply];
}

export type Command = keyof Commands;

/** What comes without having been asked for. */
export interface Pushes {
  message: Message;
  receipt: Receipt;
  typing: Typing;
  presence: Presence;
  conversation: Conversation;
  synced: { cursor: string };
}

export interface WireError {
  code: number;
  name: string;
  message: string;
  retry_after_ms?: number;
  temporary?: boolean;
}

/** One object of a frame. */
export type WireObject = { id?: number; error?: WireError } & { [key: string]: unknown };
