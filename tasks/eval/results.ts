/**
 * From stored answers and judgements to results.json and the released result file. Costs no request and always gives the same.
 * @module
 */
import { isAbsolute, join } from "@std/path";

import { AtomicFile, writeFileAtomic } from "../../formats/atomic.ts";
import type { Judgement } from "../../plugins/kinds/judgement.ts";
import { type Endpoint, lastUserText } from "../../plugins/kinds/endpoint.ts";
import type { Stopped } from "./asker.ts";
import { redactValue } from "../../formats/secrets.ts";
import { type EvalConfig, slug } from "./config.ts";
import type { ItemStore } from "./item_store.ts";
import type { BenchmarkPart } from "./parts.ts";
import { ReasonCounts } from "./reason_counts.ts";
import type { EvalProvenance } from "./run_yaml.ts";
import { ScoreTable, type ScoreWithSpread } from "./score_table.ts";
import { AlphaSum } from "./statistics/alpha.ts";
import { type StoredItem, storedItems } from "./stored.ts";
import { costOf, type Usage } from "./usage.ts";

/** What became of the items. */
export interface Counts {
  /** All. */
  items: number;
  /** With an answer or another lasting outcome. */
  answered: number;
  /** Answers cut at max_tokens. */
  truncated: number;
  /** Answers without any text. */
  empty: number;
  /** Answers before which the model thought, and thoughts without an answer; thoughts are set apart and not scored. */
  thoughts: number;
  /** Thoughts without an answer: cut at max_tokens or never closed, unscored. */
  thought_only: number;
  /** Prompts or answers that a policy of the server held back: no answer, unscored. */
  content_filter: number;
  /** Prompts longer than the model's context: no answer, unscored. */
  context_length: number;
  /** Without an answer: to be asked when the run goes on. */
  unanswered: number;
  /** With a judgement. */
  judged: number;
  /** Answered, but not judged yet. */
  unjudged: number;
  /** Constraints. */
  constraints: number;
  /** Constraints without a score, of judged answers. */
  unscored: number;
  /** How many judges' texts were read completely, partly, not at all; 0 without judge models. */
  readings: { complete: number; partial: number; none: number };
  /** Reasons of unscored constraints with how often each was met, most frequent first. */
  reasons: { reason: string; count: number }[];
}

/** How well a panel agrees. */
export interface Agreement {
  /** The members. */
  judges: string[];
  /** Krippendorff's alpha over constraints, for intervals. */
  alpha: number | null;
  /** The same with every difference counted alike. */
  alphaNominal: number | null;
  /** Share of constraints on which all who scored gave the same score. */
  unanimous: number | null;
}

/** What results.json holds. */
export interface Results {
  /** Layout of this file. */
  version: 1;
  /** Benchmark. */
  benchmark: string;
  /** Model under test. */
  model: string;
  /** Judge. */
  judge: string;
  /** Whether every item has an outcome and a judgement. */
  complete: boolean;
  /** Why the run stopped, or null. */
  stopped: string | null;
  /** The first score of the benchmark. */
  headline: { metric: string; value: number | null };
  /** Whether the scores reach the threshold; null without one. */
  passed: boolean | null;
  /** Every score. */
  scores: ScoreWithSpread[];
  /** Counts. */
  counts: Counts;
  /** Of a panel; null without one. */
  agreement: Agreement | null;
  /** Tokens and costs of all answers and judgements that are stored, whenever they were made. */
  totals: {
    promptTokens: number;
    completionTokens: number;
    judgePromptTokens: number;
    judgeCompletionTokens: number;
    cost: number;
    /** Answers and judgements whose tokens are estimated from characters, as the server gave no counts. */
    estimated: number;
  };
  /** What this start used. */
  usage: Usage;
  /** Errors of this start, by kind. */
  failures: { kind: string; count: number; example: string }[];
  /** Of the bootstrap. */
  bootstrap: { resamples: number; seed: number };
}

