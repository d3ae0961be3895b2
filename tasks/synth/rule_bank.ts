/**
 * The bank of constraints that rules check: texts, the rule's id, how its arguments are drawn, and what can't stand beside it.
 * @module
 */
import { z } from "zod";

import { didYouMean } from "../../formats/did_you_mean.ts";
import { shown } from "../../formats/message.ts";
import type { Constraint } from "../../plugins/kinds/judgement.ts";
import type { Draws } from "./choose.ts";
import { readDataFile } from "./data_file.ts";
import type { SynthConstraint } from "./draft.ts";
import { tokensOf } from "./tokens.ts";

/** An argument: as it is, or drawn. `named` says in words what stands for each of `of`. */
const Argument = z.union([
  z.string(),
  z.number(),
  z.strictObject({ from: z.int(), to: z.int(), step: z.int().positive().default(1) }),
  z.strictObject({
    of: z.array(z.union([z.string(), z.number()])).min(1),
    named: z.array(z.string()).optional(),
  }).refine(
    ({ of, named }) => named === undefined || named.length === of.length,
    "named must be as long as of",
  ),
  z.strictObject({ word: z.string() }),
  z.strictObject({
    words: z.string(),
    count: z.tuple([z.int().positive(), z.int().positive()]),
    orOfAnswer: z.boolean().default(false),
  }),
  z.strictObject({ description: z.literal(true) }),
]);

const pattern = z.string().refine((text) => {
  try {
    return new RegExp(text, "iu") !== null;
  } catch {
    return false;
  }
}, "must be a regular expression");

const Rule = z.strictObject({
  id: z.string().min(1),
  type: z.string().min(1),
  dimension: z.string().min(1),
  slot: z.string().min(1),
  not: z.array(z.string()).default([]),
  when: pattern.optional(),
  unless: pattern.optional(),
  kwargs: z.record(z.string(), Argument),
  texts: z.array(z.string().min(1)).min(1),
});

const Schema = z.strictObject({
  name: z.string().min(1),
  lists: z.record(z.string(), z.string().transform((text) => text.split(/\s+/).filter((w) => w !== ""))),
  rules: z.array(Rule).min(1),
}).superRefine(({ lists, rules }, context) => {
  for (const [i, { kwargs, texts }] of rules.entries()) {
    for (const [name, argument] of Object.entries(kwargs)) {
      const list = typeof argument === "object" &&
        ("word" in argument ? argument.word : "words" in argument && argument.words);
      if (typeof list === "string" && (lists[list]?.length ?? 0) === 0) {
        context.addIssue({
          code: "custom",
          path: ["rules", i, "kwargs", name],
          message: `there is no list ${list}`,
        });
      }
    }
    for (const slot of texts.join(" ").matchAll(/\{(\w+)\}/g)) {
      if (Object.hasOwn(kwargs, slot[1] ?? "")) continue;
      context.addIssue({
        code: "custom",
        path: ["rules", i, "texts"],
        message: `${slot[0]} isn't an argument`,
      });
    }
  }
});

type BankRule = z.output<typeof Rule>;

/** A constraint of the bank. */
export interface BankConstraint extends SynthConstraint {
  /** The rule that checks it. */
  rule: NonNullable<Constraint["rule"]>;
}

/** Surroundings of a constraint that is to be drawn. */
export interface DrawContext {
  /** The task that it is added to. */
  description: string;
  /** Constraints that will stand beside it. */
  beside: readonly SynthConstraint[];
  /** An answer that it is to be broken by, where there is one: forbidden words may be drawn from it. */
  answer?: string;
}

/** A bank of rules, see the module's text. */
export class RuleBank {
  readonly #rules: readonly BankRule[];
  readonly #lists: Readonly<Record<string, string[]>>;
  /** Its name, for reports. */
  readonly name: string;

  private constructor({ name, rules, lists }: z.output<typeof Schema>) {
    this.name = name;
    this.#rules = rules;
    this.#lists = lists;
  }

