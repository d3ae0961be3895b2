/** Six optimizer steps of tiny models against PyTorch in float64 (fixtures/goldens/tiny/train), through the whole loop. */
import {
  backendsAndGpuLike,
  readAdapterTensors,
  readJson,
  TINY,
  tinyAdapter,
  tinyModel,
} from "../../../../tests/helpers/tiny_model.ts";
import { repetitions } from "../../../../tests/helpers/repetitions.ts";
import { assertSteps, repeatRun } from "../../../../tests/helpers/golden_run.ts";
import { assertUpdate } from "../../../../tests/helpers/relative_distance.ts";

const RUNS = [
  "full_sft_llama",
  "full_sft_qwen2",
  "full_dpo_qwen3",
  "full_iopo_mistral",
  "lora_sft_llama3",
  "lora_dpo_llama",
  "lora_iopo_qwen2",
  "lora_iopo_qwen3",
  "lora_dpo_smollm3",
  "lora_dpo_granite",
  "full_sft_granite",
  "lora_dpo_gemma3",
  "full_sft_gemma3",
  "lora_dpo_olmo2",
  "full_sft_olmo2",
  "lora_dpo_olmo3",
  "full_sft_exaone4",
  "lora_dpo_ernie45",
  "full_sft_hunyuan",
  "lora_dpo_glm4",
  "lora_dpo_gemma",
  "full_sft_gemma",
  "lora_dpo_gemma2",
  "full_sft_gemma2",
  "lora_dpo_phi3",
  "full_sft_phi3",
  "lora_dpo_phi4mini",
  "full_sft_phi4mini",
];

const FORMS = [[1, true], [1000, false]] as const;

for (const { name: backendName, ignore, make } of await backendsAndGpuLike()) {
  for (const [i, run] of RUNS.entries()) {
    // every run and form by the reference backend; compiling takes longest, so another one takes turns, and half of the runs as on a GPU,
    // whose stack is compiled the same way for both forms
    const every = repetitions(1, 2), isCompiled = backendName.startsWith("onnx");
    if (backendName.endsWith("as on a GPU") && i % every !== 0) continue;
    for (const [f, [budget, checkpointing]] of FORMS.entries()) {
      if (isCompiled && (i + f) % every !== 0) continue;
      Deno.test({
        name: `trainLoop() repeats ${run} (${
          budget === 1 ? "an example a pack, checkpointing" : "a step a pack"
        }, ${backendName})`,
        ignore,
        fn: async () => {
          const golden = readJson(`${TINY}train/${run}.json`);
          const [kind, method, arch] = run.split("_") as [string, string, string];
          const { config: decoder, weights } = tinyModel(arch);
          const { modules, initial } = tinyAdapter(arch, decoder);
          const from = kind === "full" ? weights : initial;
          const start = Object.fromEntries(Object.entries(from).map(([name, v]) => [name, v.slice()]));
          const { steps, trained } = await repeatRun(
            {
              golden,
              method,
              decoder,
              tuning: kind === "full" ? { type: "full" } : { type: "lora", modules, dropout: 0 },
              initial: from,
              read: (name) => weights[name]!,
              quads: golden.data,
            },
            await make(),
            { budget, checkpointing },
          );
          assertSteps(steps, golden.steps);
          const expected = readAdapterTensors(`${TINY}train/${run}.final.safetensors`);
          assertUpdate(trained, { expected, start, limit: 1e-3 });
        },
      });
    }
  }
}
