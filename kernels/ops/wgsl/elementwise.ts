/**
 * Kernels that compute each position of `[rows, cols]` outputs from the same position of their inputs.
 * @module
 */
import type { WgslDispatch, WgslLimits } from "../../wgsl_program.ts";
import { elementOf, elementsOf, rowParts, shader, widthOf } from "./shader.ts";

/** Access to an input: one value for each element, column or row, or ("list") by an index of its own. */
export type InputAccess = "element" | "column" | "row" | "list";

/** WGSL of each input: an expression of type `V` (f32 or a vec4 of f32), or for a list that of the element at an index. */
export type Readings<Inputs extends Readonly<Record<string, InputAccess>>> = {
  readonly [Name in keyof Inputs]: Inputs[Name] extends "list" ? (index: number) => string : string;
};

/** WGSL and sizes of an elementwise kernel over `[rows, cols]`. */
export interface ElementwiseSpec<Inputs extends Readonly<Record<string, InputAccess>>> {
  label: string;
  rows: number;
  cols: number;
  inputs: Inputs;
  /** Module-scope declarations, such as a function. */
  declarations?: string;
  /**
   * An expression for each output by name. `keep` gives an intermediate value a name, which it returns.
   */
  outputs(
    inputs: Readings<Inputs>,
    keep: (name: string, expression: string) => string,
  ): Readonly<Record<string, string>>;
  /** Outputs that may stand where an input of elements does, by its name (`Kernel.inPlace`). */
  inPlace?: Readonly<Record<string, keyof Inputs & string>>;
}

/** Lowers an elementwise kernel. */
export function elementwise<const Inputs extends Readonly<Record<string, InputAccess>>>(
  { label, rows, cols, inputs, declarations = "", outputs, inPlace = {} }: ElementwiseSpec<Inputs>,
  limits: WgslLimits,
): WgslDispatch[] {
  const width = widthOf(cols), wide = cols / width, element = elementOf(width);
  const operands = Object.entries(inputs);
  // Output that overwrites an input, by the input.
  const overwritten = new Map(
    Object.entries(inPlace).filter(([name]) => limits.inPlace?.has(name)).map((
      [name, input],
    ) => [input, name]),
  );
  const kept: string[] = [];
  const readings = Object.fromEntries(operands.map(([name, reading]) => [
    name,
    reading === "list" ? (index: number) => `${name}_in[${index}]` : name,
  ])) as Readings<Inputs>;
  const values = outputs(readings, (name, expression) => {
    kept.push(`  let ${name} = ${expression};`);
    return name;
  });
  return rowParts(rows, cols, limits).map((part) => {
    const whole = elementsOf(part, cols);
    return shader({
      label,
      threads: 256,
      read: Object.fromEntries(
        operands.filter(([name]) => !overwritten.has(name)).map(([name, reading]) => [
          `${name}_in`,
          reading === "element"
            ? { of: name, element, part: whole }
            : { of: name, element: reading === "column" ? element : "f32" },
        ]),
      ),
      write: Object.fromEntries(
        Object.keys(values).map((name) => [`${name}_out`, { of: name, element, part: whole }]),
      ),
      sizes: { count: part.count * wide, first: part.first },
      workgroups: Math.ceil(part.count * wide / 256),
      declarations: `alias V = ${width === 4 ? "vec4<f32>" : "f32"};\n${declarations}`,
      body: [
        "  let i = workgroup * 256u + lane;",
        "  if (i >= sizes.count) { return; }",
        ...operands.flatMap(([name, reading]) => {
          const place = overwritten.get(name);
          return place === undefined ? load(name, reading, wide) : [`  let ${name} = ${place}_out[i];`];
        }),
        ...kept,
        ...Object.entries(values).map(([name, value]) => `  ${name}_out[i] = ${value};`),
      ].join("\n"),
    });
  });
}

function load(name: string, reading: InputAccess, wide: number): string[] {
  switch (reading) {
    case "element":
      return [`  let ${name} = ${name}_in[i];`];
    case "column":
      return [`  let ${name} = ${name}_in[i % ${wide}u];`];
    case "row":
      return [`  let ${name} = V(${name}_in[sizes.first + i / ${wide}u]);`];
    case "list":
      return [];
  }
}

/** `sigmoid` of an elementwise kernel's `V`; `exp` only of what is ≤ 0, so that nothing overflows. */
export const SIGMOID = `fn sigmoid(x: V) -> V {
  let e = exp(-abs(x));
  return select(V(1f), e, x < V(0f)) / (V(1f) + e);
}`;
