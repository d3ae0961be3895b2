/**
 * Weights of 16 bits in ONNX: products of operands rounded to that type with float32 sums, and rows of a table.
 *
 * ONNX's products give the type of their operands, so a result is rounded once, too. bfloat16 has float32's range. For float16, whose
 * largest number is 65,504 and smallest 6e-8, each row of the other factor is divided by its length first and the result multiplied by
 * it: then a result is at most as large as a row of the weight is long (Cauchy–Schwarz), which is checked when weights are stored, and
 * rows of tiny gradients lose nothing. So no loss has to be scaled.
 * @module
 */
import {
  constantNode,
  floatAttribute,
  nativeNode,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTarget,
} from "../onnx_node.ts";

/** Added to lengths, so that a row of zeros stays one. */
const TINY = 1e-30;

/**
 * `out = alpha · a b`, by ONNX's Gemm, or where it can by an operator of our own.
 * @param product `b` may be a weight of 16 bits; names of temporaries begin with `out`
 */
export function gemmNodes(
  { half, native: operators }: OnnxTarget,
  { a, b, out, alpha = 1, transA = 0, transB = 0 }: {
    a: string;
    b: string;
    out: string;
    alpha?: number;
    transA?: 0 | 1;
    transB?: 0 | 1;
  },
): OnnxNode[] {
  const attrs = (scale?: number): Record<string, OnnxAttribute> => ({
    ...(transA && { transA }),
    ...(transB && { transB }),
    ...(scale !== undefined && { alpha: floatAttribute(scale) }),
  });
  if (operators && !half && !transA) {
    return [nativeNode("Product", [a, b], [out], { transposed: transB, alpha: floatAttribute(alpha) })];
  }
  if (!half?.names.has(b)) return [{ op: "Gemm", in: [a, b], out: [out], attrs: attrs(alpha) }];
  const { type, native } = half, own = (name: string) => `${out}_${name}`;
  const cast = (from: string, to: string, as: "f32" | typeof type): OnnxNode => ({
    op: "Cast",
    in: [from],
    out: [to],
    attrs: { to: { type: as } },
  });
  const scaled = type === "f16",
    factors = [...scaled ? [own("length")] : [], ...alpha === 1 ? [] : [own("alpha")]];
  const nodes: OnnxNode[] = scaled
    ? [
      constantNode(own("axis"), "i64", [-1]),
      constantNode(own("tiny"), "f32", TINY),
      { op: "ReduceSumSquare", in: [a, own("axis")], out: [own("square")] },
      { op: "Sqrt", in: [own("square")], out: [own("norm")] },
      { op: "Add", in: [own("norm"), own("tiny")], out: [own("length")] },
      { op: "Div", in: [a, own("length")], out: [own("unit")] },
    ]
    : [];
  const rows = scaled ? own("unit") : a, result = factors.length ? own("float") : out;
  nodes.push(cast(rows, own("a"), type));
  if (native) nodes.push({ op: "Gemm", in: [own("a"), b], out: [own("y")], attrs: attrs() });
  else {
    nodes.push(
      cast(own("a"), own("a32"), "f32"),
      cast(b, own("b32"), "f32"),
      { op: "Gemm", in: [own("a32"), own("b32")], out: [own("y32")], attrs: attrs() },
      cast(own("y32"), own("y"), type),
    );
  }
  nodes.push(cast(own("y"), result, "f32"));
  if (alpha !== 1) nodes.push(constantNode(own("alpha"), "f32", alpha));
  return nodes.concat(factors.map((factor, i) => ({
    op: "Mul",
    in: [i === 0 ? own("float") : own("scaled"), factor],
    out: [i === factors.length - 1 ? out : own("scaled")],
  })));
}

/** `out[l] = table[ids[l]]` in float32; the table may be a weight of 16 bits or of blocks. */
export function gatherNodes(
  { half, widened }: OnnxTarget,
  table: string,
  ids: string,
  out: string,
): OnnxNode[] {
  if (widened?.has(table)) return [nativeNode("Rows", [table, ids], [out])];
  const few = half?.names.has(table), rows = few ? `${out}_half` : out;
  return [
    { op: "Gather", in: [table, ids], out: [rows], attrs: { axis: 0 } },
    ...few ? [{ op: "Cast", in: [rows], out: [out], attrs: { to: { type: "f32" as const } } }] : [],
  ];
}
