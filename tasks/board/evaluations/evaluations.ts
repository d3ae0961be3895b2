/**
 * Evaluations in the board's folders, and the open ones with their items.
 * @module
 */
import { join } from "@std/path";

import { builtinRegistry } from "../../../plugins/builtins.ts";
import type { EvalResults } from "../../eval/results/results.ts";
import { openRun } from "../../eval/store/open_run.ts";
import { readEvalRunYaml } from "../../eval/config/run_yaml.ts";
import { readEvalConfig } from "../../eval/config/config.ts";
import { Labels, LABELS_FILE } from "../../eval/judge_card/labels.ts";
import { type Folders, isThere, type RunFolder } from "../folders.ts";
import { beginningOf, changedAt, ifReadable } from "../readable.ts";
import { Refusal } from "../refusal.ts";
import { ItemIndex } from "./item_index.ts";

/** An evaluation as the list shows it. */
export interface EvaluationSummary {
  /** As a training run's. */
  id: string;
  /** Path in the given folder. */
  name: string;
  /** Headline and what it is of; null before there are results. */
  result:
    | Pick<EvalResults, "model" | "benchmark" | "judge" | "complete" | "headline"> & {
      /** Of the headline, 95 %; null where it has none. */
      interval: readonly [low: number, high: number] | null;
      /** Items that were evaluated. */
      items: number;
      /** Weight of what the headline is of: items as a rule, verdicts on single constraints where it counts these. */
      scored: number;
      /** Weight of what has no score, which the headline leaves out. */
      unscored: number;
    }
    | null;
  /** When its items changed last, milliseconds since 1970. */
  changed: number;
}

/** Bytes of a run.yaml within which it names its kind. */
const MOST_CONFIG = 1 << 20;
/** Evaluations whose items are held at once. */
const MOST_OPEN = 4;

interface Open {
  index: ItemIndex;
  changed: string;
  filled: Promise<void>;
  error: unknown;
}

/** The evaluations. */
export class Evaluations implements AsyncDisposable {
  readonly #folders: Folders;
  readonly #open = new Map<string, Open>();
  readonly #kinds = new Map<string, { changed: number; isOne: boolean }>();
  readonly #results = new Map<string, { changed: number; result: EvaluationSummary["result"] }>();
  readonly #ending = new AbortController();

  constructor(folders: Folders) {
    this.#folders = folders;
  }

  /** All of them, those that changed last first. */
  list(): EvaluationSummary[] {
    return this.#folders.find(["items.jsonl"]).filter((found) => this.#isEvaluation(found))
      .map(({ id, name, path, entries }) => ({
        id,
        name,
        result: entries.has("results.json") ? this.#result(path) : null,
        changed: changedAt(join(path, "items.jsonl")) ?? 0,
      })).sort((a, b) => b.changed - a.changed || (a.id < b.id ? -1 : 1));
  }

  #isEvaluation({ path, entries }: RunFolder): boolean {
    const file = join(path, "run.yaml"), changed = entries.has("run.yaml") ? changedAt(file) : null;
    if (changed === null) return false;
    let known = this.#kinds.get(path);
    if (known?.changed !== changed) {
      // a synthesis has items.jsonl too
      const isOne = ifReadable(() => /^evaluator:/m.test(beginningOf(file, MOST_CONFIG))) ?? false;
      this.#kinds.set(path, known = { changed, isOne });
    }
    return known.isOne;
  }

  #result(path: string): EvaluationSummary["result"] {
    const file = join(path, "results.json"), changed = changedAt(file);
    if (changed === null) return null;
    const kept = this.#results.get(path);
    if (kept?.changed === changed) return kept.result;
    const result = ifReadable(() => summaryOf(file));
    this.#results.set(path, { changed, result });
    return result;
  }

  /** Content of results.json; null where there is none yet. */
  results(id: string): EvalResults | null {
    try {
      return JSON.parse(Deno.readTextFileSync(this.#folders.file(id, "results.json"))) as EvalResults;
    } catch (error) {
      if (error instanceof Refusal) return null;
      throw error;
    }
  }

  /** The folder of an evaluation. @throws {Refusal} 404 if it holds none, 409 if it has plugins of its own */
  folder(id: string): string {
    const path = this.#folders.folder(id);
    const provenance = this.#folders.file(id, "items.jsonl") && readEvalRunYaml(path);
    if (provenance === null) throw new Refusal(404, `${id} holds no evaluation`);
    const { plugins } = readEvalConfig(this.#folders.file(id, "run.yaml")).config;
    if (plugins.length === 0) return path;
    throw new Refusal(
      409,
      `This evaluation has plugins of its own (${
        plugins.join(", ")
      }), whose code a page doesn't run: see its report.html`,
    );
  }

  /** Marks of an evaluation. @throws {Refusal} 404 if their file is a link out of the run's folder */
  labels(id: string): Labels {
    const folder = this.folder(id);
    if (isThere(join(folder, LABELS_FILE))) this.#folders.file(id, LABELS_FILE);
    return new Labels(folder);
  }

  /**
   * The items of an evaluation, read in the background: `complete` says whether all are there. What has changed on the disk is read
   * again.
   * @throws As opening a run does
   */
  async items(id: string): Promise<ItemIndex> {
    const path = this.folder(id);
    const { size, mtime } = Deno.statSync(join(path, "items.jsonl"));
    const changed = `${size} ${mtime?.getTime()}`;
    let open = this.#open.get(id);
    if (open?.error !== undefined) {
      this.#close(id);
      throw open.error;
    }
    if (open !== undefined && open.changed !== changed && open.index.complete) {
      this.#close(id);
      open = undefined;
    }
    if (open === undefined) {
      const index = new ItemIndex(await openRun(path, builtinRegistry()));
      const made: Open = { index, changed, filled: Promise.resolve(), error: undefined };
      made.filled = index.fill(this.#ending.signal).catch((error) => {
        made.error = error;
      });
      open = made;
    }
    // the one that was asked for last is the last to go
    this.#open.delete(id);
    this.#open.set(id, open);
    for (const [other, { index }] of this.#open) {
      if (this.#open.size > MOST_OPEN && index.complete) this.#close(other);
    }
    return open.index;
  }

  /** Waits until all items of an evaluation are read. */
  async allItems(id: string): Promise<ItemIndex> {
    const index = await this.items(id);
    await this.#open.get(id)?.filled;
    return index;
  }

  #close(id: string): void {
    this.#open.get(id)?.index[Symbol.dispose]();
    this.#open.delete(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new Error("the board is ending"));
    for (const { filled } of this.#open.values()) await filled;
    for (const id of [...this.#open.keys()]) this.#close(id);
  }
}

/** A run's line of the list, from its results.json; null where that isn't whole, which mustn't hide all other runs. */
function summaryOf(file: string): EvaluationSummary["result"] {
  try {
    const { model, benchmark, judge, complete, headline, scores, counts } = JSON.parse(
      Deno.readTextFileSync(file),
    ) as EvalResults;
    const { interval = null, scored = 0, unscored = 0 } = scores[0] ?? {};
    return { model, benchmark, judge, complete, headline, interval, items: counts.items, scored, unscored };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}
