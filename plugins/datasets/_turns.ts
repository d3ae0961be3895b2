/**
 * Conversations as lists of turns: what ShareGPT, OpenAI and IOPO records share.
 * @module
 */
import { learntBy } from "./_learnt.ts";
import { extras, ktoTag, own, RecordFault, refuseSeveral, requiredText } from "./_record.ts";
import type { DatasetAttributes, Example, ExampleShape, Message } from "../kinds/dataset.ts";

/** A list of messages, system text and tools of one record. */
export interface Conversation {
  /** System text, "" for none. */
  system: string;
  /** Tools as JSON text, "" for none. */
  tools: string;
  /** Without the system message. */
  turns: Message[];
}

/** Reads one message's content; the default takes text only. */
export type ReadMessage = (message: Record<string, unknown>, role: Message["role"], field: string) => Message;

/** Defaults of ShareGPT's columns (the shape's own are in `required`). */
export const columns: Readonly<Record<string, string | null>> = {
  messages: "conversations",
  system: null,
  tools: null,
  images: null,
  videos: null,
  audios: null,
  chosen: null,
  rejected: null,
  kto_tag: null,
};

/** Defaults of ShareGPT's tags. */
export const sharegptTags: Readonly<Record<string, string>> = {
  role_tag: "from",
  content_tag: "value",
  user_tag: "human",
  assistant_tag: "gpt",
  observation_tag: "observation",
  function_tag: "function_call",
  system_tag: "system",
};

/** Columns without which a record can't give a shape. */
export function requiredColumns(messages: string, shape: ExampleShape): Record<string, string> {
  if (shape === "pair" || shape === "iopo") return { messages, chosen: "chosen", rejected: "rejected" };
  return shape === "kto" ? { messages, kto_tag: "kto_tag" } : { messages };
}

/**
 * Reads the record's messages; the first may be the system text, which then wins over the column.
 * @throws {RecordFault} If there is no list of messages, or a message can't be read
 */
export function conversation(
  record: Record<string, unknown>,
  attributes: DatasetAttributes,
  read: ReadMessage,
): Conversation {
  const { system, tools } = extras(record, attributes);
  const field = attributes.columns.messages ?? "messages";
  const list = own(record, field);
  if (list === undefined || list === null) throw new RecordFault("messages are missing", field);
  if (!Array.isArray(list)) throw new RecordFault("messages are not a list", field);
  if (list.length === 0) throw new RecordFault("messages are empty", field);
  const turns = list.map((message, i) => readMessage(message, attributes, read, `${field}[${i}]`));
  return withSystemTaken({ system, tools, turns });
}

/** Takes the system message out of the turns; its text then wins. */
export function withSystemTaken({ system, tools, turns }: Conversation): Conversation {
  const [first, next, ...more] = turns;
  if (first?.role !== "system") return { system, tools, turns };
  // with train_on_prompt the system text is learnt as a part of the first prompt
  const rest = first.learnt === false && next ? [{ ...next, learnt: false }, ...more] : turns.slice(1);
  return { system: first.content, tools, turns: rest };
}

/**
 * Reads one message by the tags.
 * @throws {RecordFault} If it isn't an object, has a role that no tag names, or content that `read` refuses
 */
export function readMessage(
  message: unknown,
  { tags }: DatasetAttributes,
  read: ReadMessage,
  field: string,
): Message {
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    throw new RecordFault("message is not an object", field);
  }
  const fields = withUsualNames(message as Record<string, unknown>, tags, field);
  const tag = requiredText(own(fields, tags.role_tag!), "role", `${field}.${tags.role_tag}`);
  const roles: [string | undefined, Message["role"]][] = [
    [tags.user_tag, "user"],
    [tags.assistant_tag, "assistant"],
    [tags.observation_tag, "tool"],
    [tags.function_tag, "function"],
    [tags.system_tag, "system"],
    // OpenAI's name of it for newer models
    [tags.system_tag === "system" ? "developer" : undefined, "system"],
  ];
  const role = roles.find(([name]) => name === tag)?.[1];
  if (!role) throw new RecordFault("role is not one of the tags", `${field}.${tags.role_tag}`);
  const turn = read(fields, role, `${field}.${tags.content_tag}`);
  return { ...turn, ...learntBy(fields, role, field) };
}

/** Roles by which ShareGPT files in the wild name their speakers, beside `human` and `gpt`. */
const USUAL_ROLES: Readonly<Record<string, string>> = {
  user: "human",
  assistant: "gpt",
  model: "gpt",
  bot: "gpt",
  chatgpt: "gpt",
  bing: "gpt",
  bard: "gpt",
  tool: "observation",
};

