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
    /context[ _]?(length|window|size)|maximum (context|model) length|max_model_len|prompt is too long|too many tokens|input (token count|length|tokens)[^.]{0,60}(exceed|should be)|`?inputs`? tokens \+ `?max_new_tokens/i
      .test(message);
}
