/**
 * One recorded answer, in whichever shape it was written: rows of one's own, samples of lm-evaluation-harness, output of
 * OpenAI's batches, lists of AlpacaEval, whole replies, texts.
 * @module
 */
import { didYouMean, nearest } from "../../../formats/did_you_mean.ts";
import { finishOf } from "../openai/ends.ts";
import { type Reply, ReplyError, ReplyReader } from "../openai/reply.ts";

/** A row as it is looked up. */
export interface RecordedRow {
  /** The answer, or why there is none. */
  answer: Reply | FailedRequest;
  /** Prompts by which it is found, see {@linkcode normalized}; empty: by id. */
  prompts: string[];
  /** Ids by which it is found, the best one first; empty: by prompt, or else by its place. */
  ids: string[];
  /** Text whose lines the prompt of an item of this id holds: an evaluation's results have the question, which may be a part of what was asked. */
  within?: string;
  /** Where it stands, for messages. */
  where: string;
}

/** Error in place of an answer. */
export interface FailedRequest {
  /** Why there is none, with its place. */
  error: string;
  /** The error that the server told. */
  told?: { message: string; code?: string; type?: string };
}

type Json = Readonly<Record<string, unknown>>;

/** Fields of answers; `text` only where none of them is there, because it may as well be the question. */
const ANSWERS = [
  ...["response", "prediction", "model_output", "output", "generated", "generated_text", "generation"],
  ...["completion", "predict"],
] as const;
const PROMPTS = ["prompt", "instruction", "question", "query", "messages", "input"] as const;
/** Row numbers last: they collide with ids. */
const IDS = ["id", "key", "custom_id", "question_id", "idx", "index"] as const;

/** A prompt as it is compared: white space at its end and the kind of line ends make no difference. */
export function normalized(prompt: string): string {
  return prompt.replaceAll("\r\n", "\n").trimEnd();
}

/**
 * Reads a row.
 * @param field Field of the answer, where it has another name or several could be meant
 * @throws {SyntaxError} If there is no answer in it, or more than one
 */
export function readRow(value: unknown, where: string, field?: string): RecordedRow {
  if (typeof value === "string") return { answer: replyOf(value), prompts: [], ids: [], where };
  if (!isMap(value)) throw fault(where, "it must be a map or a text");
  if (isRecord(value)) {
    throw fault(
      where,
      "it is the record of an evaluation, which has no prompts: give the file of results beside it (BENCHMARK_MODEL.json)",
    );
  }
  if (field === undefined && Array.isArray(value.resps ?? value.filtered_resps)) return lmEval(value, where);
  if (field === undefined && "custom_id" in value && ("response" in value || "error" in value)) {
    return {
      answer: ofBatch(value, where),
      prompts: promptsOf(value),
      ids: [String(value.custom_id)],
      where,
    };
  }
  return { answer: answerOf(value, where, field), prompts: promptsOf(value), ids: idsOf(value), where };
}

/** True of a line of an evaluation's items.jsonl. */
function isRecord(row: Json): boolean {
  return ["stage", "key", "sum"].every((name) => typeof row[name] === "string") &&
    PROMPTS.every((name) => !(name in row));
}

/**
 * Reads a row of an evaluation's results, as {@linkcode readRow} does.
 * @throws {SyntaxError} If there is no answer in it, or more than one
 */
export function readResult(value: unknown, where: string, field?: string): RecordedRow {
  const row = readRow(value, where, field), { question } = isMap(value) ? value : {};
  return row.ids.length === 0 || typeof question !== "string"
    ? row
    : { ...row, prompts: [], within: normalized(question) };
}

/** Samples of lm-evaluation-harness: `doc` is the benchmark's row, `doc_id` only its number. */
function lmEval(row: Json, where: string): RecordedRow {
  const doc = isMap(row.doc) ? row.doc : {};
  const sent = isMap(row.arguments)
    ? row.arguments.gen_args_0
    : Array.isArray(row.arguments)
    ? row.arguments[0]
    : null;
  const argument = isMap(sent) ? sent.arg_0 : Array.isArray(sent) ? sent[0] : null;
  const prompts = [...promptsOf(doc), ...(typeof argument === "string" ? chatOf(argument) : [])];
  const text = one(row.resps ?? row.filtered_resps, where, "resps");
  if (text === undefined) throw fault(where, "its resps hold no text");
  return { answer: replyOf(text), prompts: [...new Set(prompts)], ids: idsOf(doc), where };
}

/** A prompt that was sent: a text, or the JSON of messages. */
function chatOf(text: string): string[] {
  try {
    const messages = JSON.parse(text);
    if (Array.isArray(messages)) return promptTexts(messages);
  } catch { /* a text then */ }
  return [normalized(text)];
}

function ofBatch({ response, error }: Json, where: string): RecordedRow["answer"] {
  const { status_code = 200, body } = isMap(response) ? response : {};
  const fault = error ?? (isMap(body) ? body.error : undefined);
  if (fault !== undefined && fault !== null || Number(status_code) >= 400 || body === undefined) {
    return {
      error: `${where} is a failed request: ${JSON.stringify(fault ?? response ?? null).slice(0, 300)}`,
      ...(fault !== undefined && { told: toldBy(fault) }),
    };
  }
  if (isMap(body) && Array.isArray(body.output)) return ofReply(chatReply(body, body.output), where);
  return ofReply(body, where);
}

