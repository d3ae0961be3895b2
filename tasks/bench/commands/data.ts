/**
 * `deno task bench data`: its flags, and what they ask for.
 * @module
 */
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { benchData, dataBenchText } from "../data.ts";
import { flagNumber, flagText } from "../flag_values.ts";
import type { BenchCommand } from "./command.ts";

/** Encoding of rows. */
export const dataBench: BenchCommand = {
  example: "data --tokenizer DIR",
  flags: {
    "tokenizer PATH": "folder of tokenizer.json, or a GGUF file; needed",
    "template NAME": "chat template",
    "rows N": "rows to encode",
  },
  run: async (given, view) => {
    const template = given.values.get("template");
    const found = await benchData(builtinRegistry(), {
      tokenizer: flagText(given, "tokenizer"),
      ...(template !== undefined && { template }),
      ...(given.flags.has("rows") && { rows: flagNumber(given, "rows") }),
      onProgress: view.bar,
    });
    return { found, text: dataBenchText(found) };
  },
};
