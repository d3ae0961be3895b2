/**
 * A training run's PiSSA: the parts that its adapters begin from, and the base without them.
 * @module
 */
import { writeAdapter } from "../../../../formats/peft/mod.ts";
import { moduleShapes } from "../../../../kernels/engine/decoder/decoder.ts";
import type { TrainerInputs } from "../../../kinds/trainer.ts";
import { negated, type PissaStart, pissaStart, readConverted } from "./pissa.ts";
import { newLora } from "./new_lora.ts";

/** What a run with `pissa_init` begins from: that of its checkpoint, or made of the weights; null for other runs. */
export async function pissaOfRun(inputs: TrainerInputs): Promise<PissaStart | null> {
  const { config, model, decoder, resumeFrom, log } = inputs, shapes = moduleShapes(decoder);
  if (!config.pissa_init || config.finetuning_type !== "lora" || config.adapter_name_or_path.length > 0) {
    return null;
  }
  if (resumeFrom) return readConverted(resumeFrom.path, config.lora_rank, shapes, decoder.moduleRoot).start;
  const lora = newLora(config, model, [...shapes.keys()]);
  return await pissaStart(lora, model.weights, shapes, {
    iterations: config.pissa_iter,
    seed: config.seed,
    onModule: (done, total) => log.phase("singular parts (PiSSA)", done, total),
  });
}

/** A folder, gone with the scope, of the adapter that takes the leading parts out of the base. */
export function residualFolder(pissa: PissaStart, { config, model, decoder }: TrainerInputs) {
  const path = Deno.makeTempDirSync({ prefix: "dinotune-pissa-" }), shapes = moduleShapes(decoder);
  const adapter = { config: newLora(config, model, [...shapes.keys()]), modules: negated(pissa) };
  writeAdapter(path, adapter, shapes, decoder.moduleRoot);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}