/** What {@linkcode scoreRun} takes. */
export interface ScoreRun {
  /** Configuration. */
  config: EvalConfig;
  /** Benchmark. */
  part: BenchmarkPart;
  /** Stored states. */
  store: ItemStore;
  /** What decided them. */
  provenance: EvalProvenance;
  /** Number of items. */
  total: number;
  /** What this start used. */
  usage: Usage;
  /** Errors of this start. */
  failures: ReadonlyMap<string, { count: number; example: string }>;
  /** Prices of a million tokens. */
  prices: { model: Endpoint["prices"]; judge: Endpoint["prices"] };
  /** Why the run stopped. */
  stopped: Stopped | null;
}

/** Scores what is stored. */
export async function scoreRun(run: ScoreRun): Promise<Results> {
  const { config, part, provenance, usage, failures, prices, stopped } = run;
  const table = new ScoreTable();
  const counts: Counts = {
    items: 0,
    answered: 0,
    truncated: 0,
    empty: 0,
    thoughts: 0,
    thought_only: 0,
    content_filter: 0,
    context_length: 0,
    unanswered: 0,
    judged: 0,
    unjudged: 0,
    constraints: 0,
    unscored: 0,
    readings: { complete: 0, partial: 0, none: 0 },
    reasons: [],
  };
  const totals: Results["totals"] = {
    promptTokens: 0,
    completionTokens: 0,
    judgePromptTokens: 0,
    judgeCompletionTokens: 0,
    cost: 0,
    estimated: 0,
  };
  const reasons = new ReasonCounts();
  const panel = new PanelVotes();
  for await (const { item, answer, response, judged, judgement } of storedItems(run)) {
    table.add(part.benchmark.contributions({ item, response, judgement }));
    counts.items++;
    counts.constraints += item.constraints.length;
    if (answer === null) counts.unanswered++;
    else {
      counts.answered++;
      if (answer.completion.outcome === "length") counts.truncated++;
      if (answer.completion.thought !== undefined) counts.thoughts++;
      if (answer.completion.outcome === "thought_only") counts.thought_only++;
      if (answer.completion.outcome === "content_filter") counts.content_filter++;
      if (answer.completion.outcome === "context_length") counts.context_length++;
      if (answer.completion.estimated) totals.estimated++;
      if (response !== null && response.trim() === "") counts.empty++;
      totals.promptTokens += answer.completion.promptTokens;
      totals.completionTokens += answer.completion.completionTokens;
      totals.cost += costOf(answer.completion, prices.model);
    }
    if (judged === null || judgement === null) {
      if (response !== null) counts.unjudged++;
      continue;
    }
    counts.judged++;
    if (judgement.reading !== undefined) counts.readings[judgement.reading]++;
    for (const verdict of judgement.constraints) {
      if (verdict.score !== null) continue;
      counts.unscored++;
      reasons.add(verdict.reason);
    }
    if (judged.estimated) totals.estimated++;
    totals.judgePromptTokens += judged.promptTokens;
    totals.judgeCompletionTokens += judged.completionTokens;
    totals.cost += costOf(judged, prices.judge);
    panel.add(judgement);
  }
  counts.reasons = reasons.most(50);
  const scores = table.scores(config.resamples, config.seed);
  const [first] = scores;
  return {
    version: 1,
    benchmark: provenance.benchmark,
    model: provenance.model,
    judge: provenance.judged_by,
    complete: stopped === null && counts.unanswered === 0 && counts.unjudged === 0,
    stopped: stopped?.message ?? null,
    headline: { metric: first?.metric ?? "", value: first?.value ?? null },
    passed: passes(config.threshold, scores),
    scores,
    counts,
    agreement: panel.agreement(),
    totals,
    usage,
    failures: [...failures].map(([kind, { count, example }]) => ({ kind, count, example })),
    bootstrap: { resamples: config.resamples, seed: config.seed },
  };
}

/** Sums up how panels' members agree, a constraint a unit. */
class PanelVotes {
  #judges: string[] = [];
  readonly #interval = new AlphaSum("interval");
  readonly #nominal = new AlphaSum("nominal");
  #several = 0;
  #same = 0;

