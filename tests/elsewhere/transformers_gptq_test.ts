/** Exports quantised by GPTQ in transformers: by the format's formula its matrices give this project's logits. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { openModel } from "../../formats/hf_model/mod.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import { exportModel } from "../../tasks/export.ts";
import { logitsOf } from "../../tasks/export/check.ts";
import { silentProgress } from "../../tasks/train/outputs/mod.ts";
import { temporaryFolder } from "../helpers/temporary_folder.ts";
import { TORCH_PYTHON } from "../helpers/torch_python.ts";

const ROOT = new URL("../../", import.meta.url).pathname, PROMPT = [3, 14, 15, 92, 65, 35];

Deno.test({
  name: `transformers computes the engine's logits with GPTQ's exports${TORCH_PYTHON.why}`,
  ignore: TORCH_PYTHON.ignore,
  fn: async () => {
    for (const bits of [4, 8]) {
      const folder = temporaryFolder(), model = join(folder, "model"), logits = join(folder, "logits");
      await exportModel(undefined, [
        `model_name_or_path=${ROOT}fixtures/constraints/model`,
        `export_dir=${model}`,
        `export_quantization_bit=${bits}`,
        `export_quantization_dataset=${ROOT}fixtures/constraints/data/pt.jsonl`,
        "export_quantization_nsamples=8",
        "export_quantization_maxlen=40",
        "export_check=false",
      ], { say: () => {}, progress: silentProgress() });
      const { weights, ...opened } = await openModel(model), decoder = decoderOf(builtinRegistry(), opened);
      const ours = await logitsOf(decoder, (name) => weights.read(name), PROMPT, () => {});
      weights.close();
      Deno.writeFileSync(logits, new Uint8Array(Float32Array.from(ours).buffer));
      const { code, stdout, stderr } = await new Deno.Command(Deno.env.get("DINOTUNE_PYTHON") ?? "", {
        args: [
          join(ROOT, "tests/elsewhere/transformers_gptq.py"),
          JSON.stringify({ model, prompt: PROMPT, logits }),
        ],
        env: { HF_HUB_OFFLINE: "1", OMP_NUM_THREADS: "1" },
      }).output();
      assert(code === 0, new TextDecoder().decode(stderr));
      const answer = JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "");
      assertEquals([answer.missing, answer.foreign, answer.settings], [[], [], [
        bits,
        128,
        false,
        true,
        "gptq",
      ]]);
      // float32 in another order of sums
      assert(
        answer.difference < 1e-4 * answer.range,
        `${bits} bits: ${answer.difference} of ${answer.range}`,
      );
    }
  },
});
