/** WebGPU: sizes that choose another tile of a product, or another walk over keys. The kernels' numbers are the contract test's. */
import { HIDDEN_PLACE } from "../../../ops/attention/cached_attention.ts";
import { webgpuBackend } from "../mod.ts";
import { assertAsReference, deviceTest, kernelNamed } from "../../../../tests/helpers/device_tests.ts";

deviceTest("every tile of a product and every split of its depth gives the reference", async (t) => {
  const backend = await webgpuBackend();
  // Sizes [m, n, k]: one row, a few, a few more than go without tiles, few columns with a long depth (LoRA gradients), the large tile with and without vec4.
  for (
    const [m, n, k] of [
      [1, 200, 520],
      [5, 201, 519],
      [8, 4099, 20],
      [9, 70, 300],
      [200, 8, 700],
      [70, 130, 1030],
      [1025, 1025, 9],
      [1024, 1028, 12],
    ]
  ) {
    await t.step(`${m} × ${n}, depth ${k}`, async () => {
      await assertAsReference(backend, kernelNamed("linear"), {
        note: "nt",
        dims: { rows: m!, out: n!, in: k! },
      });
      await assertAsReference(backend, kernelNamed("lora_up"), {
        note: "nt with a base",
        dims: { rows: m!, out: n!, rank: k! },
        attrs: { alpha: -0.5 },
      });
      // The small tiles and the split depth are the contract's.
      for (const name of m === 1025 ? ["lora_linear"] : m === 1024 ? ["lora_matmul_add"] : []) {
        await assertAsReference(backend, kernelNamed(name), {
          note: "with LoRA beside it",
          dims: { rows: m!, out: n!, in: k!, rank: 8 },
          attrs: { alpha: 0.5 },
        });
      }
      await assertAsReference(backend, kernelNamed("matmul"), {
        note: "nn",
        dims: { rows: m!, out: n!, in: k! },
      });
      await assertAsReference(backend, kernelNamed("matmul_tn"), {
        note: "tn",
        dims: { left: m!, right: n!, rows: k! },
      });
    });
  }
  await backend.dispose();
});

deviceTest("attention at a model's head size, several blocks and a window", async (t) => {
  const backend = await webgpuBackend();
  const rows = 75, until = Array.from({ length: rows }, (_, i) => i < 10 ? rows : i < 40 ? 40 : rows);
  const positions = Array.from({ length: rows }, (_, i) => i < 40 ? i : i - 30);
  for (const [d, heads, kvHeads, window] of [[64, 3, 1, null], [128, 2, 2, 20], [80, 2, 1, null]] as const) {
    await t.step(`${heads} heads of ${d}, window ${window}`, async () => {
      const attrs = { heads, kv_heads: kvHeads, scale: 1 / Math.sqrt(d), window };
      const dims = { queries: rows, rows, qcols: heads * d, kvcols: kvHeads * d },
        data = { until, positions };
      await assertAsReference(backend, kernelNamed("attention"), { note: "forward", dims, attrs, data });
      const { queries: _, ...both } = dims;
      await assertAsReference(backend, kernelNamed("attention_grad"), {
        note: "backward",
        dims: both,
        attrs,
        data,
      });
    });
  }
  await backend.dispose();
});

deviceTest(
  "attention with a cache gives the same whether one workgroup or several walk over the keys",
  async (t) => {
    const backend = await webgpuBackend();
    // Few queries before many keys are shared; 40 queries of 8 heads are workgroups enough.
    for (
      const [slots, queries, past, window] of [[1, 1, 1000, null], [3, 1, 700, 90], [
        1,
        40,
        300,
        null,
      ]] as const
    ) {
      await t.step(`${slots} of ${queries} queries, ${past} keys, window ${window}`, async () => {
        const heads = 8, kv_heads = 2, d = 20, fresh = slots * 33, rows = slots * queries;
        const places = (count: number, from: number) => Array.from({ length: count }, (_, i) => from + i);
        // The second slot's past is half empty, so that whole parts of it hide their keys.
        const kept = (s: number) => s === 1 ? past / 2 : past;
        await assertAsReference(backend, kernelNamed("cached_attention"), {
          note: "keys in parts",
          dims: { rows, qcols: heads * d, slots, heads: kv_heads, past, d, fresh, kvcols: kv_heads * d },
          attrs: { heads, kv_heads, scale: 1, window },
          range: { q: [-3, 3] },
          data: {
            places: places(slots, 0).flatMap((s) => places(queries, kept(s) + (queries === 1 ? 20 : 0))),
            past_places: places(slots, 0).flatMap((s) =>
              places(past, 0).map((p) => p < kept(s) ? p : HIDDEN_PLACE)
            ),
            fresh_places: places(slots, 0).flatMap((s) =>
              places(33, kept(s)).map((p, i) => i > 20 && queries === 1 ? HIDDEN_PLACE : p)
            ),
          },
        });
      });
    }
    await backend.dispose();
  },
);
