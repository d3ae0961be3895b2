/**
 * Sums and maxima over neighbouring invocations: by subgroup functions where a device has them, and by workgroup memory behind that.
 *
 * Only so many invocations are taken to be in one subgroup as the device's least subgroup has, so a shader is right, and adds in the
 * same order, on subgroups of that size and of any larger one.
 * @module
 */
import type { WgslLimits, WgslSubgroups } from "../../wgsl_program.ts";

/** A way to combine values. */
export type Reduction = "sum" | "max";

const COMBINED: Readonly<Record<Reduction, (a: string, b: string) => string>> = {
  sum: (a, b) => `${a} + ${b}`,
  max: (a, b) => `max(${a}, ${b})`,
};

/** Limits of a device as far as reductions need them. */
type Subgroups = Pick<WgslLimits, "subgroups">;

/** Number of `lanes` neighbouring invocations, a power of two, that are surely in one subgroup. */
export function together(lanes: number, subgroups: WgslSubgroups | undefined): number {
  return Math.min(lanes, subgroups?.least ?? 1);
}

/** WGSL: `name`, a scalar or vector, becomes its combination over every `count` neighbouring invocations of a subgroup. */
export function shuffled(name: string, count: number, combine: Reduction = "sum"): string {
  const steps: string[] = [];
  for (let step = count / 2; step >= 1; step /= 2) {
    steps.push(`  ${name} = ${COMBINED[combine](name, `subgroupShuffleXor(${name}, ${step}u)`)};`);
  }
  return steps.join("\n");
}

/** Workgroup memory of {@linkcode workgroupReduce} for each of the names. */
export function workgroupMemory(names: readonly string[], threads: number, { subgroups }: Subgroups): string {
  const count = threads / together(threads, subgroups);
  return count === 1
    ? ""
    : names.map((name) => `var<workgroup> shared_${name}: array<f32, ${count}>;`).join("\n");
}

/**
 * Combines a variable over a workgroup: statements that leave the result in every invocation's `name`.
 * Needs {@linkcode workgroupMemory} of that name.
 */
export function workgroupReduce(
  name: string,
  threads: number,
  { subgroups }: Subgroups,
  combine: Reduction = "sum",
): string {
  const within = together(threads, subgroups), count = threads / within, join = COMBINED[combine];
  if (within > 1) {
    if (count === 1) return shuffled(name, within, combine);
    return `${shuffled(name, within, combine)}
  if (lane % ${within}u == 0u) { shared_${name}[lane / ${within}u] = ${name}; }
  workgroupBarrier();
  ${name} = shared_${name}[0];
  for (var other = 1u; other < ${count}u; other++) { ${name} = ${join(name, `shared_${name}[other]`)}; }`;
  }
  const steps: string[] = [`  shared_${name}[lane] = ${name};`, "  workgroupBarrier();"];
  for (let half = threads / 2; half >= 1; half /= 2) {
    steps.push(
      `  if (lane < ${half}u) { shared_${name}[lane] = ${
        join(`shared_${name}[lane]`, `shared_${name}[lane + ${half}u]`)
      }; }`,
      "  workgroupBarrier();",
    );
  }
  return `${steps.join("\n")}\n  ${name} = shared_${name}[0];`;
}