/** A reply of OpenAI's responses as one of chat completions. */
function chatReply(body: Json, output: readonly unknown[]): Json {
  const content = output.filter(isMap).flatMap((part) =>
    part.type === "message" && Array.isArray(part.content) ? part.content : [part]
  );
  const details = isMap(body.incomplete_details) ? body.incomplete_details.reason : undefined;
  return { usage: body.usage, choices: [{ message: { content }, finish_reason: details ?? "stop" }] };
}

function toldBy(fault: unknown): NonNullable<FailedRequest["told"]> {
  if (!isMap(fault)) return { message: String(fault) };
  const { message, code, type } = fault;
  return {
    message: String(message ?? JSON.stringify(fault)),
    ...(typeof code === "string" && { code }),
    ...(typeof type === "string" && { type }),
  };
}

function ofReply(body: unknown, where: string): RecordedRow["answer"] {
  const reader = new ReplyReader();
  try {
    reader.add(body);
  } catch (error) {
    if (error instanceof ReplyError) {
      return { error: `${where} is a failed request: ${error.message}`, told: toldBy(error.body) };
    }
    throw new SyntaxError(`Cannot read ${where} as a recorded answer: ${(error as Error).message}`);
  }
  if (!reader.found) throw fault(where, "its reply has no choices");
  return reader.reply;
}

function answerOf(row: Json, where: string, field: string | undefined): RecordedRow["answer"] {
  if (field === undefined && Array.isArray(row.choices)) return ofReply(row, where);
  const strong: string[] = field === undefined ? ANSWERS.filter((name) => name in row) : [];
  const names = strong.length > 0 ? strong : [field ?? "text"].filter((name) => name in row);
  const last = Array.isArray(row.messages) ? row.messages.at(-1) : undefined;
  if (names.length === 0 && isMap(last) && last.role === "assistant") {
    return ofReply({ choices: [{ message: last }] }, where);
  }
  const found = names.map((name) => ({ name, value: row[name] }));
  const [first] = found;
  if (first === undefined) {
    throw fault(
      where,
      field === undefined
        ? `it needs response (or ${ANSWERS.slice(1).join(", ")})${meant(row)}`
        : `it needs ${field}${didYouMean(field, Object.keys(row))}`,
    );
  }
  const other = found.find(({ value }) => JSON.stringify(value) !== JSON.stringify(first.value));
  if (other !== undefined) {
    throw fault(where, `both ${first.name} and ${other.name} could be the answer: name it by args.field`);
  }
  if (isMap(first.value)) {
    return ofReply("choices" in first.value ? first.value : { choices: [{ message: first.value }] }, where);
  }
  if (Array.isArray(first.value) && first.value.length > 0 && first.value.every(isPart)) {
    return ofReply(
      { choices: [{ message: { content: first.value }, finish_reason: row.finish_reason }] },
      where,
    );
  }
  const text = one(first.value, where, first.name);
  if (text === undefined) {
    return { error: `${where} has no answer: ${first.name} is ${JSON.stringify(first.value)}` };
  }
  const thought = [row.reasoning_content, row.reasoning, row.thinking, row.thought].find((t) =>
    typeof t === "string"
  );
  return {
    ...replyOf(text),
    finish: finishOf(row.finish_reason),
    ...(typeof thought === "string" && { thought }),
  };
}

/** A field that is misspelt, or one of another name that args.field can name. */
function meant(row: Json): string {
  for (const name of Object.keys(row)) {
    const near = PROMPTS.some((known) => known === name) ? undefined : nearest(name, ANSWERS);
    if (near !== undefined) {
      return `: current fields are ${
        Object.keys(row).join(", ")
      }; is ${name} the ${near}? Name it by args.field`;
    }
  }
  return `: current fields are ${Object.keys(row).join(", ")}; args.field names another one`;
}

/** The text of a text or of lists with one text in them; undefined without one. */
function one(value: unknown, where: string, name: string): string | undefined {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return undefined;
  const texts = value.map((inner) => one(inner, where, name));
  if (texts.length > 1) throw fault(where, `one answer is needed: ${name} has ${texts.length}`);
  return texts[0];
}

function isPart(value: unknown): boolean {
  return isMap(value) && typeof value.type === "string";
}

function replyOf(text: string): Reply {
  return {
    text,
    thought: "",
    refusal: "",
    called: null,
    finish: null,
    model: null,
    promptTokens: null,
    completionTokens: null,
    thoughtTokens: 0,
  };
}

function promptsOf(row: Json): string[] {
  const name = PROMPTS.find((name) => row[name] !== undefined && row[name] !== null);
  const texts = promptTexts(name === undefined ? undefined : row[name]);
  const { input } = row;
  if (name !== "instruction" || typeof input !== "string" || input.trim() === "") return texts;
  // Alpaca's second field, which some put behind the first one by two line ends, some by one
  return texts.flatMap((text) => [`${text}\n\n${input}`, `${text}\n${input}`].map(normalized));
}

/** The last user message of a list of messages, or the text itself. */
function promptTexts(value: unknown): string[] {
  if (typeof value === "string") return [normalized(value)];
  if (!Array.isArray(value)) return [];
  const last = value.findLast((message) => isMap(message) && message.role === "user");
  return isMap(last) && typeof last.content === "string" ? [normalized(last.content)] : [];
}

function idsOf(row: Json): string[] {
  return IDS.map((name) => row[name]).filter((id) => typeof id === "string" || typeof id === "number").map(
    String,
  );
}

function fault(where: string, need: string): SyntaxError {
  return new SyntaxError(`Cannot read ${where} as a recorded answer: ${need}`);
}

function isMap(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
