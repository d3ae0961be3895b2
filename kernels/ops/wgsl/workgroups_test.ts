/** Dispatches of the heaviest kernels, counted without a device: workgroups, memory of a workgroup, order of reads. */
import { assert, assertEquals } from "@std/assert";
import { item } from "../../../formats/elements.ts";
import { attention } from "../attention/attention.ts";
import { cachedAttention } from "../attention/cached_attention.ts";
import { attentionGrad } from "../attention/attention_grad.ts";
import type { WgslProgram } from "../../wgsl_program.ts";
import { linear, matmul, matmulTn } from "../products/products.ts";
import { rmsNorm } from "../norms/rms_norm.ts";
import { MATRICES } from "../../shapes_bench.ts";
import { tilesOf } from "./product.ts";

const LIMITS = { bindingBytes: 2 ** 27 };

/** Heads of 64 with three query heads to a key head (SmolLM2). */
const HEADS = { heads: 9, kv_heads: 3, scale: 1 / 8, window: null }, COLS = { qcols: 576, kvcols: 192 };

function counted({ dispatches, temporaries = {} }: WgslProgram) {
  return { counts: new Map(dispatches.map(({ label, workgroups }) => [label, workgroups])), temporaries };
}

/** Workgroups by the labels of a pass of attention, and elements of its temporaries. */
const gradientOf = (rows: number, limits = LIMITS) =>
  counted(attentionGrad.wgsl({ rows, ...COLS }, HEADS, limits));
const forwardOf = (rows: number, queries = rows, limits = LIMITS) =>
  counted(attention.wgsl({ rows, queries, ...COLS }, HEADS, limits));

Deno.test("a pass over the queries of 800 rows is 846 workgroups where a block of queries had one: 225 on 132 units", () => {
  // 25 blocks of 32 queries × 9 heads × every fourth block of keys, but for the first blocks, which see 1, 2 and 3.
  const workgroups = (25 * 4 - 3 - 2 - 1) * 9;
  const { counts, temporaries } = forwardOf(800);
  assertEquals(counts.get("attention"), workgroups);
  assertEquals(counts.get("attention, join"), 800 * 576 / 4 / 64);
  assertEquals([temporaries.shares, temporaries.share_statistics], [4 * 800 * 576, 4 * 4 * 9 * 800]);
  const back = gradientOf(800);
  assertEquals(back.counts.get("attention_grad, dq"), workgroups);
  assertEquals(back.counts.get("attention_grad, join of dq"), 800 * 576 / 4 / 64);
});

Deno.test("queries share their keys out as far as there are keys and a binding for the shares", () => {
  // 32 queries behind 8,160 rows: nine heads, and eight ranges of 256 blocks of keys.
  assertEquals(forwardOf(8192, 32).counts.get("attention"), 9 * 8);
  // Four blocks of keys are two ranges, and the third block of queries sees both.
  assertEquals(forwardOf(128, 64).counts.get("attention"), 2 * 9 * 2);
  // 114 blocks × 9 heads are enough.
  for (const { counts } of [forwardOf(3648), forwardOf(3648, 3648, { bindingBytes: 2 ** 24 })]) {
    assertEquals([counts.get("attention"), counts.get("attention, join")], [114 * 9, undefined]);
  }
  // One block of keys; shares that fit no binding: queries in parts, and a binding for all queries but not for two shares.
  assertEquals(forwardOf(32).counts.get("attention"), 9);
  assertEquals(forwardOf(800, 800, { bindingBytes: 2 ** 20 }).counts.get("attention, join"), undefined);
  assertEquals(forwardOf(800, 800, { bindingBytes: 3 * 2 ** 20 }).counts.get("attention"), 25 * 9);
});

Deno.test("dK and dV of 800 rows are 900 workgroups where a block of keys had one: 75 on 132 units", () => {
  const { counts, temporaries } = gradientOf(800);
  // 25 blocks of 32 keys × 3 key heads × 3 query heads of each × every fourth block of queries
  assertEquals(counts.get("attention_grad, dk dv"), 25 * 3 * 3 * 4);
  assertEquals(counts.get("attention_grad, sum of dk"), 800 * 192 / 4 / 64);
  assertEquals(temporaries.shares, 3 * 4 * 800 * 192);
});

