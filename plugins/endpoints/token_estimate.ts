/**
 * Numbers of tokens where nobody counted them.
 * @module
 */

/**
 * About how many tokens a text has: a token for every four ASCII characters (OpenAI's rule of thumb for English), for every
 * two of other alphabets, and for every one of the scripts without spaces from U+2E80 on (Chinese, Japanese, Korean, emoji).
 * Byte-pair tokenizers of today need fewer for the latter, so that a budget is rather kept too well.
 * @returns A whole number >= 0; 0 only for ""
 */
export function estimateTokens(text: string): number {
  let quarters = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    quarters += code < 0x80 ? 1 : code < 0x2e80 ? 2 : 4;
  }
  return Math.ceil(quarters / 4);
}

/** Tokens that a chat template puts around a message, about. */
const AROUND = 4;

/** About how many tokens a conversation has. */
export function estimatePrompt(messages: readonly { content: string }[]): number {
  return messages.reduce((sum, { content }) => sum + estimateTokens(content) + AROUND, 0);
}
