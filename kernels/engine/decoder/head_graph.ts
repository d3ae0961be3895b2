/**
 * The output head as graphs: final norm and log-probabilities of labels, smoothed where that is asked for.
 *
 * Shapes: T rows of a packed row, D hidden, L labelled rows of a chunk, V vocabulary.
 * @module
 */
import { type Graph, GraphBuilder, type Value } from "../../graph.ts";
import { add } from "../../ops/arithmetic/add.ts";
import { gatherRows } from "../../ops/layout/gather_rows.ts";
import { labelLogprob, labelLogprobBest, labelLogprobUnit } from "../../ops/head/label_logprob.ts";
import { linear, matmul } from "../../ops/products/products.ts";
import { rowDivergence, rowDivergenceUnit } from "../../ops/head/row_divergence.ts";
import { topEntropy } from "../../ops/head/top_entropy.ts";
import { type LabelMeasure, TOP_TOKENS } from "../forward.ts";
import { rmsNorm } from "../../ops/norms/rms_norm.ts";
import { rmsNormGrad, rmsNormWeightGrad } from "../../ops/norms/rms_norm_grad.ts";
import { rowDots } from "../../ops/arithmetic/row_dots.ts";
import { scaleRows } from "../../ops/arithmetic/scale_rows.ts";
import { scatterAddRows } from "../../ops/layout/scatter_add_rows.ts";
import { timesFactor } from "./decoder.ts";
import { capAttributes, type DecoderConfig } from "./decoder_config.ts";
import { normAttributes } from "./norms.ts";

/** How far labels are smoothed, and the place of the vocabulary's mean row. */
export interface LabelSmoothing {
  /** Share of a label that is spread over the whole vocabulary, in (0, 1). */
  amount: number;
  /** `input`: `mean [1, D]` is given; `graph`: it is made of `w`, and changes with it. */
  mean: "input" | "graph";
}

/** Further wishes of a head. */
export interface HeadWishes {
  smoothing?: LabelSmoothing | null;
  /** Without `unit`: also `best [L]`, 1 where no token is likelier than the label, else 0. */
  best?: boolean;
  /**
   * Also `measure [L]` of each label's distribution; of a divergence with `unit` its gradient by the normed row, `dmeasure [L, D]`, too. Not with
   * smoothing.
   */
  measure?: LabelMeasure | null;
}

/**
 * Log-probabilities `logp [L]` of a chunk of labels: rows `rows [L]` of `x [T, D]`, normed, against `ids [L]`.
 * `unit`: also `dh [L, D]`, the gradient of each log-probability by its normed row, the logits' factor in that. With smoothing, which takes `ones [L]`,
 * `column [L, 1]` and `vocab [1, V]`, all ones, it is (1 − ε) log p(label) + ε · mean over the vocabulary of log p (transformers'
 * LabelSmoother, of logits that aren't capped): as every log p has the same logsumexp, log p(label) + ε h · (mean row − the label's row).
 */
export function headGraph(config: DecoderConfig, unit: boolean, wishes: HeadWishes = {}): Graph {
  const { smoothing = null, best = false, measure = null } = wishes;
  const g = new GraphBuilder();
  const x = g.input("x", ["T", config.hiddenSize]), norm = g.input("norm", [config.hiddenSize]);
  const w = g.input("w", [config.vocabSize, config.hiddenSize]);
  const rows = g.input("rows", ["L"], "i32"), ids = g.input("ids", ["L"], "i32");
  const picked = g.run(gatherRows, { x, ids: rows }).y;
  const normed = g.run(rmsNorm, { x: picked, weight: norm }, normAttributes(config)).y;
  const h = timesFactor(g, normed, config.logitScale), cap = capAttributes(config.logitCap);
  const plain: { logp: Value; dh?: Value; best?: Value } = unit
    ? g.run(labelLogprobUnit, { h, w, ids }, cap)
    : best
    ? g.run(labelLogprobBest, { h, w, ids }, cap)
    : g.run(labelLogprob, { h, w, ids }, cap);
  if (measure) {
    if (config.logitCap !== undefined) {
      throw new RangeError(
        `Cannot measure distributions of logits that are capped: current cap is ${config.logitCap}`,
      );
    }
    return g.finish({ ...plain, ...measured(g, config, measure, { h, w, rows, unit }) });
  }
  if (!smoothing) return g.finish({ ...plain });
  if (config.logitCap !== undefined) {
    throw new RangeError(`Cannot smooth labels of logits that are capped: current cap is ${config.logitCap}`);
  }
  const { amount } = smoothing, away = { alpha: -amount }, towards = { alpha: amount };
  const mean = smoothing.mean === "input" ? g.input("mean", [1, config.hiddenSize]) : meanRow(g, config, w);
  const own = g.run(gatherRows, { x: w, ids }).y;
  const every = g.run(matmul, { a: g.input("column", ["L", 1]), b: mean }).y;
  const nearer = g.run(rowDots, { base: plain.logp, a: h, b: every }, towards).y;
  const logp = g.run(rowDots, { base: nearer, a: h, b: own }, away).y;
  if (!plain.dh) return g.finish({ ...plain, logp });
  const factor = g.input("ones", ["L"]);
  const left = g.run(scaleRows, { x: own, factor }, away).y,
    gained = g.run(scaleRows, { x: every, factor }, towards).y;
  return g.finish({ logp, dh: g.run(add, { a: plain.dh, b: g.run(add, { a: gained, b: left }).y }).y });
}

