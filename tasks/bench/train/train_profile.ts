/**
 * One training step by kinds of work: what `deno task bench train --profile` prints.
 * @module
 */
import type { OperatorTime, ProfiledTimes } from "../../../kernels/backends/onnx/profile.ts";
import { markdownTable } from "../../common/report/table.ts";

/** Kinds of work, in the order of the table. */
const GROUPS = [
  "products with a frozen weight",
  "attention",
  "LoRA",
  "norms, RoPE, SwiGLU, sums",
  "embedding and head",
  "copies of outputs",
  "ONNX Runtime around them",
  "between programs",
] as const;

/** Kind of work. */
export type StepGroup = typeof GROUPS[number];

/** Time of one kind of work in a step. */
export interface StepPart {
  group: StepGroup;
  milliseconds: number;
  /** Of its products alone, 10⁹ operations a second over all of its time; null where it has none. */
  gflops: number | null;
}

const ATTENTION = ["attention", "attention_grad"], LORA = ["lora_up", "matmul_tn", "matmul_tn_add"];
const PRODUCTS = ["linear", "matmul", "matmul_add", "linear_packed", "matmul_packed"];
/** Products with a frozen weight that have LoRA's narrow ones in them. */
const FUSED = ["lora_linear", "lora_matmul", "lora_matmul_add"];
const TRANSPOSED = ["matmul_tn", "matmul_tn_add", "label_logprob_weight_grad"];
const HEAD = /^(label_logprob|gather_rows|scatter_add_rows|scale_rows)/;

/** @param rank Of LoRA; a product with an operand of so many rows or columns is one of its own. */
function groupOf({ kernel, shapes }: OperatorTime, rank: number): StepGroup {
  if (kernel === null) return "copies of outputs";
  if (ATTENTION.includes(kernel)) return "attention";
  if (LORA.includes(kernel)) return "LoRA";
  if (FUSED.includes(kernel)) return "products with a frozen weight";
  if (PRODUCTS.includes(kernel)) {
    return shapes.some((shape) => shape.includes(rank)) ? "LoRA" : "products with a frozen weight";
  }
  return HEAD.test(kernel) ? "embedding and head" : "norms, RoPE, SwiGLU, sums";
}

/** Operations of a product, 0 for other operators: two for each element of the second factor and row of the first. */
function operationsOf({ kernel, op, shapes: [a = [], b = [], ...rest] }: OperatorTime): number {
  // A product that is added to its base in place: the second factor, and the first one's rows as filters.
  if (op === "FusedConv") return 2 * size(a) * (b[0] ?? 0);
  if (op === "LoraProduct") {
    return 2 * (a[0] ?? 0) * [b, ...rest.slice(0, 2)].reduce((sum, shape) => sum + size(shape), 0);
  }
  if (["ProductPair", "ProductTriple", "LoraPair", "LoraTriple"].includes(op)) {
    return 2 * (a[0] ?? 0) * [b, ...rest].reduce((sum, shape) => sum + size(shape), 0);
  }
  if (op === "TurnedProduct") return 2 * size(a) * (b[1] ?? 0);
  // Logits, and the mean of the vocabulary's rows.
  if (op === "LabelLogprob") return 2 * size(b) * (a[0] ?? 0);
  if (op === "LabelLogprobUnit") return 4 * size(b) * (a[0] ?? 0);
  if (!["Gemm", "Product"].includes(op) || a.length !== 2 || b.length !== 2) return 0;
  // Of two products of one kernel the one whose factors share their rows.
  const transposed = TRANSPOSED.includes(kernel ?? "") && a[0] === b[0];
  return 2 * size(b) * (a[transposed ? 1 : 0] ?? 0);
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/**
 * A step's parts.
 * @param step Milliseconds of the whole step.
 * @param attention Operations of attention, which its shapes don't tell.
 */
export function stepParts(
  { runs, operators }: ProfiledTimes,
  step: number,
  rank: number,
  attention = 0,
): StepPart[] {
  const sums = new Map<StepGroup, { milliseconds: number; operations: number }>();
  let inside = 0;
  const add = (group: StepGroup, milliseconds: number, operations: number) => {
    const sum = sums.get(group) ?? { milliseconds: 0, operations: 0 };
    sum.milliseconds += milliseconds;
    sum.operations += operations;
    sums.set(group, sum);
  };
  for (const operator of operators) {
    inside += operator.milliseconds;
    add(groupOf(operator, rank), operator.milliseconds, operationsOf(operator));
  }
  if (sums.has("attention")) add("attention", 0, attention);
  add("ONNX Runtime around them", runs - inside, 0);
  add("between programs", step - runs, 0);
  return GROUPS.flatMap((group) => {
    const sum = sums.get(group);
    if (!sum) return [];
    const gflops = sum.operations > 0 ? sum.operations / sum.milliseconds / 1e6 : null;
    return [{ group, milliseconds: sum.milliseconds, gflops }];
  });
}

/**
 * The table.
 * @param peak Of a large product alone, by the same backend on this machine (`measureGflops`), 10⁹ operations a second: no bound that the
 *   processor sets, since a faster operator raises it too
 */
export function stepText(parts: readonly StepPart[], peak: number): string {
  const total = parts.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const right = "right" as const;
  const cells = parts.map(({ group, milliseconds, gflops }) => [
    group,
    milliseconds.toFixed(0),
    `${(100 * milliseconds / total).toFixed(1)} %`,
    gflops === null ? "" : `${gflops.toFixed(0)} (${(100 * gflops / peak).toFixed(0)} %)`,
  ]);
  const table = markdownTable({
    columns: [
      { title: "one step", align: "left" },
      { title: "ms", align: right },
      { title: "share", align: right },
      { title: "GFLOP/s (share)", align: right },
    ],
    rows: [...cells, ["all", total.toFixed(0), "100 %", ""]],
  });
  const of = `Shares of GFLOP/s are of ${
    peak.toFixed(0)
  }, what this backend's product of 512 rows reaches alone, the median of three`;
  return [...table, of].join("\n");
}
