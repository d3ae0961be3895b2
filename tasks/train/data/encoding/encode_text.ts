/**
 * Texts of stage pt as one part each.
 * @module
 */
import { entryOf } from "../../../../formats/elements.ts";
import type { Tokenizer } from "../../../../formats/tokenizer/tokenizer.ts";
import type { Example } from "../../../../plugins/kinds/dataset.ts";
import type { EncodeContext, EncodedParts, NotEncoded } from "./encoding.ts";

/** Stage pt: the text and an end of text. LLaMA-Factory: `PretrainDatasetProcessor`. */
export function encodeText(
  example: Example,
  { sequences, template, tokenizer, options }: EncodeContext,
): EncodedParts | NotEncoded {
  const cut = { prompt: 0, answer: 0, turns: 0 };
  const encoded: EncodedParts["sequences"] = [];
  for (const [name, [, answer]] of Object.entries(sequences)) {
    const text = entryOf(example.answers, answer).content;
    if (text === "") return { reason: "text is empty" };
    const endOfText = template?.endOfText;
    const end = (endOfText === undefined ? null : tokenizer.tokenToId(endOfText)) ?? tokenizer.eosId;
    const start = addsBos(tokenizer) ? tokenizer.bosId : null;
    const special = !options.split_special_tokens;
    const body = tokenizer.encode(text, { special });
    let ids = [...(start === null ? [] : [start]), ...body, ...(end === null ? [] : [end])];
    if (!options.packing && ids.length > options.cutoff_len) {
      if (options.truncation === "drop") return { reason: "longer than cutoff_len" };
      cut.answer += ids.length - options.cutoff_len;
      ids = ids.slice(0, options.cutoff_len);
    }
    encoded.push({ name, parts: [{ ids, kind: 1 }] });
  }
  return { sequences: encoded, cut };
}

const bosFlags = new WeakMap<Tokenizer, boolean>();

/** `add_bos_token` of tokenizer_config.json. */
function addsBos(tokenizer: Tokenizer): boolean {
  let flag = bosFlags.get(tokenizer);
  if (flag === undefined) {
    const config = tokenizer.files()["tokenizer_config.json"];
    const text = typeof config === "string" ? config : new TextDecoder().decode(config ?? new Uint8Array());
    flag = text !== "" && (JSON.parse(text) as { add_bos_token?: unknown }).add_bos_token === true;
    bosFlags.set(tokenizer, flag);
  }
  return flag;
}
