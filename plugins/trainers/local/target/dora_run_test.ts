/** Runs with DoRA: what they begin from, save and go on from. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { readAdapterFields, readWholeAdapter, wholeMerge } from "../../../../formats/peft/mod.ts";
import { onnxBackend } from "../../../../kernels/mod.ts";
import { moduleShapes, tensorShapes } from "../../../../kernels/engine/decoder/decoder.ts";
import { Engine } from "../../../../kernels/engine/engine.ts";
import { packExamples } from "../../../../kernels/engine/packs/pack.ts";
import { readTensors, tinyModel } from "../../../../tests/helpers/tiny_model.ts";
import { goOn, ROWS, runTinyLoop } from "../../../../tests/helpers/behaviour_run.ts";
import { listCheckpoints } from "../checkpoints/checkpoint_directory.ts";
import { readTrained } from "./read_trained.ts";

const never = () => Promise.reject(new Error("an adapter needs no model"));

// Gemma's norms are stored less 1, and two of its layers see a window
for (const arch of ["qwen2", "gemma3"]) {
  Deno.test(`a run of ${arch} with use_dora begins as its reference, saves PEFT's files, and goes on from them bit for bit`, () =>
    checkRun(arch));
}

async function checkRun(arch: string): Promise<void> {
  const { config: decoder, weights } = tinyModel(arch), run = { arch, use_dora: true };
  const read = (name: string) => weights[name]!.slice();
  await runTinyLoop(run, async (result, { config, log, target }) => {
    await result();
    // its reference has adapters off, so ln 2 is the loss of policy = reference
    assertAlmostEquals(log.steps[0]!.loss!, Math.log(2), 1e-6);
    const [second, , last] = listCheckpoints(config.output_dir);
    const tensors = readTensors(join(last!.path, "adapter_model.safetensors"));
    assertEquals(readAdapterFields(last!.path).fields.use_dora, true);
    const lengths = Object.entries(tensors).filter(([name]) => name.endsWith(".lora_magnitude_vector"));
    const modules = 7 * decoder.numLayers;
    assertEquals([lengths.length, Object.keys(tensors).length], [modules, 3 * modules]);

    const ended = await goOn(
      run,
      second!.path,
      await readTrained(second!.path, target, decoder, never),
    );
    assertEquals(readTensors(join(ended, "adapter_model.safetensors")), tensors);

    // what is exported or asked is what was trained
    const adapter = readWholeAdapter(last!.path, moduleShapes(decoder), tensorShapes(decoder));
    const pack = packExamples(ROWS);
    const merged = new Engine(onnxBackend(), {
      config: decoder,
      tuning: { type: "none" },
      checkpointing: true,
    }, wholeMerge(read, adapter));
    const trained = await readTrained(last!.path, target, decoder, never);
    const beside = new Engine(
      onnxBackend(),
      { config: decoder, tuning: target.tuning, checkpointing: true },
      read,
      trained,
    );
    const [expected, actual] = [
      await merged.forward(pack, { adapter: false, keep: false }),
      await beside.forward(pack, { adapter: true, keep: false }),
    ];
    const base = await beside.forward(pack, { adapter: false, keep: false });
    actual.forEach((v, i) => assertAlmostEquals(v, expected[i]!, 5e-5, `label ${i}`));
    assert(actual.some((v, i) => Math.abs(v - base[i]!) > 0.1));
    await merged.dispose();
    await beside.dispose();
  });
}

Deno.test("an adapter of PEFT with DoRA is trained on with its own lengths, whatever use_dora says", () => {
  const adapter = new URL("../../../../fixtures/goldens/peft/dora/adapter", import.meta.url).pathname;
  return runTinyLoop(
    { adapter_name_or_path: [adapter], max_steps: 1, save_steps: 1 },
    async (result, { config, target }) => {
      const name = "model.layers.1.mlp.up_proj.lora_magnitude_vector";
      const start = readTensors(join(adapter, "adapter_model.safetensors"))[`base_model.model.${name}`]!;
      assertEquals(target.initial[name], start);
      await result();
      const saved = readTensors(
        join(listCheckpoints(config.output_dir)[0]!.path, "adapter_model.safetensors"),
      );
      const moved = saved[`base_model.model.${name}`]!;
      assert(moved.some((v, i) => v !== start[i]) && moved.every((v, i) => Math.abs(v - start[i]!) < 0.02));
    },
  );
});
