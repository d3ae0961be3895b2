/**
 * RMSNorm and its gradient as compute shaders: a workgroup owns one group of a row (all of it without groups) and reads it
 * twice.
 * @module
 */
import type { WgslDispatch, WgslLimits } from "../../wgsl_program.ts";
import { workgroupMemory, workgroupReduce } from "./reduce.ts";
import { elementsOf, literal, rowParts, shader, threadsFor } from "./shader.ts";

/** WGSL of what is known at a position: the inputs there and the column's weight. */
type Position<Input extends string> = Readonly<Record<Input | "weight", string>>;

/** A value at each position of a group, from sums over the group. */
export interface RmsRows<Input extends string> {
  label: string;
  rows: number;
  cols: number;
  /** Elements of a group; divides `cols`. */
  groupSize: number;
  eps: number;
  /** `[rows, cols]` tensors; `x` is the one whose root mean square is taken. */
  inputs: readonly (Input | "x")[];
  output: string;
  /** Summand of a second sum over the group. */
  sum?(position: Position<Input | "x">): string;
  /** The output; `inverse` is 1/rms, `sum` the second sum, `scale` 1 / groupSize. */
  value(position: Position<Input | "x"> & Readonly<Record<"inverse" | "sum" | "scale", string>>): string;
}

/** Lowers a norm over groups. */
export function rmsRows<Input extends string>(spec: RmsRows<Input>, limits: WgslLimits): WgslDispatch[] {
  const { label, rows, cols, groupSize, eps, inputs, output } = spec;
  const threads = threadsFor(groupSize);
  const position = {
    ...Object.fromEntries(inputs.map((name) => [name, `${name}_in[index]`])) as Record<Input | "x", string>,
    weight: "weight_in[c]",
  } as Position<Input | "x">;
  const summand = spec.sum?.(position);
  const value = spec.value({ ...position, inverse: "inverse", sum: "sum", scale: "scale" });
  return rowParts(rows, cols, limits).map((rowPart) => {
    const part = elementsOf(rowPart, cols);
    return shader({
      label,
      threads,
      subgroups: limits.subgroups,
      read: {
        ...Object.fromEntries(inputs.map((name) => [`${name}_in`, { of: name, part }])),
        weight_in: { of: "weight" },
      },
      write: { result: { of: output, part } },
      workgroups: part.count / groupSize,
      declarations: workgroupMemory(["squares", ...(summand ? ["sum"] : [])], threads, limits),
      body: `  let start = workgroup * ${groupSize}u; let scale = ${literal(1 / groupSize)};
  var squares = 0f;
  ${summand ? "var sum = 0f;" : ""}
  for (var c = lane; c < ${groupSize}u; c += ${threads}u) {
    let index = start + c;
    squares += x_in[index] * x_in[index];
    ${summand ? `sum += ${summand};` : ""}
  }
${workgroupReduce("squares", threads, limits)}
${summand ? workgroupReduce("sum", threads, limits) : ""}
  let inverse = 1f / sqrt(squares * scale + ${literal(eps)});
  for (var c = lane; c < ${groupSize}u; c += ${threads}u) {
    let index = start + c;
    result[index] = ${value};
  }`,
    });
  });
}

/** `inverse[row]` = 1/rms of every row of `cols` elements of `x`. */
export function inverseRmsRows(
  { label, rows, cols, eps }: { label: string; rows: number; cols: number; eps: number },
  limits: WgslLimits,
): WgslDispatch[] {
  const threads = threadsFor(cols);
  return rowParts(rows, cols, limits).map((part) =>
    shader({
      label,
      threads,
      subgroups: limits.subgroups,
      read: { x: { part: elementsOf(part, cols) } },
      write: { inverse: {} },
      sizes: { first: part.first },
      workgroups: part.count,
      declarations: workgroupMemory(["squares"], threads, limits),
      body: `  var squares = 0f;
  for (var c = lane; c < ${cols}u; c += ${threads}u) {
    let v = x[workgroup * ${cols}u + c];
    squares += v * v;
  }
${workgroupReduce("squares", threads, limits)}
  if (lane == 0u) {
    inverse[sizes.first + workgroup] = 1f / sqrt(squares * ${literal(1 / cols)} + ${literal(eps)});
  }`,
    })
  );
}