/**
 * `measure [L]` of labels. A divergence takes the reference's rows `x.ref [T, D]`, and its norm's weights `norm.ref [D]` and matrix `w.ref [V, D]`.
 */
function measured(
  g: GraphBuilder,
  config: DecoderConfig,
  measure: LabelMeasure,
  { h, w, rows, unit }: Record<"h" | "w" | "rows", Value> & { unit: boolean },
): Record<string, Value> {
  const z = g.run(linear, { x: h, w }).y;
  if (measure === "top_entropy") {
    return { measure: g.run(topEntropy, { z }, { count: TOP_TOKENS }).entropy };
  }
  const x = g.input("x.ref", ["T", config.hiddenSize]), weight = g.input("norm.ref", [config.hiddenSize]);
  const picked = g.run(gatherRows, { x, ids: rows }).y;
  const normed = g.run(rmsNorm, { x: picked, weight }, normAttributes(config)).y;
  const z_ref = g.run(linear, {
    x: timesFactor(g, normed, config.logitScale),
    w: g.input("w.ref", [config.vocabSize, config.hiddenSize]),
  }).y;
  if (!unit) return { measure: g.run(rowDivergence, { z, z_ref }).divergence };
  const { divergence, dz } = g.run(rowDivergenceUnit, { z, z_ref });
  return { measure: divergence, dmeasure: g.run(matmul, { a: dz, b: w }).y };
}

/** The mean of the vocabulary's rows, `[1, D]`. */
function meanRow(g: GraphBuilder, { vocabSize }: DecoderConfig, w: Value): Value {
  return g.run(matmul, { a: g.input("vocab", [1, vocabSize]), b: w }, { alpha: 1 / vocabSize }).y;
}

/** `mean [1, D]` of the rows of a frozen `w`, by `vocab [1, V]`, ones. */
export function meanRowGraph(config: DecoderConfig): Graph {
  const g = new GraphBuilder();
  return g.finish({ mean: meanRow(g, config, g.input("w", [config.vocabSize, config.hiddenSize])) });
}

/**
 * The frozen head's way back: `d.x [T, D]` = `before [T, D]` + the gradient that `dh` and `weights [L]` give.
 * @param normed With `d.norm [D]`, the gradient of the norm's weights
 * @param measured With the gradient that `dmeasure [L, D]` and `weights.measure [L]` give
 */
export function headBackwardGraph(config: DecoderConfig, normed = false, measured = false): Graph {
  const g = new GraphBuilder();
  const x = g.input("x", ["T", config.hiddenSize]), norm = g.input("norm", [config.hiddenSize]);
  const rows = g.input("rows", ["L"], "i32"), weights = g.input("weights", ["L"]);
  const dh = g.input("dh", ["L", config.hiddenSize]), before = g.input("before", ["T", config.hiddenSize]);
  const picked = g.run(gatherRows, { x, ids: rows }).y;
  const alpha = config.logitScale ?? 1, own = g.run(scaleRows, { x: dh, factor: weights }, { alpha }).y;
  const dy = measured ? g.run(add, { a: own, b: ofMeasure(g, config) }).y : own;
  const dpicked = g.run(rmsNormGrad, { x: picked, weight: norm, dy }, normAttributes(config)).dx;
  const dx = g.run(scatterAddRows, { like: x, ids: rows, dy: dpicked }).dx;
  const sum = { "d.x": g.run(add, { a: before, b: dx }).y };
  if (!normed) return g.finish(sum);
  const { dweight } = g.run(rmsNormWeightGrad, { x: picked, weight: norm, dy }, normAttributes(config));
  return g.finish({ ...sum, "d.norm": dweight });
}

function ofMeasure(g: GraphBuilder, { hiddenSize, logitScale }: DecoderConfig): Value {
  const x = g.input("dmeasure", ["L", hiddenSize]), factor = g.input("weights.measure", ["L"]);
  return g.run(scaleRows, { x, factor }, { alpha: logitScale ?? 1 }).y;
}
