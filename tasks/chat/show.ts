/**
 * Answers as a terminal or a pipe shows them.
 * @module
 */
import { Columns } from "./columns.ts";
import type { AnswerSink } from "./session.ts";

/** Where texts go. */
export interface ShowOptions {
  /** Names of the sides. */
  names: readonly string[];
  /** Columns of the terminal at the moment; null: lines of a pipe are answered. */
  width: (() => number) | null;
  /** True if what is written comes to a terminal. */
  isShown: boolean;
  /** True if thoughts may be dimmed. */
  colour: boolean;
  /** Writes text as it is. */
  write(text: string): void;
  /** Tells what isn't part of an answer. */
  note(text: string): void;
}

/** Narrowest terminal, in columns a side, where sides stand beside each other. */
const NARROW = 30;

/** Shows one round of answers; {@linkcode AnswerSink.ended} of the last side ends it. */
export function showAnswers(options: ShowOptions): AnswerSink {
  const { names, width } = options;
  const sink = names.length === 1
    ? oneSide(options)
    : width !== null && width() >= NARROW * names.length
    ? beside(options, width)
    : oneByOne(options);
  if (!options.isShown) return sink;
  return {
    ...sink,
    thought: (side, text) => sink.thought(side, harmless(text)),
    said: (side, text) => sink.said(side, harmless(text)),
  };
}

/** Without characters that a terminal takes as orders. */
function harmless(text: string): string {
  // deno-lint-ignore no-control-regex -- these are meant
  return text.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "\uFFFD");
}

/** A single answer, as it comes. */
function oneSide({ width, colour, write, note }: ShowOptions): AnswerSink {
  let last = "\n", thinking = false;
  const put = (text: string) => {
    write(text);
    last = text.slice(-1);
  };
  const dim = (on: boolean) => {
    if (on === thinking) return;
    thinking = on;
    if (colour) write(on ? "\x1b[2m" : "\x1b[22m");
    if (!on) put("\n\n");
  };
  return {
    // thoughts are no part of an answer that another program reads
    thought: (_, text) => {
      if (width === null) return;
      dim(true);
      put(text);
    },
    said: (_, text) => {
      dim(false);
      put(text);
    },
    ended: (_, why) => {
      dim(false);
      if (last !== "\n") write("\n");
      if (why !== null) note(`(${why})`);
    },
  };
}

/** Shows the answers of two models side by side. @param width Of the terminal, in columns */
function beside({ names, write, note }: ShowOptions, width: () => number): AnswerSink {
  // titles come with the first text, not in front of an error
  let shown: Columns | null = null;
  const columns = () => shown ??= new Columns(names, width, (row) => write(`${row}\n`));
  const notes: string[] = [];
  const thinking = names.map(() => false);
  let open = names.length;
  return {
    thought(side, text) {
      columns().push(side, thinking[side] ? text : `(thinks) ${text}`);
      thinking[side] = true;
    },
    said(side, text) {
      columns().push(side, thinking[side] ? `\n\n${text}` : text);
      thinking[side] = false;
    },
    ended(side, why) {
      columns().end(side);
      if (why !== null) notes.push(`(${names[side]}: ${why})`);
      if (--open === 0) { for (const text of notes) note(text); }
    },
  };
}

/** One after the other, each under its name; a later side waits for the earlier ones. */
function oneByOne({ names, write, note }: ShowOptions): AnswerSink {
  const held = names.map(() => "");
  const ended: (string | null | undefined)[] = names.map(() => undefined);
  let shown = 0, begun = false;
  const flush = () => {
    while (shown < names.length) {
      if (!begun) write(`${names[shown]}:\n`);
      begun = true;
      write(held[shown] ?? "");
      const isEnded = ended[shown] !== undefined;
      if (!isEnded) {
        held[shown] = "";
        return;
      }
      write("\n");
      const why = ended[shown];
      if (why != null) note(`(${names[shown]}: ${why})`);
      shown++;
      begun = false;
    }
  };
  return {
    thought: () => {},
    said(side, text) {
      held[side] += text;
      if (side === shown) flush();
    },
    ended(side, why) {
      ended[side] = why;
      flush();
    },
  };
}
