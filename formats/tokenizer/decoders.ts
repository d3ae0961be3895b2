/**
 * Decoders of tokenizer.json: token texts to a text.
 * @module
 */
import { CHAR_TO_BYTE } from "./bytes.ts";
import { replacePattern } from "./normalizers.ts";
import { type Component, unsupported } from "./tokenizer_json.ts";

type Decode = (tokens: string[]) => string[];

const KNOWN = ["Sequence", "ByteLevel", "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"] as const;

/**
 * The function of a decoder. Without one the tokens are joined by spaces, as the tokenizers library does.
 * @throws {RangeError} If its type isn't supported.
 */
export function decoder(part: Component | null): (tokens: string[]) => string {
  if (part === null) return (tokens) => tokens.join(" ");
  const step = chain(part);
  return (tokens) => step(tokens).join("");
}

function chain(part: Component): Decode {
  switch (part.type) {
    case "Sequence": {
      const steps = (part.decoders as Component[]).map(chain);
      return (tokens) => steps.reduce((value, step) => step(value), tokens);
    }
    case "ByteLevel":
      return (tokens) => [utf8(tokens.flatMap(alphabetBytes))];
    case "Replace": {
      const pattern = replacePattern(part), content = String(part.content);
      return (tokens) => tokens.map((token) => token.replace(pattern, () => content));
    }
    case "ByteFallback":
      return byteFallback;
    case "Fuse":
      return (tokens) => [tokens.join("")];
    case "Strip": {
      const content = String(part.content), start = Number(part.start ?? 0), stop = Number(part.stop ?? 0);
      return (tokens) => tokens.map((token) => strip(token, content, start, stop));
    }
    case "Metaspace": {
      const mark = String(part.replacement ?? "▁");
      const prepends = (part.prepend_scheme ?? (part.add_prefix_space === false ? "never" : "always")) !==
        "never";
      return (tokens) =>
        // all marks of the first token go, as in the library
        tokens.map((token, i) => token.replaceAll(mark, prepends && i === 0 ? "" : " "));
    }
  }
  throw unsupported("decoder", part.type, KNOWN);
}

/** Bytes of a token in the byte alphabet; an added token with other characters stands for its own UTF-8. */
export function alphabetBytes(token: string): number[] {
  const bytes: number[] = [];
  for (const char of token) {
    const byte = CHAR_TO_BYTE.get(char);
    if (byte === undefined) return [...new TextEncoder().encode(token)];
    bytes.push(byte);
  }
  return bytes;
}

/** Text of bytes; what isn't UTF-8 becomes U+FFFD, a leading U+FEFF stays. */
export function utf8(bytes: number[] | Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    bytes instanceof Uint8Array ? bytes : Uint8Array.from(bytes),
  );
}

function byteFallback(tokens: string[]): string[] {
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    try {
      out.push(
        new TextDecoder("utf-8", { ignoreBOM: true, fatal: true }).decode(Uint8Array.from(bytes)),
      );
    } catch {
      // one mark a byte, where `utf8` would make one of a cut character
      out.push("\ufffd".repeat(bytes.length));
    }
    bytes = [];
  };
  for (const token of tokens) {
    if (/^<0x[0-9A-Fa-f]{2}>$/.test(token)) {
      bytes.push(parseInt(token.slice(3, 5), 16));
    } else {
      flush();
      out.push(token);
    }
  }
  flush();
  return out;
}

function strip(token: string, content: string, start: number, stop: number): string {
  let from = 0, to = token.length;
  for (let i = 0; i < start && token.startsWith(content, from) && from < to; i++) from += content.length;
  for (let i = 0; i < stop && to > from && token.slice(from, to).endsWith(content); i++) to -= content.length;
  return token.slice(from, to);
}
