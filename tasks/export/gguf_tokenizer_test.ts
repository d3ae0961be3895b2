/** Keys of a tokenizer in a GGUF file: what the reader honours is written, and read again it is the same tokenizer. */
import { assert, assertEquals, assertThrows } from "@std/assert";

import { tokenizerFromFiles, tokenizerFromGguf } from "../../formats/tokenizer/mod.ts";
import { tokenizerKeys } from "./gguf_tokenizer.ts";
import type { ExportSource } from "./source/source.ts";

const READER = ["tokenizer.ts", "models.ts"].map((name) =>
  Deno.readTextFileSync(new URL(`../../formats/tokenizer/gguf/${name}`, import.meta.url))
).join("");

/** Keys that the reader asks for, by its source. */
function readKeys(): string[] {
  const plain = [...READER.matchAll(/"(tokenizer\.[a-z_.]*[a-z])"/g)].map(([, key = ""]) => key);
  const named = ["bos", "eos", "unknown", "padding"].map((name) => `tokenizer.ggml.${name}_token_id`);
  return [...new Set([...plain, ...named])];
}

/** A tokenizer with all that the format has a place for; with bytes, or with pieces and fallback. */
function made(isByteLevel: boolean, ends: { bos: boolean; eos: boolean; prefix?: boolean }) {
  const special = ["<s>", "</s>", "<unk>", "<pad>"];
  const around = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const space = { type: "Replace", pattern: { String: " " }, content: "▁" };
  return tokenizerFromFiles({
    "tokenizer.json": JSON.stringify({
      model: {
        type: "BPE",
        vocab: { ...Object.fromEntries(special.map((token, id) => [token, id])), a: 4, b: 5, ab: 6, "▁": 7 },
        merges: ["a b"],
        ...(!isByteLevel && { unk_token: "<unk>", fuse_unk: true, byte_fallback: true }),
      },
      ...(isByteLevel
        ? { pre_tokenizer: { type: "ByteLevel", add_prefix_space: false }, decoder: { type: "ByteLevel" } }
        : {
          normalizer: {
            type: "Sequence",
            normalizers: [...ends.prefix ? [{ type: "Prepend", prepend: "▁" }] : [], space],
          },
          decoder: { type: "Sequence", decoders: [{ type: "ByteFallback" }, { type: "Fuse" }] },
        }),
      added_tokens: special.map((content, id) => ({ id, content, special: true })),
      post_processor: {
        type: "TemplateProcessing",
        single: [
          ...ends.bos ? [around("<s>")] : [],
          { Sequence: { id: "A", type_id: 0 } },
          ...ends.eos ? [around("</s>")] : [],
        ],
        pair: [],
        special_tokens: Object.fromEntries(
          [ends.bos ? 0 : -1, ends.eos ? 1 : -1].filter((id) => id >= 0)
            .map((id) => [special[id], { id: special[id], ids: [id], tokens: [special[id]] }]),
        ),
      },
    }),
    "tokenizer_config.json": JSON.stringify({
      bos_token: "<s>",
      eos_token: "</s>",
      unk_token: "<unk>",
      pad_token: "<pad>",
    }),
  });
}

function written(
  tokenizer: ReturnType<typeof made>,
  config: Record<string, unknown> = {},
): ReturnType<typeof tokenizerKeys> {
  const source = {
    model: { metadata: null, config, generationConfig: {} },
    tokenizer,
    chatTemplate: "{{ messages }}",
    decoder: { vocabSize: 8, eosTokenIds: [config.eos_token_id ?? []].flat() },
  } as unknown as ExportSource;
  return tokenizerKeys(source);
}

function keysOf(tokenizer: ReturnType<typeof made>): Map<string, unknown> {
  return new Map(written(tokenizer).keys.map(([key, { value }]) => [key, value]));
}

Deno.test("each tokenizer key that is read from a GGUF file is written into one", () => {
  const all = new Set([true, false].flatMap((isByteLevel) => [
    ...keysOf(made(isByteLevel, { bos: true, eos: true })).keys(),
  ]));
  const keys = readKeys();
  assert(keys.length >= 14, keys.join());
  assertEquals(keys.filter((key) => !all.has(key)), []);
});

Deno.test("a tokenizer that is written and read again gives a text the same ids, with bos, eos and a space in front or without", () => {
  for (const isByteLevel of [true, false]) {
    for (
      const [bos, eos, prefix] of [[true, true, true], [false, true, false], [true, false, false], [
        false,
        false,
        true,
      ]] as const
    ) {
      const tokenizer = made(isByteLevel, { bos, eos, prefix }), keys = keysOf(tokenizer);
      assertEquals([keys.get("tokenizer.ggml.add_bos_token"), keys.get("tokenizer.ggml.add_eos_token")], [
        bos,
        eos,
      ]);
      const again = tokenizerFromGguf(keys, "a.gguf");
      assertEquals(
        again.addBosEos(again.encode("abab")),
        tokenizer.addBosEos(tokenizer.encode("abab")),
        `${isByteLevel} ${bos} ${eos} ${prefix}`,
      );
      assertEquals(again.addBosEos(again.encode("abab")).at(-1) === 1, eos);
    }
  }
});

