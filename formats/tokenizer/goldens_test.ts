import { assert, assertEquals } from "@std/assert";

import { exists } from "../exists.ts";
import { BpeTokenizer } from "./bpe_tokenizer.ts";
import { type EditableTokenizer, loadTokenizerSync, tokenizerFromFiles, tokenizerFromGguf } from "./mod.ts";
import type { TokenizerJson } from "./tokenizer_json.ts";
import { shared, SMOLLM2 } from "../../tests/helpers/shared_data.ts";

interface Goldens {
  vocab_size?: number;
  cases: {
    text: string;
    ids: number[];
    ids_no_special?: number[];
    ids_with_bos_eos?: number[];
    decoded?: string;
    decoded_skip_special?: string;
  }[];
  partial_decodes?: { ids: number[]; decoded: string }[];
  single_id_decodes?: [number, string, string][];
}

const root = new URL("../../", import.meta.url).pathname;
const small = `${root}fixtures/goldens/tokenizers`;
const goldens = shared("goldens/tokenizers").path;
const folder = Deno.env.get("DINOTUNE_TOKENIZERS");

function read<T>(path: string): T {
  return JSON.parse(Deno.readTextFileSync(path)) as T;
}

function check(tokenizer: EditableTokenizer, goldens: Goldens): void {
  for (const one of goldens.cases) {
    const decoded = one.decoded ?? one.text;
    assertEquals(tokenizer.encode(one.text, { special: true }), one.ids, one.text);
    assertEquals(tokenizer.encode(one.text), one.ids_no_special ?? one.ids, one.text);
    assertEquals(tokenizer.decode(one.ids), decoded);
    assertEquals(tokenizer.decode(one.ids, { skipSpecial: true }), one.decoded_skip_special ?? decoded);
  }
  for (const { ids, decoded } of goldens.partial_decodes ?? []) assertEquals(tokenizer.decode(ids), decoded);
  for (const [id, piece, decoded] of goldens.single_id_decodes ?? []) {
    assertEquals([tokenizer.idToToken(id), tokenizer.decode([id])], [piece, decoded]);
    assertEquals(tokenizer.tokenToId(piece), id);
  }
}

function checkAll(tokenizer: EditableTokenizer, goldens: Goldens): void {
  check(tokenizer, goldens);
  assertEquals(tokenizer.vocabSize, goldens.vocab_size);
  for (const one of goldens.cases) {
    assertEquals(tokenizer.addBosEos(one.ids), one.ids_with_bos_eos ?? one.ids, one.text);
  }
}

for (const name of ["tiny", "tiny-gpt2", "tiny-sp", "tiny-gemma"]) {
  Deno.test(`tokenizer ${name} equals the tokenizers library on 177 strings and more`, () => {
    checkAll(loadTokenizerSync(`${small}/${name}`), read<Goldens>(`${small}/${name}/goldens.json`));
  });

  Deno.test(`tokenizer ${name} is the same from its own files`, () => {
    const first = loadTokenizerSync(`${small}/${name}`);
    const second = tokenizerFromFiles(first.files());
    check(second, read<Goldens>(`${small}/${name}/goldens.json`));
    const ids = (one: EditableTokenizer) => [one.vocabSize, one.bosId, one.eosId, one.padId, one.unkId];
    assertEquals(ids(second), ids(first));
    assertEquals(second.files(), first.files());
  });
}

for (const name of ["qwen3", "llama3"]) {
  const ignore = folder === undefined || !exists(goldens);
  const reason = ignore ? " (ignored: DINOTUNE_TOKENIZERS or ../shared is missing)" : "";
  Deno.test(`tokenizer ${name} equals the tokenizers library on 177 strings${reason}`, { ignore }, () => {
    checkAll(loadTokenizerSync(`${folder}/${name}`), read<Goldens>(`${goldens}/${name}.json`));
  });
}

