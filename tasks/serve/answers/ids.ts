/**
 * Ids of replies and calls.
 * @module
 */
import type { AnswerFormat } from "../reading/tool_formats.ts";

const SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** A prefix and random letters and digits. */
export function randomId(prefix: string, length = 24): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return prefix + Array.from(bytes, (byte) => SIGNS[byte % SIGNS.length]).join("");
}

/** The id of a call in an answer of this format; Mistral's templates insist on nine letters and digits, without a prefix. */
export function callId(format: AnswerFormat | null, prefix = "call_"): string {
  return format?.name === "mistral" ? randomId("", 9) : randomId(prefix);
}
