/**
 * Errors of servers that are outcomes: an answer that a policy holds back, a prompt that is too long. Apart from errors.ts, so that
 * recorded answers are read without OpenAI's library.
 * @module
 */
import type { Completion } from "../../kinds/endpoint.ts";

/** A server's error as an outcome: held back by a policy, or too long; undefined for any other. */
export function outcomeWithoutAnswer(
  { message, code, type }: { message: string; code?: string | null; type?: string },
  where: string,
): Completion | undefined {
  const said = `${where}: ${message.slice(0, 500)}`;
  if (isPolicy(message, code, type)) return answerless("content_filter", said);
  return isContextLength(message, code, type) ? answerless("context_length", said) : undefined;
}

/** An outcome without an answer that asking again would not change. */
export function answerless(outcome: "context_length" | "content_filter", error: string): Completion {
  return { outcome, text: "", promptTokens: 0, completionTokens: 0, error };
}

/** True if an error says that a policy holds the answer back; Azure, OpenAI, DashScope, OpenRouter and others each say it in another way. */
export function isPolicy(message: string, code?: string | null, type?: string): boolean {
  return [code, type].some((name) =>
    /content_?filter|content_?policy|inspection_failed|moderation|responsibleai|safety|prohibited_content/i
      .test(name ?? "")
  ) ||
    /content (management|moderation|filter|safety|policy)|data_inspection_failed|inappropriate content|content exists risk|considered high risk|[不非]安全|敏感|违规|new_sensitive|blocked by content|(was|been) flagged|requires moderation|safety (system|filter|policy)|violat\w*[^.]{0,40} polic|prohibited[ _]content/i
      .test(message);
}

/** True if an error says that the prompt is too long; OpenAI, vLLM and llama.cpp each say it in another way. */
export function isContextLength(message: string, code?: string | null, type?: string): boolean {
  return code === "context_length_exceeded" || type === "exceed_context_size_error" ||
    /context[ _]?(length|window|size)|maximum (context|model) length|max_model_len|(prompt|input) is too long|maximum prompt length|`inputs` must have less than|prompt token count[^.]{0,60}exceed|too many tokens|input (token count|length|tokens)[^.]{0,60}(exceed|should be)|`?inputs`? tokens \+ `?max_new_tokens/i
      .test(message);
}

/** True if an error says that the server has no such model: many say so with 400 in place of 404. */
export function isNoModel(message: string, code?: string | null, type?: string): boolean {
  if (
    [code, type].some((name) =>
      /^(model_(not_(found|available)|decommissioned)|invalid_model)$/.test(name ?? "")
    )
  ) return true;
  // an error that repeats the request holds a person's words, and is longer
  return message.length < 300 && !message.includes("{") &&
    /\bmodel\b[^.;,]{0,80}(not found|(not|n't) exist|(not|n't) (currently )?loaded|decommissioned)|not a valid model|\binvalid model\b|\bno models? (is |are )?loaded/i
      .test(message);
}

/** True if max_tokens alone is more than the model has: then every item would fail so, regardless of its length. */
export function isLimitTooHigh(message: string, param?: string | null): boolean {
  const counts = LIMIT_AND_CONTEXT.map((words) => words.exec(message)).find((found) => found !== null)
    ?.groups;
  if (counts !== undefined) return Number(counts.limit) >= Number(counts.context);
  return param === "max_tokens" || param === "max_completion_tokens" ||
    /range of max_(completion_)?tokens|max_(completion_)?tokens\W{1,3}(is|must|should|cannot|exceeds)\b/i
      .test(message);
}

/** What vLLM says where prompt and limit together are too much: up to 0.10, 0.11 to 0.15, 0.16 and 0.17, later. */
const LIMIT_AND_CONTEXT: readonly RegExp[] = [
  /maximum context length (?:is|of) (?<context>\d+) tokens.* (?<limit>\d+) (?:in|tokens for) the completion/s,
  /is too large: (?<limit>\d+)\. This model's maximum context length is (?<context>\d+) tokens/,
  /requested (?<limit>\d+) output tokens\. However, the model's context length is only (?<context>\d+) tokens/,
  /maximum context length is (?<context>\d+) tokens\. However, you requested (?<limit>\d+) output tokens/,
];