{
  const ignore = !SMOLLM2 || !exists(goldens);
  const reason = ignore ? " (ignored: DINOTUNE_SMOLLM2_GGUF or ../shared is missing)" : "";
  Deno.test(`tokenizer of SmolLM2's GGUF file equals llama.cpp on 177 strings${reason}`, { ignore }, () => {
    const tokenizer = loadTokenizerSync(SMOLLM2);
    check(tokenizer, read<Goldens>(`${goldens}/smollm2_gguf.json`));
    assertEquals([tokenizer.bosId, tokenizer.eosId, tokenizer.padId, tokenizer.unkId], [1, 2, 2, 0]);
    assert(tokenizer.chatTemplate!.includes("<|im_start|>"));
    check(tokenizerFromFiles(tokenizer.files()), read<Goldens>(`${goldens}/smollm2_gguf.json`));
  });
}

/** Metadata as a converter to GGUF would write it. */
function metadata(path: string, more: Record<string, unknown>): Map<string, unknown> {
  const json = read<TokenizerJson>(`${path}/tokenizer.json`);
  const tokens: string[] = [], types: number[] = [];
  for (const [token, id] of Object.entries(json.model.vocab)) [tokens[id], types[id]] = [token, 1];
  for (const token of json.added_tokens) {
    [tokens[token.id], types[token.id]] = [token.content, token.special ? 3 : 4];
  }
  const merges = json.model.merges.map((merge) => typeof merge === "string" ? merge : merge.join(" "));
  return new Map<string, unknown>(Object.entries({
    "tokenizer.ggml.tokens": tokens,
    "tokenizer.ggml.token_type": types,
    "tokenizer.ggml.merges": merges,
    ...more,
  }));
}

Deno.test("tokenizerFromGguf() with pre qwen2 equals the tokenizers library where nothing is to be composed", () => {
  const map = metadata(`${small}/tiny`, { "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "qwen2" });
  const goldens = read<Goldens>(`${small}/tiny/goldens.json`);
  const composed = goldens.cases.filter(({ text }) => text === text.normalize("NFC"));
  assertEquals(goldens.cases.length - composed.length, 4);
  check(tokenizerFromGguf(map, "x.gguf"), { ...goldens, cases: composed });
});

Deno.test("tokenizerFromGguf() with pre smollm equals the tokenizers library", () => {
  const map = metadata(`${small}/tiny-gpt2`, {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
  });
  check(tokenizerFromGguf(map, "x.gguf"), read<Goldens>(`${small}/tiny-gpt2/goldens.json`));
});

{
  const ignore = folder === undefined || !exists(goldens);
  const reason = ignore ? " (ignored: DINOTUNE_TOKENIZERS or ../shared is missing)" : "";
  Deno.test(
    `tokenizerFromGguf() with pre llama-bpe equals the tokenizers library${reason}`,
    { ignore },
    () => {
      const map = metadata(`${folder}/llama3`, {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "llama-bpe",
        "tokenizer.ggml.bos_token_id": 128000,
      });
      const tokenizer = tokenizerFromGguf(map, "x.gguf");
      check(tokenizer, read<Goldens>(`${goldens}/llama3.json`));
      assertEquals(tokenizer.addBosEos([1]), [128000, 1]);
    },
  );
}

Deno.test("tokenizerFromGguf() of a SentencePiece vocabulary equals the tokenizers library", () => {
  const json = read<TokenizerJson>(`${small}/tiny-sp/tokenizer.json`);
  const rank = new Map(json.model.merges.map((merge, i) => [[...merge].join(""), i]));
  const map = metadata(`${small}/tiny-sp`, { "tokenizer.ggml.model": "llama" });
  const tokens = map.get("tokenizer.ggml.tokens") as string[];
  map.set("tokenizer.ggml.scores", tokens.map((token) => -(rank.get(token) ?? 1e6)));
  const types = (map.get("tokenizer.ggml.token_type") as number[]).map((type, id) =>
    id === 0 ? 2 : tokens[id]!.startsWith("<0x") ? 6 : type
  );
  map.set("tokenizer.ggml.token_type", types);
  const tokenizer = tokenizerFromGguf(map, "x.gguf");
  check(tokenizer, read<Goldens>(`${small}/tiny-sp/goldens.json`));
  assert(tokenizer instanceof BpeTokenizer);
  assertEquals(tokenizer.addBosEos([5]), [1, 5]);
});
