/**
 * Rules with a limit of time. The rules' own code takes time in proportion to the text, and runs here. A row's own patterns can
 * take exponential time, and very long texts long enough to make Ctrl-C wait: those are checked in a Worker, which gives them up
 * when the limit is over; the rule is then unscored with the reason.
 * @module
 */
import { connect, type WorkerConnection } from "../../../kernels/engine/worker/worker_call.ts";
import type { Constraint, Verdict } from "../../kinds/judgement.ts";
import type { CheckModels } from "./checks/check.ts";
import { loadCheckModels } from "./models.ts";
import type { InstructionVerdicts } from "./verdicts.ts";

/** Milliseconds that one rule may take in the Worker. */
const RULE_LIMIT_MS = 10_000;
/** Further milliseconds after which a Worker that hasn't given a rule up is left alone. */
const GRACE_MS = 5_000;
/** A text longer than this, in UTF-16 units, goes to the Worker with every rule. */
const LONG_TEXT = 200_000;
/** Milliseconds without work after which the Worker ends. */
const IDLE_MS = 250;

/** Arguments that are used as patterns, by rule. */
const PATTERNS: Readonly<Record<string, string>> = {
  "keywords:existence": "keywords",
  "keywords:frequency": "keyword",
  "keywords:forbidden_words": "forbidden_words",
  "detectable_content:postscript": "postscript_marker",
  "detectable_format:multiple_sections": "section_spliter",
};

/** A rule of a row. */
export type Rule = NonNullable<Constraint["rule"]>;

/** True if checking takes more than time in proportion to a text of usual length: a pattern with a repetition or an alternative. */
export function needsLimit({ id, kwargs }: Rule, text: string): boolean {
  if (text.length > LONG_TEXT) return true;
  const argument = Object.hasOwn(PATTERNS, id) ? kwargs[PATTERNS[id] ?? ""] : undefined;
  return [argument].flat().some((pattern) => typeof pattern === "string" && /[*+?{|]/.test(pattern));
}

/** Which rules the Worker knows, and what they need. */
export interface RuleSet {
  /** Benchmark whose checks {@linkcode BoundedRules.instruction} takes; default: ifeval. */
  of?: "ifeval" | "ifbench";
  /** Folder of the tagger, see {@linkcode loadCheckModels}. */
  tagger?: string;
}

/** Checks rules in a Worker, one at a time. The Worker starts when it is needed and ends when it has nothing to do. */
export class BoundedRules {
  readonly #limit: number;
  readonly #rules: RuleSet;
  #models: Promise<CheckModels> | undefined;
  #worker: WorkerConnection | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param limit Milliseconds that one rule may take. */
  constructor(limit: number = RULE_LIMIT_MS, rules: RuleSet = {}) {
    this.#limit = limit;
    this.#rules = rules;
  }

  /** Models of the checks that run here, loaded once. */
  models(): Promise<CheckModels> {
    return this.#models ??= loadCheckModels(this.#rules.tagger);
  }

  /** The verdict of `checkRule` (constraint_rules.ts), or null with the reason that it took too long. */
  check(rule: Rule, response: string): Promise<Verdict> {
    return this.#inTurn("rule", rule, response, (late) => late);
  }

  /** The strict and the loose verdict of `checkInstructions` on one instruction, or null with the reason. */
  instruction(rule: Rule, response: string): Promise<InstructionVerdicts> {
    return this.#inTurn("instruction", rule, response, (late) => ({ strict: [late], loose: [late] }));
  }

  #inTurn<T>(method: string, rule: Rule, response: string, tooLate: (late: Verdict) => T): Promise<T> {
    const run = this.#last.then(() => this.#call(method, rule, response, tooLate));
    this.#last = run.catch(() => {});
    return run;
  }

  async #call<T>(method: string, rule: Rule, response: string, tooLate: (late: Verdict) => T): Promise<T> {
    clearTimeout(this.#idle);
    if (this.#worker === undefined) {
      const worker = connect(new URL("./rules_worker.ts", import.meta.url), "rules");
      this.#worker = worker;
      // starting and loading models isn't the rule's time
      await worker.call("ready", [rule.id, this.#rules]);
    } else await this.#worker.call("ready", [rule.id, this.#rules]);
    const { signal, clear } = timeout(this.#limit + GRACE_MS);
    const seconds = this.#limit / 1000;
    const late = tooLate({
      score: null,
      reason:
        `rule "${rule.id}" took longer than ${seconds} s: give it a simpler pattern, or a shorter response`,
    });
    try {
      const args = [rule, response, this.#limit];
      return (await this.#worker.call<{ value: T } | null>(method, args, { signal }))?.value ?? late;
    } catch (error) {
      if (!signal.aborted) throw error;
      this.#end();
      return late;
    } finally {
      clear();
      if (this.#worker !== undefined) this.#idle = setTimeout(() => this.#end(), IDLE_MS);
    }
  }

  #end(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }
}

function timeout(ms: number): { signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error("too late")), ms);
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}
