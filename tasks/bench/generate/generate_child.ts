/**
 * One measured process of `deno task bench generate`: this project's generator, as a server uses it. Prints its figures as JSON.
 * @module
 */
import { openModel } from "../../../formats/hf_model/mod.ts";
import { Generator, type GeneratorOptions } from "../../../kernels/engine/generate/generator.ts";
import { decoderOf } from "../../../plugins/kinds/decoder_of.ts";
import { models } from "../../../plugins/models/mod.ts";
import { Registry } from "../../../plugins/registry.ts";
import { runTask } from "../../common/cli/run_task.ts";
import { measureContinuer, type MeasuredSizes } from "./generate_measure.ts";

/** The work of one process. */
export interface GenerateWork extends Omit<MeasuredSizes, "vocabulary"> {
  options: Omit<GeneratorOptions, "decoder">;
}

async function measure({ options, ...sizes }: GenerateWork): Promise<void> {
  const given = read(options, sizes.streams), generator = await Generator.open(given);
  const { decoder } = await given;
  const figures = await measureContinuer({
    continue: async (_stream, ids, count, onToken) => {
      await generator.generate(ids, { max_tokens: count, ignore_eos: true }, onToken);
    },
  }, { ...sizes, vocabulary: decoder.vocabSize });
  console.log(JSON.stringify({ ...figures, backend: generator.info.backend }));
  await generator.close();
}

async function read(options: GenerateWork["options"], maxBatch: number): Promise<GeneratorOptions> {
  const model = await openModel(options.model), decoder = decoderOf(new Registry(models), model);
  model.weights.close();
  return { ...options, decoder, text: false, maxBatch };
}

// Ends the process itself, as train_child.ts does and for its reason.
if (import.meta.main) await runTask(() => measure(JSON.parse(Deno.args[0] ?? "{}")));
