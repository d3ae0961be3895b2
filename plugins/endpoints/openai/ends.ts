/**
 * Servers' names of an answer's end.
 * @module
 */

/** An end that isn't the model's own: cut at a limit, held back by a policy, or broken off by the server. */
export type OtherEnd = "length" | "content_filter" | "error";

/** Names in small letters. */
const ENDS: Readonly<Record<string, OtherEnd>> = {
  length: "length",
  max_tokens: "length",
  max_output_tokens: "length",
  max_length: "length",
  model_length: "length",
  model_context_window_exceeded: "length",
  token_limit: "length",
  time_limit: "length",
  error_limit: "length",
  repetition: "length",
  content_filter: "content_filter",
  content_filtered: "content_filter",
  content_policy: "content_filter",
  guardrail_intervened: "content_filter",
  safety: "content_filter",
  recitation: "content_filter",
  blocklist: "content_filter",
  prohibited_content: "content_filter",
  spii: "content_filter",
  image_safety: "content_filter",
  image_prohibited_content: "content_filter",
  image_recitation: "content_filter",
  error_toxic: "content_filter",
  sensitive: "content_filter",
  refusal: "content_filter",
  error: "error",
  network_error: "error",
  // DeepSeek's: the text stops in its middle
  insufficient_system_resource: "error",
  malformed_function_call: "error",
  unexpected_tool_call: "error",
  abort: "error",
  aborted: "error",
  cancelled: "error",
  canceled: "error",
  user_cancel: "error",
  timeout: "error",
  failed: "error",
};

/** Names of an end by a call of a tool, in small letters. */
const CALLS: ReadonlySet<string> = new Set(["tool_calls", "tool_use", "tool_call", "function_call"]);

/** Names of an end by the model itself or a stop text, in small letters. */
const OWN: ReadonlySet<string> = new Set([
  ...["stop", "eos", "eos_token", "end_turn", "stop_sequence"],
  ...["complete", "completed", "finished", "end", "done"],
]);

/** Name of an end; null where a server gives none, which SGLang and Ollama have written as "" and KoboldCpp as "null". */
export function finishOf(given: unknown): string | null {
  // SGLang's own form has the name and what matched
  const name = typeof given === "object" && given !== null ? (given as { type?: unknown }).type : given;
  return typeof name !== "string" || name === "" || name === "null" ? null : name;
}

/** What a name says of an end; undefined: the answer is whole, as far as anybody knows. */
export function otherEnd(finish: string | null): OtherEnd | undefined {
  const name = plainName(finish);
  return Object.hasOwn(ENDS, name) ? ENDS[name] : undefined;
}

/** True if a name is one of an end by a call of a tool. */
export function isCallEnd(finish: string | null): boolean {
  return CALLS.has(plainName(finish));
}

/** True if a name is one of an end by the model itself, a call among them; a server that gives none has said nothing else. */
export function isOwnEnd(finish: string | null): boolean {
  return finish === null || OWN.has(plainName(finish)) || isCallEnd(finish);
}

/** A name in small letters; Gemini's may go on behind a colon. */
function plainName(finish: string | null): string {
  return finish?.toLowerCase().split(":", 1)[0]?.trim().replaceAll("-", "_") ?? "";
}
