/**
 * Data of synthesis: a wanted row (slot), an attempt to make it (draft), and the draft's content so far.
 * @module
 */
import type { Constraint } from "../../plugins/kinds/judgement.ts";

/** Changes to constraints after which an answer keeps them no longer. */
export const OPERATIONS = ["add", "remove", "revise"] as const;

/** One of {@linkcode OPERATIONS}. */
export type Operation = (typeof OPERATIONS)[number];

/** A constraint with its place in the taxonomy; with a rule it is checked by it, and by no judge. */
export interface SynthConstraint extends Constraint {
  /** Type of the taxonomy. */
  type: string;
  /** Dimension of the type; "" where nobody said. */
  dimension: string;
}

/** A row that is wanted. */
export interface WantedRow {
  /** From 0. */
  index: number;
  /** Type of each constraint. */
  types: string[];
  /** Change that makes x2 of x1. */
  operation: Operation;
}

/** A plain instruction to begin with. */
export interface Seed {
  /** Place in its file, for reports. */
  source: string;
  /** The instruction's text. */
  text: string;
}

/** The three parts of an instruction. */
export interface InstructionParts {
  /** The task, without its constraints. */
  description: string;
  /** Demands on the answer. */
  constraints: SynthConstraint[];
  /** Text that the task works on; "" without any. */
  input: string;
}

/** Steps in their order; a draft is dropped at one of them, or kept. */
export const STEPS = [
  "expand",
  "structure",
  "completeness",
  "redundancy",
  "exclusion",
  "duplicates",
  "answer",
  "evaluation",
  "worse",
  "change",
  "exclusion of x2",
  "answer to x2",
  "evaluation of y2",
  "cross-check",
  "group",
  "duplicates at the end",
] as const;

/** One of {@linkcode STEPS}. */
export type SynthStep = (typeof STEPS)[number];

/** Ways to a worse answer, in words of the report; the first one is a judge's, the others are of `verify: rules`. */
export const WORSE_ORIGINS = [
  "written to be worse",
  "a try at x1 that broke it",
  "an answer to the task without its constraints",
  "y2, as no other broken answer was found",
] as const;

/** One of {@linkcode WORSE_ORIGINS}. */
export type WorseOrigin = (typeof WORSE_ORIGINS)[number];

/** An attempt to fill a slot. */
export interface Draft {
  /** `SLOT.ATTEMPT`. */
  id: string;
  /** The wanted row. */
  slot: WantedRow;
  /** The instruction that it is made from. */
  seed: Seed;
  /** The instruction, taken apart. */
  parts?: InstructionParts;
  /** x1. */
  x1?: string;
  /** y1: keeps x1. */
  y1?: string;
  /** An answer to x1 that keeps it less well, for DPO. */
  worse?: string;
  /** Origin of the worse answer. */
  worseOrigin?: WorseOrigin;
  /** Constraints of x2. */
  constraints2?: SynthConstraint[];
  /** x2. */
  x2?: string;
  /** y2: keeps x2. */
  y2?: string;
  /** Where and why it was given up. */
  dropped?: { step: SynthStep; reason: string; example: string };
}

/** Thrown to give a draft up; caught by the workflow. */
export class DraftDropped extends Error {
  /** The step that dropped it. */
  readonly step: SynthStep;
  /** Why, in words that are the same for all drafts with this fault. */
  readonly reason: string;
  /** The text in question, for the report. */
  readonly example: string;

  /**
   * Gives a draft up.
   * @param step The step that drops it
   * @param reason In words that are the same for all drafts with this fault
   * @param example The text in question
   */
  constructor(step: SynthStep, reason: string, example = "") {
    super(`${step}: ${reason}`);
    this.step = step;
    this.reason = reason;
    this.example = example;
  }
}

/** Marks in front of constraints in an instruction. */
export type Marks = "dash" | "number" | "none";

/** The constraints as lines. */
export function constraintLines(constraints: readonly SynthConstraint[], marks: Marks): string {
  const mark = (i: number) => marks === "dash" ? "- " : marks === "number" ? `${i + 1}. ` : "";
  return constraints.map(({ text }, i) => `${mark(i)}${text}`).join("\n");
}

/** An instruction as TRACE lays it out: description, constraints, and the input where there is one. */
export function instructionText({ description, constraints, input }: InstructionParts, marks: Marks): string {
  const lines = [
    description,
    ...constraints.length === 0 ? [] : [constraintLines(constraints, marks)],
    ...input === "" ? [] : ["# Inputs:", input],
  ];
  return lines.join("\n");
}
