/**
 * Reads the tokens of a template one by one.
 * @module
 */
import type { Token } from "./lexer.ts";
import { TemplateError } from "./values.ts";

/** A place among tokens that moves on. */
export class TokenReader {
  #position = 0;
  /** Begins with the first token. */
  constructor(readonly tokens: readonly Token[]) {}

  /** The token that is read next. */
  get token(): Token {
    return this.tokens[this.#position]!;
  }

  /** Steps over a token and gives it. */
  take(): Token {
    const { token } = this;
    if (token.type !== "eof") this.#position++;
    return token;
  }

  /** True if the token is of a type, with a value if that is given; `ahead` tokens further on. */
  is(type: Token["type"], value?: string, ahead: number = 0): boolean {
    const token = this.tokens[Math.min(this.#position + ahead, this.tokens.length - 1)]!;
    return token.type === type && (value === undefined || token.value === value);
  }

  /** Steps over a token if it is there. */
  skip(type: Token["type"], value?: string): boolean {
    const found = this.is(type, value);
    if (found) this.take();
    return found;
  }

  /** Steps over a token that must be there. */
  expect(type: Token["type"], value?: string): Token {
    if (this.is(type, value)) return this.take();
    return this.fail(
      `expected ${value === undefined ? type.replace("_", " ") : `"${value}"`}, got ${this.shown()}`,
    );
  }

  /** The current token for messages. */
  shown(): string {
    return this.token.type === "eof" ? "the end of the template" : JSON.stringify(this.token.value);
  }

  /** @throws {TemplateError} With the line. */
  fail(what: string): never {
    throw new TemplateError(`line ${this.token.line}: ${what}`);
  }

  /** The token that was read last. */
  get last(): Token {
    return this.tokens[this.#position - 1]!;
  }
}
