/**
 * New keys and values put into a cache, where a backend can write them where they stand: a token costs its own rows, not a copy of others.
 * @module
 */
import { defineKernel, fixedSizes } from "../../kernel.ts";
import { constantNode } from "../../onnx_node.ts";
import { elementwise } from "../wgsl/elementwise.ts";
import { elementOf, shader, widthOf } from "../wgsl/shader.ts";

const IN_PLACE = { k_next: "k", v_next: "v" } as const;

/**
 * `k_next = k`, but row `ids[l]` of it, slot by slot (`slots · past`), is row l of `x_k` `[rows, heads · d]`; `v_next` likewise. Both are
 * `[slots, heads, past, d]`; ids are distinct.
 */
export const putCacheRows = defineKernel({
  name: "put_cache_rows",
  inputs: {
    k: ["slots", "heads", "past", "d"],
    v: ["slots", "heads", "past", "d"],
    ids: ["rows"],
    x_k: ["rows", "cols"],
    x_v: ["rows", "cols"],
  },
  outputs: { k_next: ["slots", "heads", "past", "d"], v_next: ["slots", "heads", "past", "d"] },
  integers: ["ids"],
  indices: { ids: ({ slots, past }) => ({ least: 0, below: slots * past }) },
  inPlace: IN_PLACE,
  reference: ({ k, v, ids, x_k, x_v }, { heads, past, d, cols }) => {
    const put = (cache: Float64Array, x: Float64Array) => {
      const next = cache.slice();
      ids.forEach((id, l) => {
        for (let head = 0; head < heads; head++) {
          const from = l * cols + head * d, to = (Math.floor(id / past) * heads + head) * past + id % past;
          next.set(x.subarray(from, from + d), to * d);
        }
      });
      return next;
    };
    return { k_next: put(k, x_k), v_next: put(v, x_v) };
  },
  onnx: (dims) => {
    const { heads, d } = fixedSizes(dims, "heads", "d");
    return [
      { op: "Cast", in: ["ids"], out: ["ids64"], attrs: { to: { type: "i64" } } },
      constantNode("last", "i64", [-1]),
      { op: "Unsqueeze", in: ["ids64", "last"], out: ["index"] },
      constantNode("flat", "i64", [-1, heads * d]),
      ...["k", "v"].flatMap((name) => [
        { op: "Transpose", in: [name], out: [`${name}_rows`], attrs: { perm: [0, 2, 1, 3] } },
        { op: "Shape", in: [`${name}_rows`], out: [`${name}_shape`] },
        { op: "Reshape", in: [`${name}_rows`, "flat"], out: [`${name}_flat`] },
        { op: "ScatterND", in: [`${name}_flat`, "index", `x_${name}`], out: [`${name}_put`] },
        { op: "Reshape", in: [`${name}_put`, `${name}_shape`], out: [`${name}_split`] },
        {
          op: "Transpose",
          in: [`${name}_split`],
          out: [`${name}_next`],
          attrs: { perm: [0, 2, 1, 3] },
        },
      ]),
    ];
  },
  wgsl: ({ slots, heads, past, d, rows, cols }, _attrs, limits) => {
    const width = widthOf(d), wide = cols / width, of = d / width, element = elementOf(width);
    const copies = (["k", "v"] as const).filter((name) => !limits.inPlace?.has(`${name}_next`)).flatMap((
      name,
    ) =>
      elementwise({
        label: "put_cache_rows, copy",
        rows: slots * heads * past,
        cols: d,
        inputs: { [name]: "element" },
        outputs: (given) => ({ [`${name}_next`]: String(given[name]) }),
      }, limits)
    );
    const put = shader({
      label: "put_cache_rows",
      threads: 64,
      read: { ids: { element: "i32" }, x_k: { element }, x_v: { element } },
      write: { k_next: { element }, v_next: { element } },
      sizes: { count: rows * wide, past },
      workgroups: Math.ceil(rows * wide / 64),
      body: `  let i = workgroup * 64u + lane;
  if (i >= sizes.count) { return; }
  let c = i % ${wide}u; let id = u32(ids[i / ${wide}u]);
  let to = ((id / sizes.past * ${heads}u + c / ${of}u) * sizes.past + id % sizes.past) * ${of}u + c % ${of}u;
  k_next[to] = x_k[i]; v_next[to] = x_v[i];`,
    });
    return { dispatches: [...copies, put] };
  },
  grad: null,
  samples: [
    {
      dims: { slots: 1, heads: 1, past: 1, d: 1, rows: 1, cols: 1 },
      data: { ids: [0] },
      note: "one element",
    },
    {
      dims: { slots: 2, heads: 3, past: 5, d: 3, rows: 3, cols: 9 },
      data: { ids: [9, 0, 4] },
      note: "odd sizes",
    },
    {
      dims: { slots: 3, heads: 2, past: 70, d: 8, rows: 37, cols: 16 },
      data: { ids: Array.from({ length: 37 }, (_, i) => (i * 17) % 210) },
      range: { x_k: [-1e30, 1e30] },
      note: "more rows than a workgroup, large",
    },
  ],
  tolerance: { atol: 0, rtol: 1e-7 },
});
