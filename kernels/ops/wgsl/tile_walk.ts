/**
 * The walk of a product's tile over k: multiply-adds of each invocation's results in registers, see `product_tile.ts`.
 * @module
 */
import type { ProductLayout } from "./product_spec.ts";
import { fillTile, placeAlong, SIDE, type Tile } from "./product_tile.ts";

/** A low-rank product beside that of a tile: Σ_r left(row, r) right(r, column) is added to the results behind the walk. */
export interface BesideTile {
  /** Statements: variables; what fills workgroup memory in a step, beside the tiles; what reads it; what follows the last step. */
  variables: string;
  fill: string;
  /** @param place WGSL of where a vec4 of a row of A stands. */
  step(place: (row: string, quad: string) => string): string;
  finish: string;
  rank: number;
  /** WGSL of factors at `r`, by the row in the tile and the column of the result, which exists. */
  left(row: string): string;
  right(column: string): string;
}

/** A product's layout and tile. */
interface TiledProduct {
  layout: ProductLayout;
  tile: Tile;
}

/** How an invocation's operands and results lie. */
interface Registers extends Tile {
  alongA: boolean;
  alongB: boolean;
  /** True if results are vec4 across, else scalars: B lies along k, or one column is an invocation's. */
  wide: boolean;
  /** Numbers of rows, of columns, and of results along a row. */
  is: number[];
  js: number[];
  results: number[];
}

function registersOf({ layout, tile }: TiledProduct): Registers {
  const { tm, tn } = tile, alongB = layout === "nt", wide = !alongB && tn > 1, js = range(tn);
  return {
    ...tile,
    alongA: layout !== "tn",
    alongB,
    wide,
    is: range(tm),
    js,
    results: wide ? range(tn / 4) : js,
  };
}

/** The walk over k; `write` gives the statement that stores a result, from WGSL of its row, column and sum. */
export function tileBody(
  { layout, tile, beside, write }: TiledProduct & {
    beside?: BesideTile;
    write(result: { row: string; column: string; sum: string }): string;
  },
): string {
  const registers = registersOf({ layout, tile }),
    { tm, tn, depth, alongA, alongB, wide, is, js } = registers;
  const lines = [
    `  let tx = lane % ${SIDE}u; let ty = lane / ${SIDE}u;
  let tile = workgroup % sizes.tiles; let part = workgroup / sizes.tiles;
  let m0 = tile % sizes.across * ${SIDE * tm}u; let n0 = tile / sizes.across * ${SIDE * tn}u;
  let limit = min(sizes.k, (part + 1u) * sizes.split);`,
    ...is.flatMap((i) => registers.results.map((j) => `  var c${i}_${j} = ${wide ? "vec4<f32>()" : "0f"};`)),
    ...(beside ? [beside.variables] : []),
    `  for (var k0 = part * sizes.split; k0 < limit; k0 += ${depth}u) {
    ${fillTile({ name: "a", alongK: alongA, perInvocation: tm, depth, origin: "m0" })}
    ${fillTile({ name: "b", alongK: alongB, perInvocation: tn, depth, origin: "n0" })}
    ${beside?.fill ?? ""}
    workgroupBarrier();
    ${beside?.step((row, quad) => placeAlong(row, quad, { depth, perInvocation: tm })) ?? ""}`,
    ...steps(registers),
    "    workgroupBarrier();",
    "  }",
  ];
  const rowOf = (i: number) => offset({ alongK: alongA, perInvocation: tm, thread: "ty", index: i });
  const columnOf = (j: number) => offset({ alongK: alongB, perInvocation: tn, thread: "tx", index: j });
  if (beside) lines.push(...lowRank(registers, beside, { rowOf, columnOf }));
  for (const i of is) {
    for (const j of js) {
      const row = `(m0 + ${rowOf(i)})`, column = `(n0 + ${columnOf(j)})`;
      const sum = wide ? `c${i}_${Math.floor(j / 4)}[${j % 4}]` : `c${i}_${j}`;
      lines.push(`  ${write({ row, column, sum })}`);
    }
  }
  return lines.join("\n");
}

/** Multiply-adds of a step, four deep each time. */
function steps(registers: Registers): string[] {
  const { tm, depth, alongB } = registers;
  // As statements 1,024 multiply-adds of a large tile's step are slow to compile, so there they are a loop.
  const looped = tm === 8 && depth > 8;
  const quads = looped ? ["q"] : range(depth / 4).map((q) => `${q}u`);
  return quads.flatMap((quad) => [
    looped ? `    for (var q = 0u; q < ${depth / 4}u; q++) {` : "    {",
    ...rowsOfA(registers, quad),
    ...(alongB ? columnsAlong(registers, quad) : columnsAcross(registers, quad)),
    "    }",
  ]);
}

