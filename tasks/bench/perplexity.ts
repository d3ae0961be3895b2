/**
 * Cost of packed weights in quality: perplexity of a model with its stored bits against the same with float32 weights, on the same texts.
 *
 *     deno run -A tasks/bench/perplexity.ts --model MODEL.gguf --data FILE.jsonl [--rows 200]
 *
 * Every string of a row that is longer than 40 characters counts, cut to 128 tokens. Prints both and the difference.
 * @module
 */
import { parseArgs } from "node:util";

import { item } from "../../formats/elements.ts";
import { openModel } from "../../formats/hf_model/mod.ts";
import type { Quantization } from "../../kernels/engine/generate/generator.ts";
import { logprobsOf } from "../../kernels/engine/generate/answer/logprobs.ts";
import { makeBatchEngine } from "../../kernels/engine/generate/make_engine.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import { models } from "../../plugins/models/mod.ts";
import { Registry } from "../../plugins/registry.ts";

const TOKENS = 128, CHARACTERS = 40;

/** Strings in a value, however deep. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return value.length > CHARACTERS ? [value] : [];
  return value !== null && typeof value === "object" ? Object.values(value).flatMap(textsIn) : [];
}

/** exp of the mean negative log-probability of all tokens but each text's first. */
async function perplexity(
  model: string,
  texts: readonly string[],
  quantization: Quantization,
): Promise<number> {
  const opened = await openModel(model), decoder = decoderOf(new Registry(models), opened);
  const { engine } = await makeBatchEngine({ model, decoder, quantization, maxBatch: 1 }, opened, null);
  if (!engine.extend) throw new RangeError("Cannot score texts: this model runs block after block here");
  let sum = 0, count = 0;
  for (const text of texts) {
    const ids = opened.tokenizer.encode(text).slice(0, TOKENS);
    if (ids.length < 3) continue;
    const first = await engine.add(ids.slice(0, 1), { logits: true });
    const score = (logits: Float32Array | null, next: number) => {
      if (logits) sum -= logprobsOf(logits, next, 0).logprob;
      count++;
    };
    score(first.logits, item(ids, 1));
    const rest = await engine.extend(ids.slice(1, -1), true);
    rest.forEach(({ logits }, i) => score(logits, item(ids, i + 2)));
    await engine.keep([]);
  }
  await engine.dispose();
  return Math.exp(sum / count);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      model: { type: "string" },
      data: { type: "string" },
      rows: { type: "string", default: "200" },
    },
  });
  if (!values.model || !values.data) throw new RangeError("Cannot compare without --model and --data");
  const rows = Deno.readTextFileSync(values.data).trim().split("\n").slice(0, Number(values.rows));
  const texts = rows.flatMap((row) => textsIn(JSON.parse(row)));
  const stored = await perplexity(values.model, texts, "stored");
  console.error(`${stored.toFixed(4)} as stored; float32 follows`);
  const floats = await perplexity(values.model, texts, "float32");
  const percent = (100 * (stored / floats - 1)).toFixed(2);
  console.log(
    `${texts.length} texts: ${stored.toFixed(4)} as stored, ${floats.toFixed(4)} as float32, ${percent} %`,
  );
}
