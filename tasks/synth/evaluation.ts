/**
 * Check that an answer keeps its constraints: those with a rule are checked by the rule, the others by judge models in TRACE's
 * protocol, constraint by constraint from 0 to 10. An answer passes with full scores only.
 * @module
 */
import type { BenchmarkItem, JudgeProtocol } from "../../plugins/kinds/benchmark.ts";
import { traceFollowed } from "../../plugins/benchmarks/trace/trace.ts";
import type { Endpoint } from "../../plugins/kinds/endpoint.ts";
import { type Ask, type Judge, JudgeUnreachable } from "../../plugins/kinds/judge.ts";
import { JudgeAgreement } from "./agreement.ts";
import type { Draft, InstructionParts, SynthStep } from "./draft.ts";
import { StepAsker, Unanswered } from "./step_asker.ts";

/** A judge model: its endpoint, and the judge that asks it. */
export interface JudgeModel {
  /** The model that it asks. */
  endpoint: Endpoint;
  /** Judges in TRACE's protocol. */
  judge: Judge;
}

/** Result of a check; `example` is the broken constraint, or a judge's text. */
export type Finding = { kept: true } | { kept: false; reason: string; example: string; known: boolean };

/** An answer that is checked. */
interface Answer {
  draft: Draft;
  /** For which judges are asked. */
  step: SynthStep;
  /** Its instruction. */
  parts: InstructionParts;
  response: string;
}

/** Judges answers, see the module's text. */
export class AnswerCheck {
  readonly #rules: Judge;
  readonly #judges: readonly JudgeModel[];
  readonly #protocol: JudgeProtocol | null;
  /** Of the judges on whole answers. */
  readonly agreement = new JudgeAgreement();

  /**
   * Judges nothing yet.
   * @param rules Checks constraints with rules
   * @param judges Check the others; none: only rules
   * @param protocol Protocol of asking judges; null without judges
   */
  constructor(rules: Judge, judges: readonly JudgeModel[], protocol: JudgeProtocol | null) {
    this.#rules = rules;
    this.#judges = judges;
    this.#protocol = protocol;
  }

  /**
   * Judges an answer by the constraints that have a rule.
   * @returns For each of them whether it is kept; null with the reason where that can't be told
   */
  async byRules(
    parts: InstructionParts,
    response: string,
  ): Promise<{ id: string; text: string; kept: boolean | null; reason: string }[]> {
    const constraints = parts.constraints.filter(({ rule }) => rule !== undefined);
    const { constraints: verdicts } = await this.#rules.judge(
      { id: "", prompt: "", response, constraints },
      new AbortController().signal,
    );
    return constraints.map(({ text, rule }, i) => {
      const { score = null, reason = "" } = verdicts[i] ?? {};
      return { id: rule?.id ?? "", text, kept: score === null ? null : score === 1, reason };
    });
  }

  /**
   * Judges an answer by all constraints. Judges aren't asked where a rule is broken.
   * @throws {Unanswered} If a judge can't be reached
   */
  async check(
    asker: StepAsker,
    { draft, step, parts, response }: Answer,
  ): Promise<Finding> {
    for (const { id, text, kept, reason } of await this.byRules(parts, response)) {
      if (kept === null) {
        return { kept: false, known: false, reason: `a rule can't tell: ${reason}`, example: text };
      }
      if (!kept) {
        return { kept: false, known: true, reason: `${id} is broken`, example: `${text}\n→ ${response}` };
      }
    }
    const others = parts.constraints.filter(({ rule }) => rule === undefined);
    if (others.length === 0) return { kept: true };
    const findings: Finding[] = [];
    const judged = { ...parts, constraints: others }, item = itemOf(draft, step, judged);
    for (const [i, model] of this.#judges.entries()) {
      findings.push(
        await this.#asked(model, {
          item,
          parts: judged,
          response,
          ask: (endpoint, request, round) =>
            asker.ask({ draft, step, number: `${i}.${round}`, round }, endpoint, request),
        }),
      );
    }
    this.agreement.add(findings.map((finding) => finding.kept || finding.known ? finding.kept : null));
    return findings.find(({ kept }) => !kept) ?? { kept: true };
  }

  async #asked(
    { judge }: JudgeModel,
    { item, parts, response, ask }: {
      item: BenchmarkItem;
      parts: InstructionParts;
      response: string;
      ask: Ask;
    },
  ): Promise<Finding> {
    try {
      const judgement = await judge.judge({
        id: item.id,
        prompt: parts.description,
        response,
        constraints: parts.constraints,
        item,
        ...(this.#protocol && { protocol: this.#protocol }),
        ask,
      }, new AbortController().signal);
      const { score } = traceFollowed({ reading: "complete", ...judgement });
      if (score === 1) return { kept: true };
      const example = `${response}\n→ ${judgement.raw}`;
      return score === null
        ? { kept: false, known: false, reason: "the judge's scores can't be read", example }
        : { kept: false, known: true, reason: "not a full score", example };
    } catch (error) {
      throw error instanceof JudgeUnreachable ? new Unanswered(error.completion) : error;
    }
  }
}

function itemOf(
  draft: Draft,
  step: SynthStep,
  { description, constraints, input }: InstructionParts,
): BenchmarkItem {
  return {
    id: `${draft.id}/${step}`,
    messages: [{ role: "user", content: description }],
    constraints: constraints.map(({ text, type }) => ({ text, groups: { type } })),
    groups: {},
    fields: {
      query: input === "" ? description : `${description}\n# Inputs:\n${input}`,
      constraints: constraints.map(({ text }, i) => `${i + 1}. ${text}`).join("\n"),
    },
  };
}
