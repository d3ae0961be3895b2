/**
 * Tiled matrix products for compute shaders: y[m, n] = alpha · Σ_k A(m, k) B(k, n) (+ what the epilogue adds).
 *
 * A workgroup owns a tile of y (`product_tile.ts`). Where few tiles face a long k (gradients of LoRA, one row while
 * generating), k is split over workgroups and a second dispatch sums the parts in a fixed order. B may lie in memory as
 * float16: it becomes float32 on its way to workgroup memory.
 * @module
 */
import type { WgslDispatch, WgslLimits, WgslPart, WgslProgram } from "../../wgsl_program.ts";
import { FEW_ROWS, fewRows } from "./few_rows.ts";
import type { ProductLayout, ProductSpec } from "./product_spec.ts";
import { SIDE, type Tile, tileDeclarations } from "./product_tile.ts";
import {
  elementOf,
  elementsOf,
  inTurn,
  literal,
  rowParts,
  shader,
  type ShaderSpec,
  widthOf,
} from "./shader.ts";
import { tileBody } from "./tile_walk.ts";

/** Workgroups below which k is split; laptops have 10 to 40 units that each want a few. */
const WANTED_WORKGROUPS = 96;
const LEAST_DEPTH = 128;
const MOST_SPLITS = 32;
/**
 * Workgroups up to which k is split further where the parts are small beside the operands, as in gradients of LoRA: a step of 16 waits for
 * memory however little it computes, and a large GPU has room for so many workgroups at once (132 units, eight each).
 */
const WANTED_NARROW = 1024;
/** Share of the operands that writing and reading such parts may be. */
const PARTS_SHARE = 1 / 8;
/** Tiles of 128 × 128 that make the larger tile worth it; with fewer, more small ones keep all units busy. */
const MANY_TILES = 64;

function tileFor(m: number, n: number, layout: ProductLayout): Tile {
  const large = m > 64 && n > 64 && Math.ceil(m / 128) * Math.ceil(n / 128) >= MANY_TILES;
  if (large) return { tm: 8, tn: 8, depth: layout === "tn" ? 8 : 16 };
  return { tm: m <= SIDE ? 1 : 4, tn: n <= SIDE ? 1 : 4, depth: 16 };
}

/** Tiles of a product, and the parts of its depth. */
export function tilesOf(
  { m, n, k, layout }: { m: number; n: number; k: number; layout: ProductLayout },
): { tile: Tile; across: number; down: number; splits: number } {
  const tile = tileFor(m, n, layout);
  const across = Math.ceil(m / (SIDE * tile.tm)), down = Math.ceil(n / (SIDE * tile.tn));
  const tiles = across * down, narrow = Math.floor(PARTS_SHARE * (m + n) * k / (2 * m * n));
  const wanted = Math.max(
    Math.ceil(WANTED_WORKGROUPS / tiles),
    Math.min(Math.ceil(WANTED_NARROW / tiles), narrow),
  );
  const splits = Math.min(wanted, Math.floor(k / LEAST_DEPTH), MOST_SPLITS);
  return { tile, across, down, splits: Math.max(1, splits) };
}

/** Lowers a product; operands larger than a binding are taken in parts of their leading axis. */
export function product(spec: ProductSpec, limits: WgslLimits): Required<WgslProgram> {
  const { layout, m, n, k } = spec;
  const few = layout === "nt" && m <= FEW_ROWS && !spec.keep ? fewRows(spec, limits) : null;
  if (few) return { dispatches: few, temporaries: {} };
  const columnsOfA = layout === "tn" ? m : k, columnsOfB = layout === "nt" ? k : n;
  const mParts = smallest(rowParts(m, n, limits), layout === "tn" ? [] : rowParts(m, columnsOfA, limits));
  const half = limits.half?.has(spec.b) ?? false, inPlace = limits.inPlace?.has(spec.y) ?? false;
  const nParts = layout === "nt" ? rowParts(n, columnsOfB, limits, half) : [{ first: 0, count: n }];
  const kParts = smallest(
    layout === "nt" ? [{ first: 0, count: k }] : rowParts(k, columnsOfB, limits, half),
    layout === "tn" ? rowParts(k, columnsOfA, limits) : [],
  );
  return inTurn(
    mParts.flatMap((rows) =>
      nParts.flatMap((columns) =>
        kParts.map((depth) => productPart(spec, { rows, columns, depth, half, inPlace }))
      )
    ),
  );
}

/** The finer of two ways to cut the same axis. */
function smallest(a: WgslPart[], b: WgslPart[]): WgslPart[] {
  return b.length > a.length ? b : a;
}

/** Rows of an operand of which the product itself takes only a part. */
function within(part: WgslPart | undefined, rows: WgslPart, cols: number): WgslPart {
  const { first, count } = elementsOf(rows, cols);
  return { first: (part?.first ?? 0) + first, count };
}

