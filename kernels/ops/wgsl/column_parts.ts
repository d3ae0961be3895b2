/**
 * Shaders that copy columns between a matrix and two that stand side by side in it.
 * @module
 */
import type { WgslDispatch, WgslLimits } from "../../wgsl_program.ts";
import { elementOf, elementsOf, rowParts, shader, type ShaderBinding, widthOf } from "./shader.ts";

/** The copy: `whole` is the kernel's name of the matrix `[rows, left + right]`, which is read where it is taken apart. */
export interface ColumnCopy {
  label: string;
  whole: string;
  takesApart: boolean;
}

/** Copies between `whole` and the kernel's `a [rows, left]` and `b [rows, right]`. */
export function columnParts(
  { label, whole, takesApart }: ColumnCopy,
  { rows, left, right }: Readonly<Record<"rows" | "left" | "right", number>>,
  limits: WgslLimits,
): WgslDispatch[] {
  const cols = left + right, width = widthOf(left, right), element = elementOf(width);
  const [wide, l, r] = [cols / width, left / width, right / width];
  const copy = (part: string) => takesApart ? `${part} = ${whole}[i];` : `${whole}[i] = ${part};`;
  return rowParts(rows, cols, limits).map((rowPart) => {
    const of = (columns: number): ShaderBinding => ({ element, part: elementsOf(rowPart, columns) });
    const matrix = { [whole]: of(cols) }, parts = { a: of(left), b: of(right) };
    return shader({
      label,
      threads: 256,
      read: takesApart ? matrix : parts,
      write: takesApart ? parts : matrix,
      sizes: { count: rowPart.count * wide },
      workgroups: Math.ceil(rowPart.count * wide / 256),
      body: `  let i = workgroup * 256u + lane;
  if (i >= sizes.count) { return; }
  let row = i / ${wide}u; let c = i % ${wide}u;
  if (c < ${l}u) { ${copy(`a[row * ${l}u + c]`)} } else { ${copy(`b[row * ${r}u + c - ${l}u]`)} }`,
    });
  });
}
