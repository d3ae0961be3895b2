import { assertEquals } from "@std/assert";

import { readRecords } from "../../../../formats/records/read_files.ts";
import { loadTokenizerSync } from "../../../../formats/tokenizer/mod.ts";
import type { Example } from "../../../../plugins/kinds/dataset.ts";
import type { Loss } from "../../../../plugins/kinds/loss.ts";
import { Registry } from "../../../../plugins/registry.ts";
import { templates } from "../../../../plugins/templates/mod.ts";
import { openDataSet } from "../../../../tests/helpers/open_data_set.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";
import { encodeParts } from "./encode.ts";

/** A row as TRL's own preparation encodes it: ids of the prompt, which isn't learnt, and of each answer, which is. */
interface Golden {
  row: string;
  prompt: number[];
  y?: number[];
  chosen?: number[];
  rejected?: number[];
}

const golden = JSON.parse(
  Deno.readTextFileSync(new URL("../../../../fixtures/goldens/datasets/trl_ids.json", import.meta.url)),
) as { from: string; cases: { trainer: "sft" | "dpo" | "kto"; rows: Golden[] }[] };

const SHAPES = { sft: "single", dpo: "pair", kto: "kto" } as const;
const OPTIONS = {
  cutoff_len: 4096,
  truncation: "drop",
  train_on_prompt: false,
  mask_history: true,
  predict_with_generate: false,
  packing: false,
  split_special_tokens: true,
} as const;

const folder = Deno.env.get("DINOTUNE_TOKENIZERS");
Deno.test({
  name: `rows of trl have the ids and labels that TRL's trainers give them${
    folder === undefined ? " (ignored: DINOTUNE_TOKENIZERS isn't set, see fixtures/goldens/tokenizers)" : ""
  }`,
  ignore: folder === undefined,
  fn: async () => {
    const tokenizer = loadTokenizerSync(`${folder}/qwen3`);
    const template = new Registry(templates).create("template", "auto", {});
    for (const { trainer, rows } of golden.cases) {
      const file = `${temporaryFolder()}/rows.jsonl`;
      Deno.writeTextFileSync(file, rows.map(({ row }) => `${row}\n`).join(""));
      const keys = [...new Set(rows.flatMap(({ row }) => Object.keys(JSON.parse(row))))];
      const { convert } = openDataSet("trl", SHAPES[trainer], keys);
      const names = trainer === "dpo" ? ["chosen", "rejected"] : ["y"];
      const sequences: Loss["sequences"] = Object.fromEntries(names.map((name) => [name, ["x", name]]));
      const found: unknown[] = [];
      for await (const batch of readRecords(file)) {
        for (const { value, row } of batch) {
          const encoded = encodeParts(convert(value, row) as Example, {
            sequences,
            template,
            tokenizer,
            options: OPTIONS,
          });
          found.push(
            "reason" in encoded ? encoded : encoded.sequences.map(({ name, parts }) => ({
              name,
              prompt: parts.filter(({ kind }) => kind === 0).flatMap(({ ids }) => Array.from(ids)),
              learnt: parts.filter(({ kind }) => kind !== 0).flatMap(({ ids }) => Array.from(ids)),
            })),
          );
        }
      }
      const wanted = rows.map((row) =>
        names.map((name) => ({ name, prompt: row.prompt, learnt: row[name as "y" | "chosen" | "rejected"] }))
      );
      assertEquals(found, wanted, trainer);
    }
  },
});
