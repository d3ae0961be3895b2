/**
 * Parts of a run that all steps of synthesis share, and helpers for them.
 * @module
 */
import type { CompletionRequest, Endpoint } from "../../plugins/kinds/endpoint.ts";
import { samplingOf } from "../../plugins/kinds/sampling.ts";
import { JudgeAgreement } from "./agreement.ts";
import type { SynthConfig } from "./config.ts";
import { type Draft, DraftDropped, type InstructionParts, instructionText, type SynthStep } from "./draft.ts";
import type { AnswerCheck, JudgeModel } from "./evaluation.ts";
import type { Exclusion } from "./exclusion.ts";
import type { Prompts } from "./prompts.ts";
import type { RuleBank } from "./rule_bank.ts";
import type { StepAsker } from "./step_asker.ts";
import type { Taxonomy } from "./taxonomy.ts";

/** Parts of a run. */
export interface Workshop {
  /** The resolved configuration. */
  config: SynthConfig;
  /** Types of constraints. */
  taxonomy: Taxonomy;
  /** Constraints with rules. */
  bank: RuleBank;
  /** Texts that models are given. */
  prompts: Prompts;
  /** Rows that must not get in. */
  exclusion: Exclusion;
  /** Writes instructions and answers. */
  generator: Endpoint;
  /** Check; none with `verify: rules`. */
  judges: readonly JudgeModel[];
  /** Judges answers. */
  evaluation: AnswerCheck;
  /** Asks models and keeps every answer in the run's file. */
  asker: StepAsker;
  /** Of the judges on the two criteria of quality control, and on groups. */
  agreements: Record<"completeness" | "redundancy" | "group", JudgeAgreement>;
  /** Verdicts of the first judge on both criteria: completeness, redundancy. */
  criteria: [boolean, boolean][];
}

/** One that hasn't judged anything. */
export function noAgreements(): Workshop["agreements"] {
  return {
    completeness: new JudgeAgreement(),
    redundancy: new JudgeAgreement(),
    group: new JudgeAgreement(),
  };
}

/** A request to the generator. */
export function generatorRequest({ config }: Workshop, content: string, seed?: number): CompletionRequest {
  const sampling = samplingOf(config.generator.run_args);
  return { ...sampling, messages: [{ role: "user", content }], ...(seed !== undefined && { seed }) };
}

/** The instruction of parts. */
export function instructionOf({ config }: Workshop, parts: InstructionParts): string {
  return instructionText(parts, config.marks);
}

/**
 * Gives a draft up whose text overlaps with a row that must not get in.
 * @throws {DraftDropped} Then
 */
export function refuseExcluded({ exclusion }: Workshop, step: SynthStep, text: string): void {
  const found = exclusion.find(text);
  if (found !== null) throw new DraftDropped(step, `overlaps with ${found.file}`, `${text}\n→ ${found.run}`);
}

/** Parts of x2: those of x1 with other constraints. */
export function parts2Of({ parts, constraints2 }: Draft): InstructionParts {
  return { ...made(parts, "parts"), constraints: made(constraints2, "constraints2") };
}

/** A draft's part by an earlier step. @throws {TypeError} If that step made none */
export function made<T>(value: T | undefined, what: string): T {
  if (value === undefined) {
    throw new TypeError(`Cannot continue a draft: an earlier step must make ${what}, and it made none`);
  }
  return value;
}
