/**
 * Keys of a terminal on their way to the line editor: a line at a time, when a line is asked for.
 * @module
 */

/** Marks that a terminal sets around pasted text, once it is told to. */
const PASTE = "\x1b[200~", PASTE_END = "\x1b[201~";

/** Tells a terminal to mark pasted text, and not to. */
export const MARK_PASTES = "\x1b[?2004h", LEAVE_PASTES = "\x1b[?2004l";

/** Parts of what a terminal gives: marks, the beginning of a mark at the end, ends of lines, Ctrl-C, anything else. */
// deno-lint-ignore no-control-regex -- these are meant
const PART = /\x1b\[20[01]~|\x1b(?:\[(?:20?[01]?)?)?$|\r\n|[\r\n\x03\x1b]|[^\r\n\x03\x1b]+/g;

/**
 * Keys as they come, held back while nobody reads, so that nothing is echoed into an answer. Lines of a pasted text end in
 * `\`: one text, not a question each.
 */
export class TypedKeys {
  readonly #decoder = new TextDecoder();
  /** The beginning of a mark whose rest is still to come. */
  #begun = "";
  #held: string[] = [];
  #isPasting = false;
  #isOpen = false;

  /**
   * @param give Gets keys for the line editor
   * @param onInterrupt Called for Ctrl-C, which the line editor doesn't get; what was held is dropped
   */
  constructor(readonly give: (keys: string) => void, readonly onInterrupt: () => void) {}

  /** Takes what the terminal gave. */
  push(bytes: Uint8Array): void {
    const text = this.#begun + this.#decoder.decode(bytes, { stream: true });
    this.#begun = "";
    for (const { 0: part, index } of text.matchAll(PART)) {
      if (part === PASTE || part === PASTE_END) this.#isPasting = part === PASTE;
      else if (part.startsWith("\x1b") && index + part.length === text.length) this.#begun = part;
      else if (part === "\x03" && !this.#isPasting) {
        this.#held = [];
        this.onInterrupt();
      } else if (/^[\r\n]/.test(part)) this.#held.push(this.#isPasting ? "\\\r" : "\r");
      // in a paste a control character is no order to the editor; by Ctrl-Z it would stop itself alone, and the shell not come back
      // deno-lint-ignore no-control-regex -- these are meant
      else this.#held.push(part.replaceAll(this.#isPasting ? /[\x00-\x08\x0b-\x1f\x7f]/g : /\x1a/g, ""));
    }
    this.#flow();
  }

  /** Lets keys through up to the end of a line. */
  open(): void {
    this.#isOpen = true;
    this.#flow();
  }

  #flow(): void {
    while (this.#isOpen && this.#held.length > 0) {
      const part = this.#held.shift() ?? "";
      this.give(part);
      this.#isOpen = !part.endsWith("\r");
    }
  }
}
