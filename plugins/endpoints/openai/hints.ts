/**
 * The key that helps when a server refuses a request for a setting.
 * @module
 */

/** A key and what to do with it. */
export interface Hint {
  /** Advice, with the key's name. */
  text: string;
  /** True if it is about what the chat template makes of the messages. */
  ofTemplate?: boolean;
  /** True if every request of a run meets it, not only those with a system message or a schema. */
  everywhere: boolean;
}

/** Words by which servers refuse a field, or its value. */
const REFUSED =
  /un-?support|unavailable|not (be )?(both )?(support|permit|allow|specif|available)|does ?n[o']t support|cannot|can't|unrecogni[sz]ed|unknown|unexpected|invalid|extra (field|input)|deprecated|only|must/i;

/** Ways in which chat templates and servers refuse a system message. */
const NO_SYSTEM =
  /(system|developer)['"`]? (role|message|prompt|instruction)s?\b.{0,40}(not|un)[ -]?(support|allow|enabled|permit)|not support.{0,30}system|roles? must (alternate|be one of|be either|be in)|(unknown|unexpected|invalid|unsupported).{0,20}role.{0,20}system/i;

/** Fields that are no settings, or that have hints of their own. */
const OWN: ReadonlySet<string> = new Set([
  ...["model", "messages", "response_format", "stream", "stream_options"],
  ...["temperature", "top_p", "max_tokens", "max_completion_tokens"],
]);

/**
 * The key that helps, for a refusal of a request.
 * @param body Body of the request: what it doesn't have isn't at fault
 */
export function hintFor(
  { message, param }: { message: string; param?: string | null | undefined },
  body: Readonly<Record<string, unknown>>,
): Hint | undefined {
  const hasSystem = Array.isArray(body.messages) && body.messages.some(({ role }) => role === "system");
  if (hasSystem && NO_SYSTEM.test(message)) {
    const text = "set args.system: merge, which puts the system message into the first user turn";
    return { text, ofTemplate: true, everywhere: false };
  }
  if ("response_format" in body && /response_format|json_schema/i.test(message)) {
    return { text: "set args.structured: false", everywhere: false };
  }
  if (typeof param !== "string" && !REFUSED.test(message)) return undefined;
  const isBlamed = (field: string) => field in body && names(message, param, field);
  const limit = limitField(message, body);
  if (limit !== undefined) return everywhere(`set args.max_tokens_field: ${limit}`);
  if (isBlamed("stream_options") || isBlamed("stream")) return everywhere("set args.stream: false");
  // of two that exclude each other, top_p at 1 is the one that does nothing
  const field = ["top_p", "temperature"].find(isBlamed);
  if (field !== undefined) {
    return everywhere(`set run_args.${field}: null, which isn't sent, or a value that the server takes`);
  }
  const other = Object.keys(body).find((name) => !OWN.has(name) && isBlamed(name));
  return other === undefined
    ? undefined
    : everywhere(`leave out run_args.${other} (or run_args.extra_body.${other})`);
}

/** The limit's other name, where a server says that it knows only that one. */
function limitField(message: string, body: Readonly<Record<string, unknown>>): string | undefined {
  // vLLM names both in "'max_tokens' or 'max_completion_tokens' is too large"
  if (!/max_completion_tokens/.test(message) || /too (large|high)/i.test(message)) return undefined;
  if ("max_tokens" in body) return "max_completion_tokens";
  return "max_completion_tokens" in body ? "max_tokens" : undefined;
}

/** Words of every day, such as `stop`, count as a field's name only in quotes or at the end. */
function names(message: string, param: string | null | undefined, field: string): boolean {
  const isWord = !field.includes("_") && field !== "temperature";
  const pattern = isWord ? `['"\`]${field}['"\`]|: ${field}$` : `(?<!\\w)${field}(?!\\w)`;
  return param === field || new RegExp(pattern, "i").test(message);
}

function everywhere(text: string): Hint {
  return { text, everywhere: true };
}
