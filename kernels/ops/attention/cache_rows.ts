/**
 * A new layout of a key or value cache: kept rows, new rows, other slots, another size. Done once in some dozens of tokens,
 * so that what is read for every token (`[slots, heads, rows, d]`) needs neither copying nor transposing.
 * @module
 */
import { defineKernel, fixedSizes } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import { shader } from "../wgsl/shader.ts";

/**
 * `y[s, h, r]` is row `from[s, r]` of the table that has the rows of `cache` (slot by slot, `slots · past`), then those of
 * `x` `[rows, heads · d]`; −1 gives zeros. `y` is `[taken, heads, room, d]`.
 */
export const cacheRows = defineKernel({
  name: "cache_rows",
  inputs: { cache: ["slots", "heads", "past", "d"], x: ["rows", "cols"], from: ["taken", "room"] },
  outputs: { y: ["taken", "heads", "room", "d"] },
  integers: ["from"],
  indices: { from: ({ slots, past, rows }) => ({ least: -1, below: slots * past + rows }) },
  reference: ({ cache, x, from }, { slots, heads, past, d, room, cols }) => {
    const y = new Float64Array(from.length * heads * d), kept = slots * past;
    from.forEach((source, target) => {
      if (source < 0) return;
      const slot = Math.floor(target / room), row = target % room;
      for (let head = 0; head < heads; head++) {
        const start = source < kept
          ? ((Math.floor(source / past) * heads + head) * past + source % past) * d
          : (source - kept) * cols + head * d;
        const values = source < kept ? cache : x;
        y.set(values.subarray(start, start + d), ((slot * heads + head) * room + row) * d);
      }
    });
    return { y };
  },
  onnx: (dims) => {
    const { heads, d } = fixedSizes(dims, "heads", "d");
    return [
      { op: "Transpose", in: ["cache"], out: ["rowwise"], attrs: { perm: [0, 2, 1, 3] } },
      constantNode("flat", "i64", [-1, heads * d]),
      { op: "Reshape", in: ["rowwise", "flat"], out: ["kept"] },
      constantNode("zero", "f32", new Array(heads * d).fill(0)),
      { op: "Reshape", in: ["zero", "flat"], out: ["zeros"] },
      // ONNX takes −1 as the last row.
      { op: "Concat", in: ["kept", "x", "zeros"], out: ["table"], attrs: { axis: 0 } },
      { op: "Gather", in: ["table", "from"], out: ["picked"], attrs: { axis: 0 } },
      constantNode("split", "i64", [0, 0, heads, d]),
      { op: "Reshape", in: ["picked", "split"], out: ["picked4"] },
      { op: "Transpose", in: ["picked4"], out: ["y"], attrs: { perm: [0, 2, 1, 3] } },
    ];
  },
  wgsl: ({ slots, heads, past, d, taken, room, cols }) => ({
    dispatches: [shader({
      label: "cache_rows",
      threads: 256,
      read: { cache: {}, x: {}, source: { of: "from", element: "i32" } },
      write: { y: {} },
      sizes: { past, kept: slots * past, room, count: taken * heads * room * d },
      workgroups: Math.ceil(taken * heads * room * d / 256),
      body: `  let i = workgroup * 256u + lane;
  if (i >= sizes.count) { return; }
  let c = i % ${d}u; let r = i / ${d}u % sizes.room;
  let h = i / ${d}u / sizes.room % ${heads}u; let s = i / ${d}u / sizes.room / ${heads}u;
  let row = source[s * sizes.room + r];
  if (row < 0) { y[i] = 0f; return; }
  let index = u32(row);
  if (index < sizes.kept) {
    y[i] = cache[((index / sizes.past * ${heads}u + h) * sizes.past + index % sizes.past) * ${d}u + c];
  } else {
    y[i] = x[(index - sizes.kept) * ${cols}u + h * ${d}u + c];
  }`,
    })],
  }),
  grad: null,
  samples: [
    {
      dims: { slots: 1, heads: 1, past: 1, d: 1, rows: 1, cols: 1, taken: 1, room: 2 },
      data: { from: [0, 1] },
      note: "one row and one more",
    },
    {
      dims: { slots: 2, heads: 3, past: 4, d: 5, rows: 3, cols: 15, taken: 3, room: 3 },
      data: { from: [7, 8, -1, 0, 3, 10, -1, -1, 9] },
      note: "odd sizes, more slots, gaps",
    },
    {
      dims: { slots: 3, heads: 2, past: 70, d: 4, rows: 40, cols: 8, taken: 1, room: 130 },
      data: { from: Array.from({ length: 130 }, (_, i) => i < 120 ? (i * 37) % 250 : -1) },
      range: { cache: [-1e30, 1e30] },
      note: "fewer slots, more rows than a workgroup",
    },
  ],
  tolerance: { atol: 0, rtol: 1e-7 },
});
