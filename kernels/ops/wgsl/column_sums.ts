/**
 * Sums over rows. Rows are summed in bands by workgroups, then the bands in order, so every run adds in the same order.
 * @module
 */
import type { WgslDispatch, WgslLimits, WgslProgram } from "../../wgsl_program.ts";
import { elementsOf, rowParts, shader } from "./shader.ts";

const BAND = 64;
const THREADS = 64;

/** `output[c] = Σ_row value` over `[rows, cols]`. */
export interface ColumnSums<Input extends string, RowInput extends string> {
  label: string;
  rows: number;
  cols: number;
  /** Names of `[rows, cols]` tensors. */
  inputs: readonly Input[];
  /** Names of `[rows]` tensors. */
  rowInputs?: readonly RowInput[];
  output: string;
  /** The summand at a position, from the inputs there. */
  value(inputs: Readonly<Record<Input | RowInput, string>>): string;
}

/** Lowers sums over rows; one temporary, `bands`. */
export function columnSums<Input extends string, RowInput extends string = never>(
  { label, rows, cols, inputs, rowInputs = [], output, value }: ColumnSums<Input, RowInput>,
  limits: WgslLimits,
): Required<WgslProgram> {
  const across = Math.ceil(cols / THREADS), bands = Math.ceil(rows / BAND);
  const readings = Object.fromEntries([
    ...inputs.map((name) => [name, `${name}_in[index]`]),
    ...rowInputs.map((name) => [name, `${name}_in[row]`]),
  ]) as Record<Input | RowInput, string>;
  const partial = rowParts(rows, cols, limits).map((part): WgslDispatch =>
    shader({
      label: `${label}, bands`,
      threads: THREADS,
      read: Object.fromEntries([
        ...inputs.map((name) => [`${name}_in`, { of: name, part: elementsOf(part, cols) }]),
        ...rowInputs.map((name) => [`${name}_in`, { of: name }]),
      ]),
      write: { bands: {} },
      sizes: { first: part.first, rows: part.count },
      workgroups: Math.ceil(part.count / BAND) * across,
      body:
        `  let c = workgroup % ${across}u * ${THREADS}u + lane; let start = workgroup / ${across}u * ${BAND}u;
  if (c >= ${cols}u) { return; }
  var sum = 0f;
  for (var r = start; r < min(start + ${BAND}u, sizes.rows); r++) {
    let index = r * ${cols}u + c; let row = sizes.first + r;
    sum += ${value(readings)};
  }
  bands[(sizes.first + start) / ${BAND}u * ${cols}u + c] = sum;`,
    })
  );
  const total = shader({
    label: `${label}, sum of bands`,
    threads: THREADS,
    read: { bands: {} },
    write: { result: { of: output } },
    sizes: { bands },
    workgroups: across,
    body: `  let c = workgroup * ${THREADS}u + lane;
  if (c >= ${cols}u) { return; }
  var sum = 0f;
  for (var b = 0u; b < sizes.bands; b++) { sum += bands[b * ${cols}u + c]; }
  result[c] = sum;`,
  });
  return { dispatches: [...partial, total], temporaries: { bands: bands * cols } };
}
