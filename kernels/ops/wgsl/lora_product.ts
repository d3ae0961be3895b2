/**
 * A product and the low-rank product beside it as one shader: h = s · A C, y = A B + t · h D (+ base).
 *
 * The workgroup of a tile of y has A's rows in workgroup memory anyway, so it makes h of these rows too, at rank / (16 · tn) more
 * multiply-adds; those of the first column write it. Where the depth is split, operands are bound in parts, or rows are few, the three
 * products run one behind the other.
 * @module
 */
import type { WgslLimits, WgslProgram } from "../../wgsl_program.ts";
import { FEW_ROWS } from "./few_rows.ts";
import { product, tilesOf } from "./product.ts";
import type { ProductSpec } from "./product_spec.ts";
import { SIDE, type Tile, tileDeclarations } from "./product_tile.ts";
import { elementOf, inTurn, literal, rowParts, shader, widthOf } from "./shader.ts";
import { type BesideTile, tileBody } from "./tile_walk.ts";

/** A product with LoRA beside it. `down` is C, `[rank, k]` ("nt") or `[k, rank]`; `up` is D, `[n, rank]` or `[rank, n]`. */
export interface LoraProductSpec extends Pick<ProductSpec, "label" | "m" | "n" | "k" | "a" | "b" | "base"> {
  layout: "nt" | "nn";
  rank: number;
  down: string;
  up: string;
  /** s and t. */
  scales: { down: number; up: number };
}

/** Ranks up to which an invocation's share of h is at most two vec4. */
const MOST_RANK = 16;
/** Workgroup memory that every device has, bytes; a device may have more. */
const LEAST_MEMORY = 16_384;

/** Lowers it; outputs are `y` and `h`. */
export function loraProduct(spec: LoraProductSpec, limits: WgslLimits): WgslProgram {
  return oneShader(spec, limits) ?? threeProducts(spec, limits);
}

function threeProducts(spec: LoraProductSpec, limits: WgslLimits): WgslProgram {
  const { label, layout, m, n, k, rank, a, b, down, up, base, scales } = spec;
  const program = inTurn([
    product({ label, layout, m, n, k, a, b, y: "plain", ...(base === undefined ? {} : { base }) }, limits),
    product({ label, layout, m, n: rank, k, a, b: down, y: "h", alpha: scales.down }, limits),
    product({ label, layout, m, n, k: rank, a: "h", b: up, y: "y", base: "plain", alpha: scales.up }, limits),
  ]);
  return { ...program, temporaries: { ...program.temporaries, plain: m * n } };
}

function oneShader(spec: LoraProductSpec, limits: WgslLimits): WgslProgram | null {
  const { label, layout, m, n, k, rank, base } = spec, half = limits.half?.has(spec.b) ?? false;
  const parts = [
    rowParts(m, Math.max(n, k), limits),
    layout === "nt" ? rowParts(n, k, limits, half) : rowParts(k, n, limits, half),
  ];
  const { tile: usual, across, down, splits } = tilesOf({ m, n, k, layout });
  if (
    m <= Math.max(FEW_ROWS, SIDE) || rank % 4 !== 0 || rank > MOST_RANK || splits > 1 ||
    parts.some(({ length }) => length > 1)
  ) return null;
  const roomy = (limits.workgroupBytes ?? LEAST_MEMORY) >= LEAST_MEMORY + 64 * rank;
  const tile = usual.tm === 8 && !roomy ? { ...usual, depth: 8 as const } : usual;
  const widths = { a: widthOf(k), b: widthOf(layout === "nt" ? k : n) };
  const body = tileBody({
    layout,
    tile,
    beside: lowRankBeside(spec, tile),
    write: ({ row, column, sum }) =>
      `if (${row} < sizes.m && ${column} < sizes.n) { let index = ${row} * sizes.n + ${column}; y[index] = ${sum}${
        base === undefined ? "" : " + base[index]"
      }; }`,
  });
  return {
    dispatches: [shader({
      label,
      threads: SIDE * SIDE,
      read: {
        a: { of: spec.a, element: elementOf(widths.a) },
        b: { of: spec.b, element: elementOf(widths.b, half) },
        narrow: { of: spec.down },
        up: { of: spec.up },
        ...(base === undefined ? {} : { base: { of: base } }),
      },
      write: { y: {}, hidden: { of: "h", element: "vec4<f32>" } },
      sizes: {
        m,
        n,
        k,
        lda: k,
        ldb: layout === "nt" ? k : n,
        a_column: 0,
        across,
        tiles: across * down,
        split: Math.ceil(k / tile.depth) * tile.depth,
      },
      workgroups: across * down,
      declarations: `${tileDeclarations({ layout, tile, widths })}\nvar<workgroup> tile_c: array<vec4<f32>, ${
        tile.depth * rank / 4
      }>;`,
      body,
    })],
  };
}

