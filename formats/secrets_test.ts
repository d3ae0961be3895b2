import { assert, assertEquals } from "@std/assert";

import { HIDDEN, isSecretName, redact, redactArgument, redactValue } from "./secrets.ts";

const SECRET = "s3cr3t-Value_9";

Deno.test("isSecretName() knows secrets from vocabulary, counts and names of variables", () => {
  const secret = [
    "hf_hub_token",
    "token",
    "apiKey",
    "OPENAI_API_KEY",
    "args.api_key",
    "swanlab_lark_secret",
    "X-Amz-Signature",
    "private_key",
    "db_password",
    "api_keys",
    "Authorization",
  ];
  assertEquals(secret.filter((name) => !isSecretName(name)), []);
  const plain = [
    "api_key_env",
    "key",
    "max_tokens",
    "eos_token",
    "pad_token_id",
    "tokenizer",
    "num_input_tokens_seen",
    "split_special_tokens",
    "keyword",
    "max_new_tokens",
    "image_token",
    "dataset_info",
    "per_token",
    "secretary",
  ];
  assertEquals(plain.filter(isSecretName), []);
});

Deno.test("redact() hides a value under a secret's name however it's written", () => {
  for (
    const text of [
      `api_key=${SECRET}`,
      `args.api_key = ${SECRET}`,
      `{"api_key": "${SECRET}", "a": 1}`,
      `{api_key: '${SECRET}'}`,
      `hf_hub_token: [${SECRET}, ${SECRET}]`,
      `  hf_hub_token: ["${SECRET} x", y]`,
      `token=${SECRET}&x=1`,
      `password: ${SECRET}`,
      `https://user:${SECRET}@example.com/v1`,
      `https://${SECRET}@example.com/v1`,
      `data/https:/user:${SECRET}@example.com/v1`,
      `https://user:a@${SECRET}@example.com/v1`,
      `Authorization: Bearer ${SECRET}`,
      `https://x.y/z?X-Amz-Signature=${SECRET}`,
      `current value: {a: 1, api_key: ${SECRET}}`,
    ]
  ) {
    const shown = redact(text);
    assert(!shown.includes(SECRET), shown);
    assert(shown.includes(HIDDEN), shown);
  }
});

Deno.test("redact() knows keys of services by their shape, wherever they stand", () => {
  const keys = [
    "hf_AbCdEfGhIjKlMnOpQrStUvWxYz",
    "sk-proj-AbCdEfGh12345678",
    "ghp_AbCdEfGhIjKlMnOpQrSt",
    "AKIAABCDEFGHIJKLMNOP",
    "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
  ];
  for (const key of keys) assertEquals(redact(`model ${key}, row 3`), `model ${HIDDEN}, row 3`);
});

Deno.test("redact() leaves what isn't secret", () => {
  for (
    const text of [
      "args.api_key_env=OPENAI_API_KEY",
      "api_key: $OPENAI_API_KEY",
      "max_tokens: 512, eos_token: </s>, tokenizer: x",
      "Cannot find the end token: current value is 5",
      "http://localhost:8000/v1 and mail@example.com",
      "hf_hub_token: null",
      "task-oriented risk-averse-people_everywhere",
      "[hidden]",
      "api_key=[hidden]",
    ]
  ) assertEquals(redact(text), text);
});

Deno.test("redactArgument() hides the whole value of an override", () => {
  assertEquals(redactArgument(`hf_hub_token=[${SECRET}, a b c`), `hf_hub_token=${HIDDEN}`);
  assertEquals(redactArgument(`out_dir={token: ${SECRET}}`), `out_dir={token: ${HIDDEN}}`);
  assertEquals(redactArgument(`model.args.api_key=${SECRET} x`), `model.args.api_key=${HIDDEN}`);
  assertEquals(
    redactArgument("out_dir=a b") + redactArgument("model.args.api_key=$KEY"),
    "out_dir=a bmodel.args.api_key=$KEY",
  );
});

Deno.test("redactValue() hides everything under a secret's name, of any type, and changes nothing else", () => {
  const value = {
    hf_hub_token: [SECRET, { a: SECRET }],
    model: {
      args: { api_key: SECRET, api_key_env: "NAME", api_base: `https://u:${SECRET}@h/v1`, max_tokens: 5 },
    },
    list: [{ password: 12345 }, null, true],
    ms_hub_token: null,
    other: { token: "$TOKEN", secret: "" },
  };
  const shown = redactValue(value);
  assert(!JSON.stringify(shown).includes(SECRET) && !JSON.stringify(shown).includes("12345"));
  assertEquals(shown.model.args.api_key_env, "NAME");
  assertEquals(shown.model.args.max_tokens, 5);
  assertEquals([shown.ms_hub_token, shown.other], [null, { token: "$TOKEN", secret: "" }]);
  assertEquals(value.model.args.api_key, SECRET);
});

Deno.test("redact() of a megabyte ends: no pattern is quadratic", () => {
  for (const piece of ["a", "a.", "a=", "a:", "://", "eyJ", "[", '"', "'", "Bearer "]) {
    assert(redact(piece.repeat(1e6 / piece.length)).length > 0);
  }
});
