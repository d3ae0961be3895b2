/** WebGPU: work and operands larger than what a device takes at once. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Sample } from "../../../kernel.ts";
import { webgpuBackend } from "../mod.ts";
import { foldWorkgroups } from "./plan.ts";
import { assertAsReference, deviceTest, kernelNamed } from "../../../../tests/helpers/device_tests.ts";

Deno.test("foldWorkgroups() covers every workgroup with no dimension above the limit", () => {
  assertEquals(foldWorkgroups(5, 65535), [5, 1, 1]);
  assertEquals(foldWorkgroups(65536, 65535), [65535, 2, 1]);
  for (const groups of [1, 7, 8, 9, 63, 64, 65, 100, 512]) {
    const [x, y, z] = foldWorkgroups(groups, 8);
    assert(Math.max(x, y, z) <= 8 && x * y * z >= groups, `${groups}: ${x} ${y} ${z}`);
  }
});

deviceTest("more workgroups than one dimension holds give the same sums", async () => {
  const backend = await webgpuBackend();
  // 4.2 million elements of one row each, which is no multiple of four: 65,626 workgroups of 64.
  const rows = 4_200_001, sample: Sample = { note: "folded", dims: { rows: rows * 4 + 2 } };
  await assertAsReference(backend, kernelNamed("add_vector"), sample);
  await backend.dispose();
});

deviceTest("operands larger than a binding give the same results in parts", async (t) => {
  const backend = await webgpuBackend({ bindingBytes: 66_560 });
  const ids = (count: number, below: number) => Array.from({ length: count }, (_, i) => (i * 37) % below);
  // Two examples, the second with two branches behind a common beginning.
  const tree = (rows: number) => ({
    until: Array.from({ length: rows }, (_, i) => i < 90 ? 90 : i < 200 ? rows : i < 450 ? 450 : rows),
    positions: Array.from({ length: rows }, (_, i) => i < 90 ? i : i < 450 ? i - 90 : i - 340),
  });
  const scores = (heads: number, kv_heads: number, window: number | null) => ({
    heads,
    kv_heads,
    scale: 0.3,
    window,
  });
  const cases: [string, Sample["dims"], Sample["data"]?, Sample["attrs"]?][] = [
    ["add", { rows: 300, cols: 60 }],
    ["add_bias", { rows: 300, cols: 60 }],
    ["scale_rows", { rows: 300, cols: 60 }],
    ["sum_rows", { rows: 300, cols: 60 }],
    ["rotary", { rows: 300, cols: 64, half: 8 }, undefined, { heads: 4 }],
    ["rms_norm", { rows: 300, cols: 64, group: 16 }, undefined, { eps: 1e-5, groups: 4 }],
    ["rms_norm_weight_grad", { rows: 300, cols: 64, group: 64 }, undefined, { eps: 1e-5 }],
    ["gather_rows", { rows: 500, cols: 40, labels: 440 }, { ids: ids(440, 500) }],
    ["scatter_add_rows", { rows: 500, cols: 40, labels: 400 }, { ids: ids(400, 300) }],
    ["scatter_add_rows", { rows: 200, cols: 40, labels: 1300 }, { ids: ids(1300, 200) }],
    ["scatter_add_rows", { rows: 500, cols: 41, labels: 1300 }, { ids: ids(1300, 300) }],
    ["attention", { queries: 500, rows: 500, qcols: 96, kvcols: 32 }, tree(500), scores(3, 1, null)],
    ["attention", { queries: 300, rows: 500, qcols: 90, kvcols: 30 }, tree(500), scores(3, 1, 150)],
    ["attention_grad", { rows: 500, qcols: 96, kvcols: 32 }, tree(500), scores(3, 1, null)],
    ["attention_grad", { rows: 500, qcols: 90, kvcols: 30 }, tree(500), scores(3, 1, 150)],
    ["linear", { rows: 210, in: 100, out: 200 }],
    ["linear", { rows: 3, in: 100, out: 500 }],
    ["linear", { rows: 8, in: 33, out: 2000 }],
    ["matmul", { rows: 210, in: 200, out: 100 }],
    ["matmul_tn", { left: 250, rows: 410, right: 70 }],
    ["label_logprob", { labels: 20, cols: 60, vocab: 330 }, { ids: ids(20, 330) }],
    // As few labels as have no tiles.
    ["label_logprob", { labels: 5, cols: 60, vocab: 330 }, { ids: ids(5, 330) }],
    ["label_logprob_unit", { labels: 8, cols: 60, vocab: 330 }, { ids: ids(8, 330) }],
    ["label_logprob_unit", { labels: 20, cols: 60, vocab: 330 }, { ids: ids(20, 330) }],
    ["label_logprob_grad", { labels: 20, cols: 60, vocab: 330 }, { ids: ids(20, 330) }],
    ["label_logprob_weight_grad", { labels: 20, cols: 60, vocab: 330 }, { ids: ids(20, 330) }],
  ];
  for (const [name, dims, data, attrs] of cases) {
    await t.step(
      name,
      () =>
        assertAsReference(backend, kernelNamed(name), {
          note: "in parts",
          dims,
          ...(data ? { data } : {}),
          ...(attrs ? { attrs } : {}),
        }),
    );
  }
  await t.step("attention says that keys must fit", async () => {
    const sample = {
      note: "large",
      dims: { queries: 300, rows: 300, qcols: 64, kvcols: 64 },
      attrs: { heads: 1, kv_heads: 1, scale: 1, window: null },
      data: { until: Array(300).fill(300), positions: ids(300, 300) },
    };
    await assertRejects(
      () => assertAsReference(backend, kernelNamed("attention"), sample),
      RangeError,
      'Cannot bind 76800 bytes of "k" in once, attention',
    );
  });
  await backend.dispose();
});