/** A x down, summed up beside the tile in the registers of invocations that own four ranks of a row each, and its product with up. */
function lowRankBeside({ layout, rank, scales }: LoraProductSpec, tile: Tile): BesideTile {
  const quads = rank / 4, items = SIDE * tile.tm * quads, filled = tile.depth * quads;
  const shares = Array.from({ length: Math.ceil(items / (SIDE * SIDE)) }, (_, i) => i);
  const each = (statements: (i: number) => string) =>
    shares.map((i) => {
      const own = `let e = lane + ${SIDE * SIDE * i}u; let row = e / ${quads}u; let quad = e % ${quads}u;`;
      return items % (SIDE * SIDE) === 0
        ? `{ ${own} ${statements(i)} }`
        : `{ ${own} if (e < ${items}u) { ${statements(i)} } }`;
    }).join("\n    ");
  const narrow = layout === "nt"
    ? `let quad = lane / ${tile.depth}u; let kk = lane % ${tile.depth}u; let column = k0 + kk;
      if (column < limit) { value = vec4<f32>(${
      [0, 1, 2, 3].map((j) => `narrow[(quad * 4u + ${j}u) * sizes.k + column]`).join(", ")
    }); }`
    : `let quad = lane % ${quads}u; let kk = lane / ${quads}u; let column = k0 + kk;
      if (column < limit) { let from_here = column * ${rank}u + quad * 4u; value = vec4<f32>(${
      [0, 1, 2, 3].map((j) => `narrow[from_here + ${j}u]`).join(", ")
    }); }`;
  return {
    variables: shares.map((i) => `  var h${i} = vec4<f32>();`).join("\n"),
    fill:
      `if (lane < ${filled}u) { var value = vec4<f32>(); ${narrow} tile_c[kk * ${quads}u + quad] = value; }`,
    step: (place) =>
      each((i) =>
        `for (var q = 0u; q < ${tile.depth / 4}u; q++) { let a4 = tile_a[${
          place("row", "q")
        }]; let c = q * ${rank}u + quad; h${i} = fma(vec4<f32>(a4.x), tile_c[c], h${i}); h${i} = fma(vec4<f32>(a4.y), tile_c[c + ${quads}u], h${i}); h${i} = fma(vec4<f32>(a4.z), tile_c[c + ${
          2 * quads
        }u], h${i}); h${i} = fma(vec4<f32>(a4.w), tile_c[c + ${3 * quads}u], h${i}); }`
      ),
    finish: `  ${
      each((i) =>
        `let value = ${literal(scales.down)} * h${i}; tile_a[e] = ${
          literal(scales.up)
        } * value; if (n0 == 0u && m0 + row < sizes.m) { hidden[(m0 + row) * ${quads}u + quad] = value; }`
      )
    }
  workgroupBarrier();`,
    rank,
    left: (row) => `tile_a[(${row}) * ${quads}u + r / 4u][r % 4u]`,
    right: (column) => layout === "nt" ? `up[(${column}) * ${rank}u + r]` : `up[r * sizes.n + ${column}]`,
  };
}