  /**
   * Reads a bank; the bundled one without a path.
   * @param only Ids of the rules that are used; undefined: all
   * @throws {RangeError} If it isn't one, or has no rule of such an id
   */
  static read(path?: string, only?: readonly string[]): RuleBank {
    const file = path ?? new URL("data/rules.json", import.meta.url);
    const bank = readDataFile(file, Schema, "a bank of rules");
    const known = [...new Set(bank.rules.map(({ id }) => id))];
    const unknown = only?.find((id) => !known.includes(id));
    if (unknown !== undefined) {
      throw new RangeError(
        `Cannot use rules as ids of the bank ${bank.name} are needed: current value has ${shown(unknown)}${
          didYouMean(unknown, known)
        }: known are ${known.join(", ")}`,
      );
    }
    return new RuleBank({ ...bank, rules: bank.rules.filter(({ id }) => only?.includes(id) ?? true) });
  }

  /** Types that have a rule. */
  get types(): Set<string> {
    return new Set(this.#rules.map(({ type }) => type));
  }

  /** Ids of its rules. */
  get ids(): string[] {
    return [...new Set(this.#rules.map(({ id }) => id))];
  }

  /**
   * Draws a constraint of a type that can stand beside the others; null where there is none.
   * @param id Only this rule
   */
  draw(type: string, context: DrawContext, choose: Draws, id?: string): BankConstraint | null {
    const taken = this.#taken(context.beside);
    const fits = this.#rules.filter((rule) =>
      rule.type === type && (id === undefined || rule.id === id) && isFor(rule, context.description) &&
      !taken.some((other) => clash(rule, other))
    );
    if (fits.length === 0) return null;
    const rule = choose.one(fits);
    const values = Object.entries(rule.kwargs).map(([name, argument]) =>
      [name, this.#value(argument, context, choose)] as const
    );
    const shown = new Map(values.map(([name, { text }]) => [name, text]));
    return {
      text: choose.one(rule.texts).replaceAll(/\{(\w+)\}/g, (_, name: string) => shown.get(name) ?? ""),
      type: rule.type,
      dimension: rule.dimension,
      rule: { id: rule.id, kwargs: Object.fromEntries(values.map(([name, { value }]) => [name, value])) },
    };
  }

  /** The bank's entries of constraints that have a rule. */
  #taken(constraints: readonly SynthConstraint[]): BankRule[] {
    return constraints.flatMap(({ rule }) => this.#rules.filter(({ id }) => id === rule?.id));
  }

  #value(
    argument: z.output<typeof Argument>,
    { description, answer }: DrawContext,
    choose: Draws,
  ): { value: unknown; text: string } {
    if (typeof argument !== "object") return plain(argument);
    if ("from" in argument) return plain(choose.whole(argument.from, argument.to, argument.step));
    if ("of" in argument) {
      const i = choose.whole(0, argument.of.length - 1);
      const value = argument.of[i];
      return { value, text: argument.named?.[i] ?? String(value) };
    }
    if ("word" in argument) return plain(choose.one(this.#lists[argument.word] ?? []));
    if ("description" in argument) return plain(description);
    const own = argument.orOfAnswer && answer !== undefined && choose.fraction() < 0.5
      ? [...new Set(tokensOf(answer))].filter((word) => /^[a-z]{3,}$/.test(word))
      : [];
    const words = choose.shuffled(own.length > 0 ? own : this.#lists[argument.words] ?? [])
      .slice(0, choose.whole(...argument.count));
    return { value: words, text: words.join(" and ") };
  }
}

function plain(value: string | number): { value: unknown; text: string } {
  return { value, text: String(value) };
}

function isFor({ when, unless }: BankRule, description: string): boolean {
  const has = (text: string | undefined) => text !== undefined && new RegExp(text, "iu").test(description);
  return (when === undefined || has(when)) && !has(unless);
}

function clash(a: BankRule, b: BankRule): boolean {
  return a.slot === b.slot || a.not.includes(b.slot) || b.not.includes(a.slot);
}