/** Rows and columns of the result and the stretch of k that one dispatch is about. */
interface Cut {
  rows: WgslPart;
  columns: WgslPart;
  depth: WgslPart;
  /** True if B lies in memory as float16. */
  half: boolean;
  /** True if the base stands where the result does. */
  inPlace: boolean;
}

/** What is made of a finished sum: the tensors that are read for it, and the new element as an expression. */
interface Epilogue {
  reads: ShaderSpec["read"];
  value: (sum: string) => string;
}

/** alpha · sum, added to the base, or to what earlier stretches of k left; `keep` adds a share of the old element. */
function epilogueOf(
  { n, base, keep, alpha = 1 }: ProductSpec,
  { rows, depth, inPlace }: Cut,
): Epilogue {
  const more = depth.first > 0;
  return {
    reads: {
      ...(base && !more && !inPlace ? { base: { of: base, part: elementsOf(rows, n) } } : {}),
      ...(keep && !more ? { factor: { of: keep.factor, element: "vec4<f32>" as const } } : {}),
    },
    value: (sum) =>
      [
        alpha === 1 ? sum : `${literal(alpha)} * ${sum}`,
        ...(more || inPlace ? ["y[index]"] : base ? ["base[index]"] : []),
        ...(!more && keep ? ["factor[sizes.factor_row + row].w * y[index]"] : []),
      ].join(" + "),
  };
}

function productPart(spec: ProductSpec, cut: Cut): Required<WgslProgram> {
  const { layout, m, n, k, parts } = spec, { rows, columns, depth } = cut;
  const { tile, across, down, splits } = tilesOf({
    m: rows.count,
    n: columns.count,
    k: depth.count,
    layout,
  });
  const widths = { a: widthOf(layout === "tn" ? m : k), b: widthOf(layout === "nt" ? k : n) };
  const partA = layout === "tn" ? within(parts?.a, depth, m) : within(parts?.a, rows, k);
  const partB = layout === "nt" ? within(parts?.b, columns, k) : within(parts?.b, depth, n);
  const result = { of: spec.y, part: within(parts?.y, rows, n) };
  const epilogue = epilogueOf(spec, cut);
  const sizes = {
    m: rows.count,
    n: columns.count,
    k: depth.count,
    lda: layout === "tn" ? m : k,
    ldb: layout === "nt" ? k : n,
    ldy: n,
    // Columns at which this part begins in operands whose leading axis is another one.
    a_column: layout === "tn" ? rows.first : layout === "nn" ? depth.first : 0,
    y_column: columns.first,
    factor_row: rows.first,
    across,
    tiles: across * down,
    split: Math.ceil(depth.count / splits / tile.depth) * tile.depth,
  };
  const partial = `${spec.y}_parts`;
  const written = (row: string, column: string, sum: string) =>
    splits === 1
      ? `let row = ${row}; let index = row * sizes.ldy + sizes.y_column + ${column}; y[index] = ${
        epilogue.value(sum)
      };`
      : `y[(part * sizes.m + ${row}) * sizes.n + ${column}] = ${sum};`;
  const main = shader({
    label: spec.label,
    threads: SIDE * SIDE,
    read: {
      a: { of: spec.a, element: elementOf(widths.a), part: partA },
      b: { of: spec.b, element: elementOf(widths.b, cut.half), part: partB },
      ...(splits === 1 ? epilogue.reads : {}),
    },
    write: { y: splits === 1 ? result : { of: partial } },
    sizes,
    workgroups: across * down * splits,
    declarations: tileDeclarations({ layout, tile, widths }),
    body: tileBody({
      layout,
      tile,
      write: ({ row, column, sum }) =>
        `if (${row} < sizes.m && ${column} < sizes.n) { ${written(row, column, sum)} }`,
    }),
  });
  if (splits === 1) return { dispatches: [main], temporaries: {} };
  const count = rows.count * columns.count;
  const sum = sumOfParts({
    label: spec.label,
    partial,
    result,
    epilogue,
    sizes: { ...sizes, count, splits },
  });
  return { dispatches: [main, sum], temporaries: { [partial]: count * splits } };
}

/** Adds up what the stretches of k gave, in their order. */
function sumOfParts({ label, partial, result, epilogue, sizes }: {
  label: string;
  partial: string;
  result: { of: string; part: WgslPart };
  epilogue: Epilogue;
  sizes: Record<string, number> & { count: number };
}): WgslDispatch {
  return shader({
    label: `${label}, sum of parts`,
    threads: 64,
    read: { parts: { of: partial }, ...epilogue.reads },
    write: { y: result },
    sizes,
    workgroups: Math.ceil(sizes.count / 64),
    body: `  let i = workgroup * 64u + lane;
  if (i >= sizes.count) { return; }
  var sum = 0f;
  for (var s = 0u; s < sizes.splits; s++) { sum += parts[s * sizes.count + i]; }
  let row = i / sizes.n;
  let index = row * sizes.ldy + sizes.y_column + i % sizes.n;
  y[index] = ${epilogue.value("sum")};`,
  });
}
