/**
 * Runs work on made inputs and judges how it ends: well, or by an error that a person can use.
 * @module
 */
import { MAX_MESSAGE } from "../../formats/message.ts";
import { Chooser } from "./chooser.ts";

/** Milliseconds above which an input counts as a hang; only told where all inputs run. */
const HANG = 5000;

/** Messages that the engine, the system or a library writes by itself. */
const RAW = [
  /is not (a function|iterable|defined|an? \w+ iterator|a constructor|extensible)/,
  /Cannot (read|set|destructure|convert|access|assign|delete|mix|create|use 'in') (propert|undefined|null|object|a Symbol|to |operator|BigInt)/i,
  /\(reading '/,
  /Maximum call stack|Invalid (array|string|typed array) length|Array buffer allocation|out of memory/i,
  /offset is (out of|outside)|Start offset|byte length of|out of bounds/i,
  /\[object \w+\]|circular structure/i,
  /\bundefined\b(?! \()|\bNaN\b/,
];
/** Beginning of this project's messages, places and names of files in front. */
const OURS = /(^|\n|: )(Cannot |\d+ )/;

/** Number of `all` inputs that run: all with `DINOTUNE_FUZZ=full`, a fiftieth otherwise. */
export function share(all: number): number {
  return isFull() ? all : Math.ceil(all / 50);
}

function isFull(): boolean {
  return Deno.env.get("DINOTUNE_FUZZ") === "full";
}

/** Outcomes of a fuzz. */
export interface FuzzTally {
  /** Inputs that were taken. */
  taken: number;
  /** Inputs that were refused well. */
  refused: number;
  /** One text per bad outcome: number, what is wrong, message. */
  bad: string[];
}

/**
 * Runs inputs 0 to `count` - 1.
 * @param work Makes its input from the chooser and reads it; throws what the reader throws
 * @param named Text that every message has to hold, such as the name of a file; called after the error
 */
export async function fuzz(
  kind: string,
  count: number,
  work: (choose: Chooser, index: number) => Promise<void> | void,
  named: (index: number) => string | undefined = () => undefined,
): Promise<FuzzTally> {
  const tally: FuzzTally = { taken: 0, refused: 0, bad: [] };
  const only = Deno.env.get("DINOTUNE_FUZZ_ONLY");
  for (let index = 0; index < count; index++) {
    if (only !== undefined && Number(only) !== index) continue;
    const begun = performance.now();
    let fault: string | null = null;
    try {
      await work(new Chooser(kind, index), index);
      tally.taken++;
    } catch (error) {
      fault = faultOf(error, named(index));
      if (fault === null) tally.refused++;
    }
    const took = performance.now() - begun;
    if (took > HANG && isFull()) fault = `took ${Math.round(took)} ms; ${fault ?? "otherwise well"}`;
    if (fault !== null) tally.bad.push(`${kind} ${index}: ${fault}`);
  }
  return tally;
}

/** The fault of an error's message; null without one. */
function faultOf(error: unknown, named: string | undefined): string | null {
  if (!(error instanceof Error)) return `threw ${typeof error}`;
  const { message } = error;
  const shown = `${error.name}: ${message.slice(0, 600)}`;
  const trace = Deno.env.get("DINOTUNE_DEBUG") === "1" ? `\n${error.stack}` : "";
  if (message.length > MAX_MESSAGE) return `a message of ${message.length} characters: ${shown}${trace}`;
  const raw = RAW.find((pattern) => pattern.test(withoutQuotes(message)));
  if (raw || !OURS.test(message)) return `a raw error: ${shown}${trace}`;
  if (named !== undefined && !message.includes(named)) return `a message without ${named}: ${shown}${trace}`;
  return null;
}

/** Values of inputs stand in quotes and say nothing about who speaks. */
function withoutQuotes(message: string): string {
  return message.replaceAll(/"(?:[^"\\]|\\.)*"?/g, '""');
}
