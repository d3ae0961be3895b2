/** PiSSA beside PEFT's in full (fixtures/goldens/peft/pissa), and its parts from random numbers beside those in full. */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { readAdapter, writeAdapter } from "../../../../formats/peft/mod.ts";
import { onnxBackend } from "../../../../kernels/mod.ts";
import { moduleShapes } from "../../../../kernels/engine/decoder/decoder.ts";
import { Engine } from "../../../../kernels/engine/engine.ts";
import { makeOptimizer } from "../../../../kernels/engine/optimizer/make_optimizer.ts";
import { withMerged } from "../../../../kernels/engine/weights/merged_weights.ts";
import { openModel } from "../../../../formats/hf_model/mod.ts";
import { doraGolden, PEFT_GOLDENS } from "../../../../tests/helpers/dora_golden.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";
import { readJson, readTensors, TINY, tinyModel } from "../../../../tests/helpers/tiny_model.ts";
import { CONFIG } from "../../../../tests/helpers/behaviour_run.ts";
import { leadingPart } from "./leading_part.ts";
import { negated, type Pair, pissaStart, readConverted } from "./pissa.ts";
import { makeTarget } from "./make_target.ts";
import { newLora } from "./new_lora.ts";
import { readTrainedAdapter } from "./read_trained.ts";

const golden = readJson(`${PEFT_GOLDENS}pissa/golden.json`);
// DoRA's golden has the same sequences and loss
const { pack, slopes } = doraGolden();
const { config: decoder } = tinyModel("qwen2"), shapes = moduleShapes(decoder);
const config = { ...CONFIG, pissa_init: true };
const lora = newLora(config, { hubId: null } as never, [...shapes.keys()]);
const opened = await openModel(`${TINY}qwen2/model`);

/** s B A of a module, float64. */
function product({ a, b }: { a: Float32Array; b: Float32Array }, r: number, scale: number): Float64Array {
  const columns = a.length / r;
  return Float64Array.from({ length: b.length / r * columns }, (_, at) => {
    const i = Math.floor(at / columns), j = at % columns;
    let sum = 0;
    for (let k = 0; k < r; k++) sum += b[i * r + k]! * a[k * columns + j]!;
    return scale * sum;
  });
}

// PEFT itself, in float32, is off by peft_float32_differs_by of the golden
Deno.test("pissaStart() in full takes out of each weight what PEFT takes, and nearly that from random numbers", async () => {
  const parts = readTensors(`${PEFT_GOLDENS}pissa/parts.safetensors`);
  const [full, drawn] = await Promise.all(
    [-1, 16].map((iterations) => pissaStart(lora, opened.weights, shapes, { iterations, seed: 1 })),
  );
  assertEquals([...full!.keys()].sort(), Object.keys(parts).sort());
  // of what the best part of its rank has of a weight's squares, as random weights' singular values lie close together
  const squares = (pair: Pair) => product(pair, 4, 2).reduce((sum, v) => sum + v ** 2, 0);
  for (const [name, pair] of full!) {
    product(pair, 4, 2).forEach((v, i) => assertAlmostEquals(v, parts[name]![i]!, 2e-6, `${name}[${i}]`));
    const share = squares(drawn!.get(name)!) / squares(pair);
    assert(share > 0.98 && share < 1 + 1e-6, `${share} of ${name}`);
  }
});

