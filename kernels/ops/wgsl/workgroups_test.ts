/** Dispatches of the heaviest kernels, counted without a device: workgroups, memory of a workgroup, order of reads. */
import { assert, assertEquals } from "@std/assert";
import { item } from "../../../formats/elements.ts";
import { attentionGrad } from "../attention_grad.ts";
import { linear, matmul, matmulTn } from "../products.ts";

const LIMITS = { bindingBytes: 2 ** 27 };

/** Workgroups by the labels of a backward pass of attention, heads of 64 with three query heads to a key head (SmolLM2). */
function gradientOf(rows: number, limits = LIMITS) {
  const dims = { rows, qcols: 576, kvcols: 192 };
  const { dispatches, temporaries = {} } = attentionGrad.wgsl(
    dims,
    { heads: 9, kv_heads: 3, scale: 1 / 8, window: null },
    limits,
  );
  return { counts: new Map(dispatches.map(({ label, workgroups }) => [label, workgroups])), temporaries };
}

Deno.test("dK and dV of 800 rows are 900 workgroups where a block of keys had one: 75 on 132 units", () => {
  const { counts, temporaries } = gradientOf(800);
  // 25 blocks of 32 keys × 3 key heads × 3 query heads of each × every fourth block of queries
  assertEquals(counts.get("attention_grad, dk dv"), 25 * 3 * 3 * 4);
  assertEquals(counts.get("attention_grad, sum of dk"), 800 * 192 / 4 / 64);
  assertEquals(temporaries.dk_shares, 3 * 4 * 800 * 192);
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
  assertEquals(temporaries.dk_shares, undefined);
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