  add({ members, constraints }: Judgement): void {
    if (members === undefined) return;
    if (this.#judges.length === 0) this.#judges = members.map(({ judge }) => judge);
    for (const i of constraints.keys()) {
      const unit = members.map(({ judgement }) => judgement.constraints[i]?.score ?? null);
      this.#interval.add(unit);
      this.#nominal.add(unit);
      const scores = unit.filter((s) => s !== null);
      if (scores.length < 2) continue;
      this.#several++;
      if (scores.every((s) => s === scores[0])) this.#same++;
    }
  }

  agreement(): Agreement | null {
    if (this.#judges.length === 0) return null;
    return {
      judges: this.#judges,
      alpha: this.#interval.alpha(),
      alphaNominal: this.#nominal.alpha(),
      unanimous: this.#several === 0 ? null : this.#same / this.#several,
    };
  }
}

/**
 * Whether scores reach a threshold: a number for the headline, or numbers by score name. A score that isn't known doesn't.
 * @throws {RangeError} If a score of that name doesn't exist
 */
export function passes(
  threshold: EvalConfig["threshold"],
  scores: readonly ScoreWithSpread[],
): boolean | null {
  if (threshold === undefined) return null;
  const wanted = typeof threshold === "number" ? { [scores[0]?.metric ?? ""]: threshold } : threshold;
  return Object.entries(wanted).every(([metric, least]) => {
    const score = scores.find((s) => s.metric === metric && s.group === undefined);
    if (score === undefined) {
      const known = scores.filter((s) => s.group === undefined).map((s) => s.metric).join(", ");
      throw new RangeError(
        `Cannot compare "${metric}" with its threshold as there is no such score: known are ${known}`,
      );
    }
    return score.value !== null && score.value >= least;
  });
}

/**
 * Writes results.json and the released result file.
 * @returns Name of the latter, relative to the run directory where it lies in it
 */
export async function writeResults(
  config: EvalConfig,
  part: BenchmarkPart,
  store: ItemStore,
  provenance: EvalProvenance,
  results: Results,
): Promise<string> {
  await writeFileAtomic(join(config.out_dir, "results.json"), JSON.stringify(results, null, 2) + "\n");
  const name = config.out_file ?? `${slug(part.name)}_${slug(provenance.model)}.json`;
  const path = isAbsolute(name) || config.out_file !== undefined ? name : join(config.out_dir, name);
  const { plugins: _plugins, ...shown } = config;
  // written in pieces: the list may be larger than memory
  const file = new AtomicFile(path);
  const encoder = new TextEncoder();
  try {
    const average = results.headline.value === null ? null : 100 * results.headline.value;
    file.write(encoder.encode(
      `{\n  "average_score": ${JSON.stringify(average)},\n  "config": ${
        JSON.stringify(redactValue({ evaluator: shown }))
      },\n  "result": [`,
    ));
    let first = true;
    for await (const stored of storedItems({ config, part, store, provenance })) {
      file.write(encoder.encode(`${first ? "" : ","}\n    ${JSON.stringify(releasedRow(stored, part))}`));
      first = false;
    }
    file.write(encoder.encode("\n  ]\n}\n"));
    file.commit();
  } catch (error) {
    file.abort();
    throw error;
  }
  return name;
}

/** A row of the released file; `matched` is what the row adds to the headline, null when it is unscored. */
function releasedRow(
  { item, answer, response, judged, judgement }: StoredItem,
  { benchmark }: BenchmarkPart,
): unknown {
  const [headline] = benchmark.contributions({ item, response, judgement });
  return {
    id: item.id,
    question: item.fields["query"] ?? lastUserText(item.messages),
    constraints: item.constraints.map((c) => c.text),
    generated: response,
    evaluation: judgement?.raw ?? null,
    scores: judgement?.constraints.map((v) => v.score) ?? null,
    matched: headline === undefined || headline.value === null ? null : headline.value / headline.weight,
    prompt_tokens: answer?.completion.promptTokens ?? 0,
    completion_tokens: answer?.completion.completionTokens ?? 0,
    judge_tokens: judged === null ? 0 : judged.promptTokens + judged.completionTokens,
  };
}
