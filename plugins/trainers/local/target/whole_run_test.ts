/** Runs that train embedding and head whole beside adapters: what they begin from, save and go on from. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "@std/path";

import {
  readAdapterFields,
  readWholeAdapter,
  savedEmbeddings,
  wholeMerge,
} from "../../../../formats/peft/mod.ts";
import { onnxBackend } from "../../../../kernels/mod.ts";
import { moduleShapes, tensorShapes } from "../../../../kernels/engine/decoder/decoder.ts";
import { Engine } from "../../../../kernels/engine/engine.ts";
import { packExamples } from "../../../../kernels/engine/packs/pack.ts";
import { readTensors, tinyModel } from "../../../../tests/helpers/tiny_model.ts";
import { goOn, ROWS, runTinyLoop } from "../../../../tests/helpers/behaviour_run.ts";
import { listCheckpoints } from "../checkpoints/checkpoint_directory.ts";
import { readTrained } from "./read_trained.ts";

const { config: decoder, weights } = tinyModel("mistral");
const read = (name: string) => weights[name]!.slice();
const never = () => Promise.reject(new Error("an adapter needs no model"));
const WHOLE = { arch: "mistral", additional_target: ["embed_tokens", "lm_head"] };
const ADAPTER = "adapter_model.safetensors";

Deno.test("a run with additional_target begins as its reference, saves PEFT's files, and goes on from them bit for bit", () =>
  runTinyLoop(WHOLE, async (result, { config, log, target }) => {
    await result();
    // its reference has adapters and whole modules off, so ln 2 is the loss of policy = reference
    assertAlmostEquals(log.steps[0]!.loss!, Math.log(2), 1e-6);
    const [second, , last] = listCheckpoints(config.output_dir);
    const tensors = readTensors(join(last!.path, ADAPTER));
    assertEquals(readAdapterFields(last!.path).fields.modules_to_save, ["embed_tokens", "lm_head"]);
    const rows = decoder.vocabSize;
    assertEquals(savedEmbeddings(last!.path), { embedding: rows, head: rows, staysTied: false });
    for (const name of ["model.embed_tokens.weight", "lm_head.weight"]) {
      const values = tensors[`base_model.model.${name}`]!;
      assert(values.some((value, i) => Math.abs(value - weights[name]![i]!) > 1e-3), `${name} is trained`);
    }

    const ended = await goOn(WHOLE, second!.path, await readTrained(second!.path, target, decoder, never));
    assertEquals(readTensors(join(ended, ADAPTER)), tensors);

    // what is exported or asked is what was trained
    const adapter = readWholeAdapter(last!.path, moduleShapes(decoder), tensorShapes(decoder));
    const pack = packExamples(ROWS), tuning = { type: "none" } as const;
    const merged = new Engine(
      onnxBackend(),
      { config: decoder, tuning, checkpointing: true },
      wholeMerge(read, adapter),
    );
    const beside = new Engine(
      onnxBackend(),
      { config: decoder, tuning: target.tuning, checkpointing: true },
      read,
      await readTrained(last!.path, target, decoder, never),
    );
    const [expected, actual] = [
      await merged.forward(pack, { adapter: false, keep: false }),
      await beside.forward(pack, { adapter: true, keep: false }),
    ];
    actual.forEach((v, i) => assertAlmostEquals(v, expected[i]!, 5e-5, `label ${i}`));
    await merged.dispose();
    await beside.dispose();
  }));
