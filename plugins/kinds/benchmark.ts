/**
 * Benchmarks: items to answer, how an answer is judged, and what each judged answer adds to the scores.
 *
 * A benchmark never talks to a model. It either decides by itself ({@linkcode Benchmark.check}) or says how a judge
 * model is to be asked and how its text is read ({@linkcode Benchmark.protocol}). Scores are sums over items of
 * {@linkcode Contribution}s, so that a report, a bootstrap interval or a paired comparison needs nothing else.
 * @module
 */
import type { Message } from "./dataset.ts";
import type { Constraint, Judgement } from "./judgement.ts";

/** One constraint of an item, with the groups that it is reported under, such as `{ type: "Content" }`. */
export type BenchmarkConstraint = Constraint & { groups: Record<string, string> };

/** One item of a benchmark. */
export interface BenchmarkItem {
  /** Unique within the benchmark. */
  id: string;
  /** Prompt of the model under test. */
  messages: Message[];
  /** Constraints that its answer is judged by, in order. */
  constraints: BenchmarkConstraint[];
  /** Groups of the whole item to report by, such as `{ split: "easy" }`. */
  groups: Record<string, string>;
  /** Texts that a judge prompt needs apart, such as `query` or `reference`. */
  fields: Record<string, string>;
}

/** Prompt for a judge model, and reader of its text. */
export interface JudgeProtocol {
  /** Constraint scores run from 0 to this. */
  scale: number;
  /** Times that the judge is asked at most, while the reading isn't `complete`; after a cut answer once more. */
  rounds: number;
  /** Messages to send. Text of the response can't pass for a part of the prompt or for a verdict. */
  messages(item: BenchmarkItem, response: string): Message[];
  /**
   * Reads the judge's text. Never throws: what can't be read is null with a reason.
   * @param cut True if the answer stopped at its token limit; default: no.
   */
  read(item: BenchmarkItem, text: string, cut?: boolean): Judgement;
  /**
   * The same for endpoints that can be held to a JSON schema. Apart from {@linkcode JudgeProtocol.read}, because only an answer that was
   * asked for as JSON may be taken as JSON: a judge that copies a response word for word must not give a verdict by it.
   */
  structured: {
    /**
     * JSON schema of the answer; `scores` keeps the order of the constraints. It asks for something that no response can hold,
     * such as a mark made from the response itself.
     */
    schema(item: BenchmarkItem, response: string): Record<string, unknown>;
    /** Reads such an answer to what was asked of this response; never throws. `cut` as above. */
    read(item: BenchmarkItem, text: string, response: string, cut?: boolean): Judgement;
  };
}

/** One answered item; null where there is none, because the endpoint or the judge failed. */
export interface BenchmarkResult {
  /** The item that was asked. */
  item: BenchmarkItem;
  /** Answer of the model under test, "" included. */
  response: string | null;
  /** Judgement of the answer. */
  judgement: Judgement | null;
}

/** Contribution of one item to one score. The score is Σ value / Σ weight over the scored contributions. */
export interface Contribution {
  /** Name of the score, such as `instruction/strict`. */
  metric: string;
  /** Group that it is limited to, such as `{ by: "family", group: "keywords" }`; absent for the headline. */
  group?: { by: string; name: string };
  /** Between 0 and weight × `max`; null when it couldn't be judged. */
  value: number | null;
  /** Number of things judged (> 0). */
  weight: number;
  /** Largest value of the score (> 0); absent: 1, a share. */
  max?: number;
}

/** A score over a run. */
export interface Score {
  /** As in {@linkcode Contribution}. */
  metric: string;
  /** As in {@linkcode Contribution}. */
  group?: { by: string; name: string };
  /** Σ value / Σ weight over what was scored; null when nothing was. */
  value: number | null;
  /** The same sum over all weights, unscored ones included: the other reading of the denominator, a lower bound. */
  ofAll: number | null;
  /** Weight that was scored. */
  scored: number;
  /** Weight that could not be scored. */
  unscored: number;
  /** Largest value that it can have; absent: 1, a share. */
  max?: number;
}

/** The product of a benchmark plugin: {@linkcode Benchmark.check} or {@linkcode Benchmark.protocol}, one of the two. */
export interface Benchmark {
  /** Reads the items, one at a time. */
  items(): AsyncIterable<BenchmarkItem>;
  /** Judges by fixed rules: the same verdict every time, no model asked. */
  check?(item: BenchmarkItem, response: string): Promise<Judgement>;
  /** Protocol of asking a judge model. */
  protocol?: JudgeProtocol;
  /**
   * Contributions of one result to the scores; the unjudged adds null values, never zeros. Of an item without response and judgement
   * every score is named already: a threshold on a score is checked with these names before anything is asked.
   */
  contributions(result: BenchmarkResult): Contribution[];
  /** What decides about its verdicts beside plugin and options, such as a file's content, for keys of stored verdicts. */
  identity?: Readonly<Record<string, unknown>>;
}
