/**
 * Every kernel. A new one is a file here and a line below.
 * @module
 */
import type { Kernel } from "../kernel.ts";
import { add, addVector } from "./add.ts";
import { adamw, adamwVector } from "./adamw.ts";
import { addBias } from "./add_bias.ts";
import { attention } from "./attention.ts";
import { attentionGrad } from "./attention_grad.ts";
import { cacheRows } from "./cache_rows.ts";
import { cachedAttention } from "./cached_attention.ts";
import { chooseToken } from "./choose_token.ts";
import { clipHyper } from "./clip_hyper.ts";
import { columnDots } from "./column_dots.ts";
import { divideVector } from "./divide_vector.ts";
import { doraLength } from "./dora_length.ts";
import { geglu } from "./geglu.ts";
import { gegluGrad } from "./geglu_grad.ts";
import { gatherRows } from "./gather_rows.ts";
import { joinColumns } from "./join_columns.ts";
import { labelLogprob, labelLogprobBest, labelLogprobUnit } from "./label_logprob.ts";
import { labelLogprobGrad, labelLogprobWeightGrad } from "./label_logprob_grad.ts";
import { loraLinear, loraMatmul, loraMatmulAdd } from "./lora_products.ts";
import { multiply } from "./multiply.ts";
import { linearPacked, matmulPacked } from "./packed_products.ts";
import { linear, matmul, matmulTn } from "./products.ts";
import { loraUp, matmulAdd, matmulTnAdd } from "./product_sums.ts";
import { putCacheRows } from "./put_cache_rows.ts";
import { putRows } from "./put_rows.ts";
import { rmsNorm } from "./rms_norm.ts";
import { rmsNormGrad, rmsNormWeightGrad } from "./rms_norm_grad.ts";
import { rotary } from "./rotary.ts";
import { rowDots } from "./row_dots.ts";
import { scale } from "./scale.ts";
import { scaleColumns } from "./scale_columns.ts";
import { scaleRows } from "./scale_rows.ts";
import { scatterAddRows } from "./scatter_add_rows.ts";
import { splitColumns } from "./split_columns.ts";
import { sumRows } from "./sum_rows.ts";
import { sumSquares, sumSquaresVector } from "./sum_squares.ts";
import { swiglu } from "./swiglu.ts";
import { swigluGrad } from "./swiglu_grad.ts";

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
  rowDots,
  scale,
  scaleColumns,
  scaleRows,
  scatterAddRows,
  splitColumns,
  sumRows,
  sumSquares,
  sumSquaresVector,
  swiglu,
  swigluGrad,
];