/** Where the entry leaves ShareGPT's own tags, `{role, content}` and the roles of other exports are understood too. */
function withUsualNames(
  message: Record<string, unknown>,
  tags: DatasetAttributes["tags"],
  field: string,
): Record<string, unknown> {
  const isOwn = Object.entries(sharegptTags).every(([name, tag]) => tags[name] === tag);
  if (!isOwn) return message;
  const either = (name: string, other: string, usual: (value: unknown) => unknown = (value) => value) => {
    const [first, second] = [own(message, name), own(message, other)].map((value) =>
      usual(value ?? undefined)
    );
    if (first !== undefined && second !== undefined && first !== second) {
      throw new RecordFault(`message has ${name} and ${other}, and they differ`, `${field}.${other}`);
    }
    return first ?? second;
  };
  const role = either(
    "from",
    "role",
    (name) => typeof name === "string" && Object.hasOwn(USUAL_ROLES, name) ? USUAL_ROLES[name] : name,
  );
  const { role: _, content: __, ...rest } = message;
  return { ...rest, from: role, value: either("value", "content") };
}

/** The plain reader: the content is text. */
export function plainMessage(attributes: DatasetAttributes): ReadMessage {
  return (message, role, field) => ({
    role,
    content: requiredText(own(message, attributes.tags.content_tag!), "content", field),
  });
}

/**
 * Checks that turns alternate, a user (or tool) turn first; `field` is the list's.
 * @throws {RecordFault} If they don't
 */
export function alternate(turns: readonly Message[], field: string): void {
  turns.forEach(({ role }, i) => {
    const asks = role === "user" || role === "tool";
    const answers = role === "assistant" || role === "function";
    if (!(i % 2 === 0 ? asks : answers)) throw new RecordFault("roles do not alternate (user first)", field);
  });
}

/**
 * Turns a conversation into the shape that is asked for.
 * @throws {RecordFault} If the turns aren't prompts with answers as the shape needs them
 */
export function finish(
  record: Record<string, unknown>,
  attributes: DatasetAttributes,
  { system, tools, turns }: Conversation,
  read: ReadMessage,
): Omit<Example, "source"> {
  const { shape } = attributes;
  const field = attributes.columns.messages ?? "messages";
  if (shape === "iopo") {
    if (turns.length === 0 || turns.length % 2 !== 0) {
      throw new RecordFault("messages do not hold two prompts (x1, then x2)", field);
    }
    const x1 = turns.slice(0, turns.length / 2);
    const x2 = turns.slice(turns.length / 2);
    for (const half of [x1, x2]) endsWithUser(half, field);
    const [y1, y2] = pairAnswers(record, attributes, read);
    return { shape, system, tools, prompts: { x1, x2 }, answers: { y1, y2 } };
  }
  if (shape === "pair") {
    endsWithUser(turns, field);
    const [chosen, rejected] = pairAnswers(record, attributes, read);
    return { shape, system, tools, prompts: { x: turns }, answers: { chosen, rejected } };
  }
  alternate(turns, field);
  if (turns.length === 0 || turns.length % 2 !== 0) {
    throw new RecordFault("messages do not end with an answer", field);
  }
  const prompts = { x: turns.slice(0, -1) };
  const answers = { y: turns.at(-1)! };
  if (shape === "single") return { shape, system, tools, prompts, answers };
  if (shape === "kto") {
    refuseUnlearnt(answers.y, "answer", field);
    return { shape, system, tools, prompts, answers, desirable: ktoTag(record, attributes) };
  }
  throw new RecordFault(`conversations don't hold what ${shape} needs`, "");
}

/** A preference is learnt from its answers, so that one which isn't learnt leaves nothing. */
function refuseUnlearnt(answer: Message, what: string, field: string): void {
  if (answer.learnt === false) throw new RecordFault(`${what} is not to be learnt`, field);
}

function endsWithUser(turns: readonly Message[], field: string): void {
  alternate(turns, field);
  if (turns.length % 2 !== 1) throw new RecordFault("messages do not end with a user's turn", field);
}

function pairAnswers(
  record: Record<string, unknown>,
  attributes: DatasetAttributes,
  read: ReadMessage,
): [Message, Message] {
  const answer = (name: "chosen" | "rejected") => {
    const field = attributes.columns[name] ?? name;
    const given = own(record, field);
    if (given === undefined || given === null) throw new RecordFault(`${name} is missing`, field);
    refuseSeveral(given, name, field);
    if (Array.isArray(given) && given.length > 1) {
      throw new RecordFault(`${name} is several messages (write a row for each answer)`, field);
    }
    const value = Array.isArray(given) ? given[0] : given;
    const message = readMessage(value, attributes, read, field);
    refuseUnlearnt(message, name, field);
    if (message.role !== "assistant" && message.role !== "function") {
      throw new RecordFault(`${name} is not an assistant's message`, `${field}.${attributes.tags.role_tag}`);
    }
    return message;
  };
  return [answer("chosen"), answer("rejected")];
}
