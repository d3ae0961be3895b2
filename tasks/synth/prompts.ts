/**
 * Prompts of synthesis: plain files with `{{slots}}`, replaceable one by one by files of the same names in a folder of one's own.
 * @module
 */
import { join } from "@std/path";
import { createHash } from "node:crypto";

import { didYouMean } from "../../formats/did_you_mean.ts";
import { exists } from "../../formats/exists.ts";
import { breakMarks, fence, fillTemplate, readTemplate } from "../../plugins/benchmarks/judge_text.ts";
import { constraintLines, type InstructionParts } from "./draft.ts";

/** Slots that each prompt must have. */
const SLOTS = {
  expand: ["instruction", "kinds"],
  structure: ["instruction", "types"],
  parts: ["description", "constraints", "input"],
  completeness: ["parts"],
  redundancy: ["parts"],
  respond: ["instruction"],
  worse: ["parts", "answer"],
  change_add: ["parts", "answer"],
  change_remove: ["parts", "answer"],
  change_revise: ["parts", "answer"],
  group: ["instruction", "answer", "instruction2", "answer2"],
} as const;

/** Name of a prompt. */
export type PromptName = keyof typeof SLOTS;

/** The judge's prompt, in TRACE's form; read by its own protocol. */
const EVALUATION_PROMPT = "evaluation.txt";

/** The prompts of a run. */
export class Prompts {
  readonly #texts: ReadonlyMap<PromptName, string>;
  /** SHA-256 of each text, in hexadecimal digits; that of an evaluation prompt of one's own too. */
  readonly hashes: Readonly<Record<string, string>>;
  /** Path of an evaluation prompt of one's own. */
  readonly evaluation: string | undefined;

  /**
   * Reads them.
   * @param folder Files of one's own, each in place of the bundled one of its name
   * @throws {RangeError} If the folder isn't there or holds no prompt, or a prompt lacks a slot
   */
  constructor(folder?: string) {
    const names = Object.keys(SLOTS) as PromptName[];
    if (folder !== undefined) {
      refuseOthers(folder, [...names.map((name) => `${name}.txt`), EVALUATION_PROMPT]);
    }
    const own = (file: string) =>
      folder !== undefined && exists(join(folder, file)) ? join(folder, file) : undefined;
    this.#texts = new Map(
      names.map((name) => [
        name,
        readTemplate(own(`${name}.txt`), new URL(`prompts/${name}.txt`, import.meta.url), SLOTS[name])
          .trimEnd(),
      ]),
    );
    this.evaluation = own(EVALUATION_PROMPT);
    this.hashes = Object.fromEntries([
      ...this.#texts,
      ...this.evaluation === undefined
        ? []
        : [["evaluation", Deno.readTextFileSync(this.evaluation)] as const],
    ].map(([name, text]) => [name, createHash("sha256").update(text).digest("hex")]));
  }

  /**
   * Fills a prompt. Texts of others are fenced by a mark made of them, so that none can end its place; marks of chat
   * templates in them are broken.
   */
  fill(name: PromptName, slots: Readonly<Record<string, string>>): string {
    const texts = Object.fromEntries(Object.entries(slots).map(([key, text]) => [key, breakMarks(text)]));
    const tag = fence(...Object.values(texts));
    return fillTemplate(this.#texts.get(name) ?? "", { ...texts, tag });
  }

  /** The parts of an instruction as other prompts have them. */
  parts(parts: InstructionParts): string {
    const { description, constraints, input } = parts;
    return this.fill("parts", {
      description,
      constraints: constraintLines(constraints, "number"),
      input: input === "" ? "NULL" : input,
    });
  }

  /** Prompt of a model that answers an instruction: the instruction as it is. */
  respond(instruction: string): string {
    return fillTemplate(this.#texts.get("respond") ?? "", { instruction });
  }
}

/** A misspelt file would leave the bundled prompt in its place without a word. */
function refuseOthers(folder: string, known: readonly string[]): void {
  let names: string[];
  try {
    names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".txt"));
  } catch (error) {
    throw new RangeError(`Cannot read prompts of ${folder}: ${(error as Error).message}`, { cause: error });
  }
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0 && names.length > 0) return;
  throw new RangeError(
    names.length === 0
      ? `Cannot use ${folder} as prompts as a file is needed of ${known.join(", ")}: current value is none`
      : `Cannot use ${join(folder, unknown[0] ?? "")} as a prompt${
        didYouMean(unknown[0] ?? "", known)
      }: known are ${known.join(", ")}`,
  );
}
