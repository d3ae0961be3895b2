/**
 * Every kernel. A new one is a file in the folder of its idea and a line below.
 * @module
 */
import type { Kernel } from "../kernel.ts";
import { add, addVector } from "./arithmetic/add.ts";
import { adamw, adamwVector } from "./optimizer/adamw.ts";
import { addBias } from "./arithmetic/add_bias.ts";
import { attention } from "./attention/attention.ts";
import { attentionGrad } from "./attention/attention_grad.ts";
import { cacheRows } from "./attention/cache_rows.ts";
import { cachedAttention } from "./attention/cached_attention.ts";
import { chooseToken } from "./head/choose_token.ts";
import { clipHyper } from "./optimizer/clip_hyper.ts";
import { columnDots } from "./arithmetic/column_dots.ts";
import { divideVector } from "./arithmetic/divide_vector.ts";
import { doraLength } from "./norms/dora_length.ts";
import { geglu } from "./activations/geglu.ts";
import { gegluGrad } from "./activations/geglu_grad.ts";
import { gatherRows } from "./layout/gather_rows.ts";
import { joinColumns } from "./layout/join_columns.ts";
import { labelLogprob, labelLogprobBest, labelLogprobUnit } from "./head/label_logprob.ts";
import { labelLogprobGrad, labelLogprobWeightGrad } from "./head/label_logprob_grad.ts";
import { loraLinear, loraMatmul, loraMatmulAdd } from "./products/lora_products.ts";
import { multiply } from "./arithmetic/multiply.ts";
import { linearPacked, matmulPacked } from "./products/packed_products.ts";
import { linear, matmul, matmulTn } from "./products/products.ts";
import { loraUp, matmulAdd, matmulTnAdd } from "./products/product_sums.ts";
import { putCacheRows } from "./attention/put_cache_rows.ts";
import { putRows } from "./layout/put_rows.ts";
import { rmsNorm } from "./norms/rms_norm.ts";
import { rmsNormGrad, rmsNormWeightGrad } from "./norms/rms_norm_grad.ts";
import { rotary } from "./attention/rotary.ts";
import { rowDivergence, rowDivergenceUnit } from "./head/row_divergence.ts";
import { rowDots } from "./arithmetic/row_dots.ts";
import { scale } from "./arithmetic/scale.ts";
import { scaleColumns } from "./arithmetic/scale_columns.ts";
import { scaleRows } from "./arithmetic/scale_rows.ts";
import { scatterAddRows } from "./layout/scatter_add_rows.ts";
import { softCap } from "./arithmetic/soft_cap.ts";
import { splitColumns } from "./layout/split_columns.ts";
import { sumRows } from "./arithmetic/sum_rows.ts";
import { sumSquares, sumSquaresVector } from "./optimizer/sum_squares.ts";
import { swiglu } from "./activations/swiglu.ts";
import { swigluGrad } from "./activations/swiglu_grad.ts";
import { topEntropy } from "./head/top_entropy.ts";

/** Every kernel; the contract test runs all of them on every backend. */
export const KERNELS: readonly Kernel[] = [
  adamw,
  adamwVector,
  add,
  addVector,
  addBias,
  attention,
  attentionGrad,
  cacheRows,
  cachedAttention,
  chooseToken,
  clipHyper,
  columnDots,
  divideVector,
  doraLength,
  gatherRows,
  geglu,
  gegluGrad,
  joinColumns,
  labelLogprob,
  labelLogprobBest,
  labelLogprobUnit,
  labelLogprobGrad,
  labelLogprobWeightGrad,
  linear,
  linearPacked,
  loraLinear,
  loraMatmul,
  loraMatmulAdd,
  loraUp,
  matmul,
  matmulAdd,
  matmulPacked,
  matmulTn,
  matmulTnAdd,
  multiply,
  putCacheRows,
  putRows,
  rmsNorm,
  rmsNormGrad,
  rmsNormWeightGrad,
  rotary,
  rowDivergence,
  rowDivergenceUnit,
  rowDots,
  scale,
  scaleColumns,
  scaleRows,
  scatterAddRows,
  softCap,
  splitColumns,
  sumRows,
  sumSquares,
  sumSquaresVector,
  swiglu,
  swigluGrad,
  topEntropy,
];
