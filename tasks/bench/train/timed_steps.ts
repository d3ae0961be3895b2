/**
 * Steps of the training loop with their times, a line of JSON each.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import type { EncodedExample } from "../../../kernels/engine/packs/encoded.ts";
import type { EngineClient } from "../../../kernels/engine/host.ts";
import { type Pack, packExamples, packUnits } from "../../../kernels/engine/packs/pack.ts";
import { type LogSink, silentLog, type StepReport } from "../../../plugins/kinds/log_sink.ts";
import type { Loss } from "../../../plugins/kinds/loss.ts";
import { BARE_LOOP } from "../../../plugins/trainers/local/loop/bare_loop.ts";
import { trainLoop } from "../../../plugins/trainers/local/loop/loop.ts";
import { ReferenceCache } from "../../../plugins/trainers/local/scoring/reference.ts";
import { precomputeReferences } from "../../../plugins/trainers/local/scoring/score.ts";
import type { Target } from "../../../plugins/trainers/local/target/target.ts";
import { processAge } from "./process_figures.ts";

/** A step with its packs. */
export type TimedStep = StepReport & { packs: Pack[] };

/** A training whose steps are timed. */
export interface TimedTraining {
  engine: EngineClient;
  loss: Loss;
  target: Target;
  /** Taken in turn, from the first again behind the last. */
  examples: readonly EncodedExample[];
  packing: { rows: number; together: number };
  /** Examples of a step. */
  accumulation: number;
  /** First steps, which don't count. */
  warmup: number;
  /** Steps with those. */
  total: number;
}

/** Runs the steps, and keeps what each took. */
export class TimedSteps {
  /** All steps so far. */
  readonly rows: TimedStep[] = [];
  /** Seconds from the process's start to the end of the first step; null before. */
  first: number | null = null;

  constructor(private readonly training: TimedTraining) {}

  /** Runs the steps from `from`, counted from 0, to in front of `to`. */
  async run(from: number, to: number, references: ReferenceCache): Promise<void> {
    const { engine, loss, target, packing, total } = this.training;
    await trainLoop({
      engine,
      loss,
      references,
      together: packing.together,
      config: { ...BARE_LOOP, micro_batch_tokens: packing.rows },
      target,
      plan: { totalSteps: to, stepsPerEpoch: total, step: (s) => this.#batch(s), epoch: (s) => s / total },
      evaluation: [],
      dropout: 0,
      record: {},
      log: this.#log(),
      signal: new AbortController().signal,
      dataHash: "",
      modelHash: "",
      from: { step: from, best: null },
    });
  }

  /**
   * The reference's sums for all steps that count. They are data, computed once in a run of several epochs: their cost, in seconds a step, is
   * shown beside the step, not inside it.
   */
  async references(): Promise<{ references: ReferenceCache; seconds: number }> {
    const { engine, loss, packing: { rows, together }, accumulation, warmup, total } = this.training;
    const references = new ReferenceCache();
    if (!loss.needsReference) return { references, seconds: 0 };
    const ahead = Array.from({ length: total - warmup }, (_, i) => this.#batch(warmup + i).flat()).flat();
    const different = [...new Set(ahead)];
    const began = performance.now();
    await precomputeReferences({ engine, references, together }, "train", different, rows);
    const seconds = (performance.now() - began) / 1000;
    return { references, seconds: seconds / different.length * accumulation };
  }

  #batch(step: number): EncodedExample[][] {
    const { accumulation, examples } = this.training;
    return Array.from(
      { length: accumulation },
      (_, k) => [item(examples, (step * accumulation + k) % examples.length)],
    );
  }

  #log(): LogSink {
    const { engine, packing, warmup } = this.training;
    return {
      ...silentLog(),
      step: (report) => {
        this.first ??= processAge();
        this.rows.push({
          ...report,
          packs: packUnits(this.#batch(report.step - 1), packing.rows, engine.replicas).map((packed) =>
            packExamples(packed, { shared: engine.replicas === 1 })
          ),
        });
        console.log(JSON.stringify({
          step: report.step,
          loss: report.loss,
          grad_norm: report.gradNorm,
          seconds: report.seconds,
          tokens: report.tokens,
          warmup: report.step <= warmup,
        }));
      },
    };
  }
}