Deno.test("a run with PiSSA begins as the model, steps as PEFT's, and saves a plain adapter upon the model that computes the same", async () => {
  const start = await pissaStart(lora, opened.weights, shapes, { iterations: -1, seed: 1 });
  const target = makeTarget(config, { config: {}, hubId: null } as never, decoder, {
    files: {},
    pissa: start,
  });
  const rest = temporaryFolder(), saved = temporaryFolder();
  writeAdapter(rest, { config: lora, modules: negated(start) }, shapes);
  const residual = withMerged(opened.weights, [rest], decoder);
  const engine = new Engine(
    onnxBackend(),
    { config: decoder, tuning: target.tuning, checkpointing: true },
    (name) => residual.read(name),
    target.initial,
  );
  const base: number[] = readJson(`${TINY}qwen2/golden.json`).base.token_logps.flat();
  (await engine.forward(pack, { adapter: true, keep: false }))
    .forEach((v, i) => assertAlmostEquals(v, base[i]!, 5e-5, `first ${i}`));
  const optimizer = makeOptimizer(engine.parameters, { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 });
  for (const [i, expected] of (golden.losses as number[]).entries()) {
    const logps = await engine.forward(pack, { adapter: true, keep: true });
    assertAlmostEquals(logps.reduce((sum, v, l) => sum + slopes[l]! * v, 0), expected, 5e-5, `loss ${i}`);
    await engine.backward(slopes);
    await optimizer.step(golden.rate, 0);
  }
  const trained = await engine.parameters.values();
  target.save(saved, trained);
  const after = await engine.forward(pack, { adapter: true, keep: false });
  after.forEach((v, i) => assertAlmostEquals(v, golden.token_logps_after.flat()[i]!, 1e-3, `after ${i}`));

  const { config: written, modules } = readAdapter(saved, shapes);
  assertEquals([written.r, written.alpha], [golden.converted.r, golden.converted.lora_alpha]);
  assertEquals(
    readJson(join(saved, "adapter_config.json")).init_lora_weights,
    golden.converted.init_lora_weights,
  );
  const plain = withMerged(opened.weights, [saved], decoder);
  const merged = new Engine(
    onnxBackend(),
    { config: decoder, tuning: { type: "none" }, checkpointing: true },
    (name) => plain.read(name),
  );
  (await merged.forward(pack, { adapter: false, keep: false }))
    .forEach((v, i) => assertAlmostEquals(v, after[i]!, 5e-5, `converted ${i}`));
  // what a run goes on from: the same bits
  assertEquals(readTrainedAdapter(saved, target, decoder), trained);
  assertEquals(readConverted(saved, 4, shapes, undefined).start, start);
  assertEquals(modules.size, 14);
  assertThrows(
    () => readConverted(rest, 4, shapes, undefined),
    RangeError,
    "twice lora_rank, 8: current value is 4",
  );
  await engine.dispose();
  await merged.dispose();
});

Deno.test("PiSSA: dropout drops the adapter's inputs alone, not those of the base's rest, as in PEFT", async () => {
  const { seed, rate, step, token_logps } = golden.dropout;
  const start = await pissaStart(lora, opened.weights, shapes, { iterations: -1, seed: 1 });
  const dropped = { ...config, lora_dropout: rate };
  const target = makeTarget(dropped, { config: {}, hubId: null } as never, decoder, {
    files: {},
    pissa: start,
  });
  const rest = temporaryFolder();
  writeAdapter(rest, { config: lora, modules: negated(start) }, shapes);
  const residual = withMerged(opened.weights, [rest], decoder);
  const engine = new Engine(
    onnxBackend(),
    { config: decoder, tuning: target.tuning, checkpointing: true, seed },
    (name) => residual.read(name),
    target.initial,
  );
  (await engine.forward(pack, { adapter: true, keep: false, dropoutStep: step }))
    .forEach((v, i) => assertAlmostEquals(v, token_logps.flat()[i], 5e-5, `label ${i}`));
  await engine.dispose();
});

Deno.test("pissaStart() refuses a rank above what a module has", async () => {
  await assertRejects(
    () => pissaStart({ ...lora, r: 17 }, opened.weights, shapes, { iterations: 0, seed: 1 }),
    RangeError,
    "as model.layers.0.self_attn.k_proj has 16 of them: current value is lora_rank 17",
  );
});

Deno.test("leadingPart() by hand: a diagonal, a wide matrix, and one of rank 1 whose second value is 0", () => {
  const partOf = (rows: readonly number[][], iterations: number | null) => {
    const r = 2, columns = rows[0]!.length;
    return leadingPart(
      { values: Float32Array.from(rows.flat()), rows: rows.length, columns },
      r,
      iterations === null
        ? null
        : { iterations, random: Float32Array.from({ length: r * columns }, (_, i) => Math.cos(i)) },
    );
  };
  for (const iterations of [null, 30]) {
    const { values, left, right } = partOf([[0, 3], [4, 0], [0, 0]], iterations);
    [4, 3].forEach((v, i) => assertAlmostEquals(values[i]!, v, 1e-9));
    assertAlmostEquals(Math.abs(left[0]![1]!), 1, 1e-9);
    assertAlmostEquals(left[0]![1]! * right[0]![0]!, 1, 1e-9);
    const one = partOf([[1, 2, 2], [2, 4, 4]], iterations); // (1, 2)ᵀ (1, 2, 2): √5 · 3
    assertAlmostEquals(one.values[0]!, 3 * Math.sqrt(5), 1e-9);
    assertAlmostEquals(one.values[1]!, 0, 1e-6);
    assert([...one.left, ...one.right].every((vector) => vector.every(Number.isFinite)));
  }
});