Deno.test("a block of keys is shared out as far as there is work for it and a binding for its shares", () => {
  // 256 blocks × 3 key heads are nearly enough: query heads apart, all of their queries together.
  assertEquals(gradientOf(8192).counts.get("attention_grad, dk dv"), 256 * 3 * 3);
  assertEquals(gradientOf(16_384).counts.get("attention_grad, dk dv"), 512 * 3);
  // Two blocks of queries: nothing to part but heads.
  assertEquals(gradientOf(64).counts.get("attention_grad, dk dv"), 2 * 3 * 3);
  // Shares of 3 heads × 800 rows × 192 don't fit: one workgroup a block, in parts of the queries.
  const { counts, temporaries } = gradientOf(800, { bindingBytes: 2 ** 20 });
  assertEquals(counts.get("attention_grad, dk dv"), 25 * 3);
  assertEquals([...counts.keys()].filter((label) => label.includes("sum")), []);
  assertEquals(temporaries.shares, undefined);
});

Deno.test("tiles of products fit the 16 KiB that every device has, and read 64 bytes of a row side by side", () => {
  const shaders = [
    linear.wgsl({ rows: 4096, in: 3584, out: 3584 }, {}, LIMITS),
    linear.wgsl({ rows: 4096, in: 3584, out: 3584 }, {}, { ...LIMITS, half: new Set(["w"]) }),
    linear.wgsl({ rows: 300, in: 576, out: 200 }, {}, LIMITS),
    matmul.wgsl({ rows: 4096, in: 3584, out: 3584 }, {}, LIMITS),
    matmulTn.wgsl({ rows: 4096, left: 3584, right: 3584 }, {}, LIMITS),
  ].map(({ dispatches }) => item(dispatches, 0).code);
  for (const code of shaders) {
    const vectors = [...code.matchAll(/var<workgroup> \w+: array<vec4<f32>, (\d+)>/g)].map(([, count]) =>
      Number(count)
    );
    assert(vectors.length === 2 && 16 * (vectors[0]! + vectors[1]!) <= 16_384, `${vectors} vec4`);
    // Neighbouring invocations take neighbouring vec4, so many of a row: the contiguous axis is the second argument.
    const side = [...code.matchAll(/= read_[ab]\(.*? e % (\d+)u \* 4u/g)].map(([, quads]) => Number(quads));
    assert(side.length >= 2 && side.every((quads) => quads >= 4), `${side} vec4 side by side`);
  }
});

Deno.test("products of whole models' matrices are 96 workgroups or more, or as many as their depth can be split into", () => {
  for (const { model, out, in: inner } of MATRICES) {
    for (const rows of [64, 256, 1024, 4096]) {
      for (const layout of ["nt", "nn"] as const) {
        const [n, k] = layout === "nt" ? [out, inner] : [inner, out];
        const { across, down, splits } = tilesOf({ m: rows, n, k, layout });
        const deepest = Math.min(32, Math.floor(k / 128)), where = `${model} ${layout} ${rows} × ${n} × ${k}`;
        assert(
          across * down * splits >= 96 || splits === Math.max(1, deepest),
          `${where}: ${across * down * splits}`,
        );
      }
    }
  }
  // The two that collapsed on an H100: neither few workgroups nor a split depth.
  const counts = [[4096, 3584, 3584, "nt"], [4096, 3584, 3584, "nn"], [1024, 18_944, 3584, "nt"]] as const;
  assertEquals(
    counts.map(([m, n, k, layout]) => {
      const { across, down, splits } = tilesOf({ m, n, k, layout });
      return [across * down, splits];
    }),
    [[32 * 28, 1], [32 * 28, 1], [8 * 148, 1]],
  );
});

Deno.test("gradients of LoRA over 8,192 rows walk at most 512 of them in a workgroup, and their parts are small beside their operands", () => {
  for (const { model, out, in: inner } of MATRICES) {
    // dB [out, 8] and dA [8, in]
    for (const [m, n] of [[out, 8], [8, inner]] as const) {
      const { across, down, splits } = tilesOf({ m, n, k: 8192, layout: "tn" }),
        where = `${model} ${m} × ${n}`;
      assert(
        8192 / splits <= 512 || across * down * splits >= 1024,
        `${where}: ${splits} × ${across * down}`,
      );
      assert(2 * splits * m * n <= (m + n) * 8192 / 8, where);
    }
  }
  // SmolLM2's, which had 4 and 11 parts: 24 and 9 tiles, 2,048 and 745 rows one after the other.
  const splits = [[1536, 8], [8, 576]].map(([m, n]) =>
    tilesOf({ m: m!, n: n!, k: 8192, layout: "tn" }).splits
  );
  assertEquals(splits, [32, 32]);
  // Where the result is as wide as what it is made of nothing changes: 54 tiles, two parts.
  assertEquals(tilesOf({ m: 352, n: 576, k: 1536, layout: "nt" }).splits, 2);
});

Deno.test("a product of one row has 18,432 invocations or more with a matrix of 576 columns, where it had 4,608", () => {
  const invocations = (out: number, inner: number) =>
    linear.wgsl({ rows: 1, in: inner, out }, {}, LIMITS).dispatches
      .reduce((sum, { workgroups }) => sum + 64 * workgroups, 0);
  for (const { model, out, in: inner } of MATRICES) {
    assert(invocations(out, inner) >= Math.min(32 * out, 65_536), `${model}: ${invocations(out, inner)}`);
  }
  assertEquals([invocations(576, 576), invocations(1536, 576), invocations(49_152, 576)], [
    32 * 576,
    32 * 1536,
    8 * 49_152,
  ]);
  // Rows of 16 vec4 would leave half of 32 invocations without one.
  assertEquals([invocations(576, 64), invocations(160, 64)], [8 * 576, 32 * 160]);
});

Deno.test("a row that is generated shares its past out: 72 workgroups behind 480 tokens where 36 were", () => {
  const dims = { rows: 1, slots: 1, fresh: 32, heads: 3, d: 64, ...COLS };
  const of = (past: number, slots = 1) =>
    counted(cachedAttention.wgsl({ ...dims, rows: slots, slots, past, fresh: 32 * slots }, HEADS, LIMITS))
      .counts;
  // 9 heads × a block of 64 of 512 keys each, two blocks of 2,080; eight rows at once share theirs out as well.
  assertEquals(of(2048).get("cached_attention"), 9 * 17);
  assertEquals(of(480).get("cached_attention"), 9 * 8);
  assertEquals(of(480, 8).get("cached_attention"), 72 * 8);
  assertEquals(of(32).get("cached_attention"), 9);
  assertEquals(of(2048, 200).get("cached_attention, join"), undefined);
});

Deno.test("keys of a cache are read 256 bytes of a row side by side, whose sums fit the memory of every device", () => {
  for (const d of [64, 80, 96, 128, 256]) {
    const dims = { rows: 1, qcols: 8 * d, slots: 1, heads: 2, past: 1024, d, fresh: 0, kvcols: 2 * d };
    const attrs = { heads: 8, kv_heads: 2, scale: 1 / 8, window: null };
    const { code } = item(cachedAttention.wgsl(dims, attrs, LIMITS).dispatches, 0);
    const [, side] = /c = lane % (\d+)u; .*past_k\[row_start \/ 4u \+ c\]/.exec(code) ?? [];
    assertEquals(16 * Number(side), 256, `heads of ${d}`);
    const bytes = [...code.matchAll(/var<workgroup> \w+: array<(vec4<f32>|f32|u32), (\d+)>/g)]
      .reduce((sum, [, element, count]) => sum + Number(count) * (element === "vec4<f32>" ? 16 : 4), 0);
    assert(bytes > 4096 && bytes <= 8192, `${bytes} bytes for heads of ${d}`);
  }
});

/** Barriers in the text of the first dispatch with a label. */
function barriersOf({ dispatches }: WgslProgram, label: string): number {
  const { code } = dispatches.find((dispatch) => dispatch.label === label)!;
  return code.split("workgroupBarrier();").length - 1;
}

Deno.test("subgroups of 32 take barriers away: from 9 to 1 in a norm, from 6 to none in a row's product, from 8 to 4 in attention", () => {
  const norm = { rows: 512, cols: 1536, group: 1536 }, row = { rows: 1, in: 576, out: 1536 };
  const scores = [{ rows: 800, queries: 800, ...COLS }, HEADS] as const;
  const found = [undefined, 4, 8, 32].map((least) => {
    const limits = { ...LIMITS, subgroups: least === undefined ? undefined : { least, enable: false } };
    return [
      barriersOf(rmsNorm.wgsl(norm, { eps: 1e-5 }, limits), "rms_norm"),
      barriersOf(linear.wgsl(row, {}, limits), "linear"),
      barriersOf(attention.wgsl(...scores, limits), "attention"),
    ];
  });
  // 256 invocations halve eight times, a product's 32 five times. Scores' loop, the result and the block's maximum have two each in the
  // text (the first is run twice for heads of 64), and so has the sum behind the last block.
  assertEquals(found, [[9, 6, 8], [1, 4, 8], [1, 3, 4], [1, 0, 4]]);
});
