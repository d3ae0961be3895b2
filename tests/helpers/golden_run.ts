/** Runs of a golden through the whole loop, shared by the tests of tiny models and of SmolLM2. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { item } from "../../formats/elements.ts";
import { temporaryFolder } from "./temporary_folder.ts";
import type { Backend } from "../../kernels/backend.ts";
import type { EncodedExample } from "../../kernels/engine/packs/encoded.ts";
import { idsExample } from "./tiny_model.ts";
import type { AdamWOptions } from "../../kernels/engine/optimizer/adamw.ts";
import { type EngineClient, EngineHost } from "../../kernels/engine/host.ts";
import type { Tuning } from "../../kernels/engine/weights/tuning.ts";
import type { Loss } from "../../plugins/kinds/loss.ts";
import { losses } from "../../plugins/losses/mod.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import { type LogSink, silentLog, type StepReport } from "../../plugins/kinds/log_sink.ts";
import { trainLoop } from "../../plugins/trainers/local/loop/loop.ts";
import type { LoopConfig } from "../../plugins/trainers/local/loop/loop_inputs.ts";
import { BARE_LOOP } from "../../plugins/trainers/local/loop/bare_loop.ts";
import { ReferenceCache } from "../../plugins/trainers/local/scoring/reference.ts";
import type { Tensors } from "../../plugins/trainers/local/target/target.ts";
import { Registry } from "../../plugins/registry.ts";

/** One quadruple of token ids. */
type QuadIds = Record<"x1" | "y1" | "x2" | "y2", number[]>;

/** A log sink that keeps step reports. */
export function recorder(): LogSink & { steps: StepReport[] } {
  const steps: StepReport[] = [];
  return { ...silentLog(), steps, step: (report) => steps.push(report) };
}

function examplesOf(method: string, quad: QuadIds): EncodedExample[] {
  const { x1, y1, x2, y2 } = quad;
  if (method === "sft") return [idsExample({ y: [x1, y1] }), idsExample({ y: [x2, y2] })];
  if (method === "dpo") return [idsExample({ chosen: [x1, y1], rejected: [x1, y2] })];
  return [idsExample({ x1y1: [x1, y1], x1y2: [x1, y2], x2y2: [x2, y2], x2y1: [x2, y1] })];
}

/** A loss plugin's product. */
export function lossOf(method: string, beta: number): Loss {
  return new Registry(losses).create("loss", method, method === "sft" ? {} : { beta });
}

/** Start of a golden run. */
export interface GoldenStart {
  // deno-lint-ignore no-explicit-any -- train_*.json, described in the goldens' READMEs
  golden: any;
  method: string;
  decoder: DecoderConfig;
  tuning: Tuning;
  /** Initial values of what is trained, by the engine's names. */
  initial: Tensors;
  read: (name: string) => Float32Array<ArrayBuffer>;
  /** Quadruples of explicit ids, in the golden's order. */
  quads: QuadIds[];
}

/** A golden's settings of AdamW. */
export function adamwOf({ golden: { optimizer } }: GoldenStart): AdamWOptions {
  return { betas: optimizer.betas, epsilon: optimizer.eps, weightDecay: optimizer.weight_decay };
}

/** {@linkcode repeatOn} on an engine of this process. */
export function repeatRun(
  start: GoldenStart,
  backend: Backend,
  { budget, checkpointing, limit }: { budget: number; checkpointing: boolean; limit?: number | undefined },
) {
  const { decoder, tuning, initial } = start;
  const engine = new EngineHost(backend, {
    modelPath: "",
    decoder,
    tuning,
    initial: tuning.type === "lora" ? initial : {},
    checkpointing,
    seed: 0,
    device: { backend: "reference", provider: "cpu", threads: null },
    optimizer: adamwOf(start),
  }, start.read);
  return repeatOn(start, engine, { budget, limit });
}

/** Repeats a golden's optimizer steps, or interrupts after the first `limit`; gives reports and what was trained. Closes the engine. */
export async function repeatOn(
  { golden, method, tuning, quads }: GoldenStart,
  engine: EngineClient,
  { budget, limit = golden.order.length, loss = lossOf(method, golden.beta) }: {
    budget: number;
    limit?: number | undefined;
    loss?: Loss;
  },
) {
  const { peak_lr, max_grad_norm } = golden.optimizer;
  const log = recorder(), references = new ReferenceCache();
  const stop = new AbortController(), keep = log.step;
  log.step = (report) => {
    keep(report);
    if (log.steps.length === limit) stop.abort();
  };
  const all = quads.map((quad, i) =>
    examplesOf(method, quad).map((e, k) => ({ ...e, index: 2 * i + k, source: { file: "golden", row: i } }))
  ) as EncodedExample[][];
  if (tuning.type === "full" && loss.needsReference) {
    // The reference of full tuning is the model as loaded: the golden gives its sums.
    for (const { quads: numbers, micro } of golden.steps) {
      numbers.forEach((q: number, i: number) => {
        const sums = micro[i].reference_logp;
        const pair = { chosen: sums.chosen ?? sums.x1y1, rejected: sums.rejected ?? sums.x1y2 };
        references.set("train", item(all, q)[0]!, method === "dpo" ? pair : sums);
      });
    }
  }
  const total = golden.order.length;
  const config: LoopConfig = {
    ...BARE_LOOP,
    learning_rate: peak_lr,
    lr_scheduler_type: golden.schedule.name,
    warmup_steps: golden.schedule.warmup_steps,
    max_grad_norm,
    micro_batch_tokens: budget,
    output_dir: temporaryFolder(),
  };
  const result = await trainLoop({
    engine,
    loss,
    references,
    config,
    // An entry of the order is a quadruple (all its examples), or [quadruple, 1 or 2].
    plan: {
      totalSteps: total,
      stepsPerEpoch: total,
      step: (i) =>
        golden.order[i].map((q: number | [number, number]) =>
          typeof q === "number" ? item(all, q) : [item(all, q[0])[q[1] - 1]!]
        ),
      epoch: (steps) => steps / total,
    },
    target: { tuning, initial: {}, pissa: null, save: () => [] },
    dropout: 0,
    record: {},
    evaluation: [],
    log,
    signal: stop.signal,
    dataHash: "",
    modelHash: "",
    from: { step: 0, best: null },
  });
  assertEquals(result.finished, limit === total);
  const trained = await engine.trained();
  await engine.close();
  return { steps: log.steps, trained };
}

/** Losses, norms and rates of every step: 1e-4 absolute, 1e-3 relative, 1e-12, as the goldens' READMEs suggest. */
export function assertSteps(
  steps: StepReport[],
  expected: { loss: number; grad_norm: number; lr: number }[],
) {
  assertEquals(steps.length, expected.length);
  steps.forEach((report, i) => {
    assertAlmostEquals(report.loss, item(expected, i).loss, 1e-4, `loss of step ${i}`);
    assertAlmostEquals(
      report.gradNorm,
      item(expected, i).grad_norm,
      1e-3 * item(expected, i).grad_norm,
      `norm of step ${i}`,
    );
    assertAlmostEquals(report.learningRate, item(expected, i).lr, 1e-12);
  });
}