// Gemma's runs of spaces: as user-defined tokens node-llama-cpp 3.22.1 wrote them as "▁▁". Ids stay those of tokenizers 0.23.3 but where a text itself has "▁▁"
// beside spaces
Deno.test("an added token of spaces alone that is a piece is written as one, as llama.cpp writes no other's spaces", () => {
  const json = JSON.stringify({
    model: {
      type: "BPE",
      vocab: { "▁": 0, "▁▁": 1, "<t>": 2, "▁a": 3 },
      merges: ["▁ ▁"],
      byte_fallback: true,
    },
    normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
    decoder: { type: "Replace", pattern: { String: "▁" }, content: " " },
    added_tokens: ["▁▁", "<t>", "▁a"].map((content, i) => ({ id: i + 1, content, special: false })),
  });
  const keys = keysOf(tokenizerFromFiles({ "tokenizer.json": json }));
  assertEquals([...keys.get("tokenizer.ggml.token_type") as Int32Array].slice(0, 4), [1, 1, 4, 4]);
});

Deno.test("a tokenizer with two tokens of one text isn't written, as llama.cpp can't open such a file", () => {
  const json = JSON.stringify({
    model: { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: ["a b"] },
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
    decoder: { type: "ByteLevel" },
    added_tokens: [{ id: 3, content: "ab", special: false }],
  });
  const tokenizer = tokenizerFromFiles({ "tokenizer.json": json });
  assertThrows(
    () => keysOf(tokenizer),
    RangeError,
    'llama.cpp needs another text for each token: current value is "ab" for both 2 and 3',
  );
});

// what llama.cpp does with such tokenizers was seen: node-llama-cpp 3.22.1 beside tokenizers 0.23 on 2,600 made-up texts each
Deno.test("rules of a tokenizer that llama.cpp doesn't follow are told", () => {
  const notesOf = (more: Record<string, unknown>, added: Record<string, unknown>[] = []) => {
    const json = {
      model: { type: "BPE", vocab: { a: 0, "</s>": 1, "▁": 2 }, merges: [] },
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
      decoder: { type: "ByteLevel" },
      added_tokens: [{ content: "</s>", special: true }, ...added].map((token, i) => ({
        id: i + 3,
        ...token,
      })),
    };
    json.added_tokens[0]!.id = 1;
    return written(tokenizerFromFiles({ "tokenizer.json": JSON.stringify({ ...json, ...more }) })).notes;
  };
  assertEquals(notesOf({}), []);
  assertEquals(notesOf({}, [{ content: "<n>", normalized: true }]), []);
  assertEquals(notesOf({ normalizer: { type: "NFC" } }), [
    "llama.cpp normalises no text: ids of texts that NFC of tokenizer.json changes differ there",
  ]);
  const found = "llama.cpp finds added tokens wherever their text stands and keeps the space around them";
  assertEquals(notesOf({}, [{ content: "<r>", rstrip: true }, { content: "<l>", lstrip: true }]), [
    `${found}: 2 tokens of tokenizer.json have other rules ("<r>": rstrip), ids around them differ there`,
  ]);
  const prepend = { type: "Prepend", prepend: "▁" };
  const space = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const pieces = { normalizer: { type: "Sequence", normalizers: [prepend, space] }, pre_tokenizer: null };
  assertEquals(notesOf({ ...pieces, decoder: null }), []);
  assertEquals(notesOf({ ...pieces, decoder: null }, [{ content: "<n>", normalized: true }]), [
    `${found}: 1 token of tokenizer.json has other rules ("<n>": normalized), ids around them differ there`,
  ]);
  assertEquals(notesOf({ added_tokens: [] }), [
    '"</s>" is a piece of text in tokenizer.json and an end of text in llama.cpp: texts that hold it have other ids there',
  ]);
});

Deno.test("where the tokenizer names no end the file has the model's, and a place each for two more that llama.cpp doesn't know by their text", () => {
  const texts = ["a", "b", "c", "<|im_end|>", "d"];
  const tokenizer = tokenizerFromFiles({
    "tokenizer.json": JSON.stringify({
      model: { type: "BPE", vocab: Object.fromEntries(texts.map((text, id) => [text, id])), merges: [] },
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
      decoder: { type: "ByteLevel" },
      added_tokens: [{ id: 3, content: "<|im_end|>", special: true }],
    }),
  });
  const found = (config: Record<string, unknown>) => {
    const { keys, notes } = written(tokenizer, config);
    const values = new Map(keys.map(([key, { value }]) => [key, value]));
    const ids = ["bos", "eos", "eot", "eom", "padding"].map((name) =>
      values.get(`tokenizer.ggml.${name}_token_id`) ?? null
    );
    return { ids, notes };
  };
  assertEquals(found({}).ids, [null, null, null, null, null]);
  assertEquals(found({ bos_token_id: 1, eos_token_id: 2, pad_token_id: 0 }).ids, [1, 2, null, null, 0]);
  assertEquals(found({ eos_token_id: [2, 3, 4] }), { ids: [null, 2, 4, null, null], notes: [] });
  assertEquals(found({ eos_token_id: [2, 0, 4, 1] }), {
    ids: [null, 2, 0, 1, null],
    notes: ["a GGUF file has places for three end tokens: llama.cpp writes on behind 4"],
  });
  assertEquals(found({ eos_token_id: 9 }).ids, [null, null, null, null, null]);
  // -1 is none, and what no row of the embedding has takes no place
  assertEquals(found({ bos_token_id: -1, eos_token_id: 2, pad_token_id: -1 }).ids, [
    null,
    2,
    null,
    null,
    null,
  ]);
  assertEquals(found({ eos_token_id: [2, 9, 0, 1] }), { ids: [null, 2, 0, 1, null], notes: [] });
});