/** Where A lies along k: a vec4 of each row. */
function rowsOfA({ alongA, tm, depth, is }: Registers, quad: string): string[] {
  if (!alongA) return [];
  return is.map((i) => {
    const place = placeAlong(`(ty + ${SIDE * i}u)`, quad, { depth, perInvocation: tm });
    return `      let a${i} = tile_a[${place}];`;
  });
}

/** Multiply-adds where B lies along k: by four of each column at once. */
function columnsAlong({ tn, depth, is, js }: Registers, quad: string): string[] {
  const reads = js.map((j) => {
    const place = placeAlong(`(tx + ${SIDE * j}u)`, quad, { depth, perInvocation: tn });
    return `      let b${j} = tile_b[${place}];`;
  });
  const sums = range(4).flatMap((s) =>
    is.flatMap((i) => js.map((j) => `      c${i}_${j} = fma(a${i}[${s}], b${j}[${s}], c${i}_${j});`))
  );
  return [...reads, ...sums];
}

/** Multiply-adds where B lies across k: depth by depth. */
function columnsAcross({ tm, tn, alongA, wide, is, results }: Registers, quad: string): string[] {
  return range(4).flatMap((s) => {
    const k = `(${quad} * 4u + ${s}u)`;
    const read = (name: "a" | "b", index: number) => {
      const [perInvocation, thread] = name === "a" ? [tm, "ty"] : [tn, "tx"];
      return `      let ${name}${s}_${index} = ${
        across({ tile: `tile_${name}`, k, perInvocation, thread, index })
      };`;
    };
    const valueOf = (i: number) =>
      alongA ? `a${i}[${s}]` : tm > 1 ? `a${s}_${Math.floor(i / 4)}[${i % 4}]` : `a${s}_0`;
    return [
      ...results.map((j) => read("b", j)),
      ...(alongA ? [] : range(Math.max(1, tm / 4)).map((v) => read("a", v))),
      ...is.flatMap((i) => {
        const a = wide ? `vec4<f32>(${valueOf(i)})` : valueOf(i);
        return results.map((j) => `      c${i}_${j} = fma(${a}, b${s}_${j}, c${i}_${j});`);
      }),
    ];
  });
}

/** Adds the low-rank product beside the tile's, one rank after another. */
function lowRank(
  { wide, is, js, results }: Registers,
  { finish, rank, left, right }: BesideTile,
  { rowOf, columnOf }: { rowOf(i: number): string; columnOf(j: number): string },
): string[] {
  const factorOf = (j: number) =>
    wide ? `vec4<f32>(${range(4).map((c) => `u${4 * j + c}`).join(", ")})` : `u${j}`;
  return [
    finish,
    `  for (var r = 0u; r < ${rank}u; r++) {`,
    ...js.map((j) => `    let u${j} = ${right(`min(n0 + ${columnOf(j)}, sizes.n - 1u)`)};`),
    ...is.flatMap((i) => [
      `    let l${i} = ${left(rowOf(i))};`,
      ...results.map((j) =>
        `    c${i}_${j} = fma(${wide ? `vec4<f32>(l${i})` : `l${i}`}, ${factorOf(j)}, c${i}_${j});`
      ),
    ]),
    "  }",
  ];
}

/** An invocation's rows or columns of a tile. */
interface Owned {
  perInvocation: number;
  /** WGSL of the invocation's index among 16. */
  thread: string;
  /** Number of the row or column among those of the invocation. */
  index: number;
}

/** Offset of one of them in the tile: every 16th along k, in fours across. */
function offset({ alongK, perInvocation, thread, index }: Owned & { alongK: boolean }): string {
  if (alongK || perInvocation === 1) return `${thread} + ${SIDE * index}u`;
  return `${thread} * 4u + ${4 * SIDE * Math.floor(index / 4) + index % 4}u`;
}

/** A tile's values at depth `k` (WGSL) for an invocation, where the tile lies across k: one of its vec4, or its only value. */
function across({ tile, k, perInvocation, thread, index }: Owned & { tile: string; k: string }): string {
  return perInvocation > 1
    ? `${tile}[${k} * ${SIDE * perInvocation / 4}u + ${index * SIDE}u + ${thread}]`
    : `${tile}[${k} * ${SIDE / 4}u + ${thread} / 4u][${thread} % 4u]`;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
