/** Endpoint `local` on a tiny model with a tokenizer (fixtures/goldens/llamafactory), as a run uses it. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { loadTokenizer } from "../../formats/tokenizer/mod.ts";
import { chooseBackend } from "../../kernels/engine/backends.ts";
import { openGenerator } from "../../kernels/engine/generate/open.ts";
import { builtinRegistry } from "../builtins.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { decoderIn } from "../../tests/helpers/tiny_model.ts";
import { prepareTokenizer } from "../kinds/tokenizer/prepare_tokenizer.ts";
import type { CompletionRequest, Endpoint } from "../kinds/endpoint.ts";

const GOLDENS = new URL("../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
const MODEL = join(GOLDENS, "model"), ADAPTER = join(GOLDENS, "adapter");
const signal = new AbortController().signal;
const registry = builtinRegistry();
const decoder = decoderIn(MODEL);

function endpoint(options: Record<string, unknown>): Endpoint {
  return registry.create("endpoint", "local", {
    model: MODEL,
    template: "qwen",
    backend: "onnx",
    ...options,
  });
}

const request = (content: string, more: Partial<CompletionRequest> = {}): CompletionRequest => ({
  messages: [{ role: "system", content: "Be brief." }, { role: "user", content }],
  temperature: 0,
  top_p: 1,
  max_tokens: 24,
  ...more,
});

Deno.test("local: the answer is the engine's to the template's prompt", async () => {
  const local = endpoint({ adapter: ADAPTER });
  const result = await local.complete(
    request("Name a river.", { extra: { repetition_penalty: 1.2 } }),
    signal,
  );
  await local.close();
  const template = registry.create("template", "qwen");
  const { tokenizer } = prepareTokenizer(template, await loadTokenizer(MODEL));
  const prompt = template.encodePrompt(
    tokenizer,
    { messages: [{ role: "user", content: "Name a river." }], system: "Be brief.", tools: "" },
  );
  const { generator } = await openGenerator({ model: MODEL, decoder, adapter: ADAPTER, merge: false });
  const expected = await generator.generate(prompt, {
    max_tokens: 24,
    repetition_penalty: 1.2,
    stop_ids: [tokenizer.eosId!],
  });
  await generator.close();
  assertEquals(result, {
    outcome: expected.finish,
    text: expected.text,
    promptTokens: prompt.length,
    completionTokens: expected.ids.length,
  });
  assert(expected.text.length > 0);
});

Deno.test("local: an adapter that a request names takes the place of the one that the model was opened with", async () => {
  const extra = { repetition_penalty: 1.2 };
  for (const weights of ["stored", "float32"]) {
    const alone = endpoint({ weights, adapter: ADAPTER }), base = endpoint({ weights });
    const both = endpoint({ weights, adapter: ADAPTER, adapters: { again: ADAPTER } });
    const expected = await alone.complete(request("Name a river.", { extra }), signal);
    assert(expected.text !== (await base.complete(request("Name a river.", { extra }), signal)).text);
    for (const named of [{}, { adapter: "again" }]) {
      const answer = await both.complete(request("Name a river.", { extra: { ...extra, ...named } }), signal);
      assertEquals(answer, expected, `${weights} ${JSON.stringify(named)}`);
    }
    for (const each of [alone, base, both]) await each.close();
  }
});

Deno.test("local: many requests at once, sampled with seeds, equal one after another", async () => {
  const local = endpoint({ max_batch: 3 });
  const requests = Array.from(
    { length: 7 },
    (_, i) => request(`Question ${i}`, { temperature: 0.9, top_p: 0.95, seed: i % 5, extra: { top_k: 40 } }),
  );
  const together = await Promise.all(requests.map((r) => local.complete(r, signal)));
  for (const [i, r] of requests.entries()) assertEquals(await local.complete(r, signal), together[i]);
  assertEquals(local.concurrency, 3);
  await local.close();
});

Deno.test("local: a full context, bad fields and a signal are outcomes", async () => {
  const local = endpoint({ max_model_len: 40 });
  const long = await local.complete(request("word ".repeat(60)), signal);
  assertEquals([long.outcome, long.text, long.completionTokens], ["context_length", "", 0]);
  assert(long.promptTokens >= 40 && long.error!.includes("the context holds 40"), long.error!);
  const unknown = await local.complete(request("x", { extra: { reasoning_effort: "high" } }), signal);
  assertEquals([unknown.outcome, unknown.failure?.kind], ["error", "bad_request"]);
  assert(unknown.error!.includes("reasoning_effort") && unknown.error!.includes("top_k"));
  const wrong = await local.complete(request("x", { extra: { min_p: 3 } }), signal);
  assertEquals([wrong.failure?.kind, wrong.failure?.retryable], ["bad_request", false]);
  const roles = await local.complete(
    { ...request("x"), messages: [{ role: "assistant", content: "x" }] },
    signal,
  );
  assertEquals(roles.failure?.kind, "bad_request");
  const stopped = await local.complete(request("x"), AbortSignal.abort(new Error("time is up")));
  assertEquals([stopped.outcome, stopped.failure?.kind], ["error", "stopped"]);
  await local.close();
});

Deno.test("local: a model that isn't there stops the run, by name", async () => {
  const local = endpoint({ model: join(GOLDENS, "data") });
  const result = await local.complete(request("x"), signal);
  assertEquals([result.outcome, result.failure?.fatal], ["error", true]);
  assert(result.error!.includes("no config.json"), result.error!);
  await local.close();
  const base = endpoint({ template: "auto" });
  const untemplated = await base.complete(request("x"), signal);
  assert(untemplated.error!.includes("no chat template"), untemplated.error!);
  await base.close();
  assertThrows(() => endpoint({ template: "nothing" }), RangeError, 'template plugin "nothing"');
});

Deno.test("local: a reward model's own weights are told as such where they are to answer", async () => {
  const folder = temporaryFolder();
  for (const entry of Deno.readDirSync(MODEL)) {
    Deno.copyFileSync(join(MODEL, entry.name), join(folder, entry.name));
  }
  const notesOf = async () => {
    const local = endpoint({ model: folder });
    await local.prepare!();
    await local.close();
    return local.notes ?? [];
  };
  assertEquals(await notesOf(), []);
  Deno.writeTextFileSync(join(folder, "value_head.safetensors"), "");
  const [note = ""] = await notesOf();
  assert(note.startsWith(`${folder} is of a reward model`), note);
});

Deno.test("local: an adapter's chat template is used, and a template other than the one it was trained with is reported", async () => {
  const folder = Deno.makeTempDirSync();
  for (const entry of Deno.readDirSync(ADAPTER)) {
    Deno.copyFileSync(join(ADAPTER, entry.name), join(folder, entry.name));
  }
  const trained = registry.create("template", "qwen", { default_system: "Rhyme." });
  const { tokenizer } = prepareTokenizer(trained, await loadTokenizer(MODEL));
  const files = tokenizer.withChatTemplate(trained.trainedJinja!(tokenizer)).files();
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === "string") Deno.writeTextFileSync(join(folder, name), content);
    else Deno.writeFileSync(join(folder, name), content);
  }
  const ask = { ...request("Hello?"), messages: [{ role: "user" as const, content: "Hello?" }] };
  const own = endpoint({ adapter: folder, template: "auto" });
  const expected = trained.encodePrompt(tokenizer, { messages: ask.messages, system: "Rhyme.", tools: "" });
  assertEquals((await own.complete(ask, signal)).promptTokens, expected.length);
  await own.prepare!();
  assertEquals(own.notes, []);
  await own.close();
  for (
    const [options, isTold] of [[{ template: "qwen" }, true], [{ template: "alpaca" }, true], [{
      template: "qwen",
      template_options: { default_system: "Rhyme." },
    }, false]] as const
  ) {
    const other = endpoint({ adapter: folder, ...options });
    await other.prepare!();
    assertEquals(other.notes!.length, isTold ? 1 : 0);
    if (isTold) {
      assert(other.notes![0]!.startsWith(`${folder} was trained with another template`), other.notes![0]);
    }
    await other.close();
  }
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("local: the identity changes with weights, adapter and template, not with the path", () => {
  const copy = Deno.makeTempDirSync();
  try {
    for (const { name } of Deno.readDirSync(MODEL)) Deno.copyFileSync(join(MODEL, name), join(copy, name));
    const identity = (options: Record<string, unknown>) => JSON.stringify(endpoint(options).identity);
    const base = identity({});
    assertEquals(identity({ model: copy }), base);
    assertEquals(endpoint({ adapter: ADAPTER }).model, "model+adapter");
    const others = [identity({ adapter: ADAPTER }), identity({ template: "default" })];
    const file = join(copy, "model.safetensors"), bytes = Deno.readFileSync(file);
    bytes[bytes.length - 3]! ^= 1;
    Deno.writeFileSync(file, bytes);
    others.push(identity({ model: copy }));
    assertEquals(new Set([base, ...others]).size, 4);
  } finally {
    Deno.removeSync(copy, { recursive: true });
  }
});

Deno.test("local: the identity says the backend that auto resolves to", async () => {
  const { choice } = await chooseBackend({ backend: "auto", provider: "cpu", threads: null });
  const auto = endpoint({ backend: "auto" }), named = endpoint({ backend: choice.backend });
  await auto.prepare!();
  await named.prepare!();
  assertEquals(auto.identity, named.identity);
  assertEquals(auto.identity!["backend"], `${choice.backend}/cpu`);
  await auto.close();
  await named.close();
});

Deno.test("local: `template: auto` renders the chat template of tokenizer_config.json, or chat_template.jinja beside it", async () => {
  const copy = Deno.makeTempDirSync();
  try {
    for (const { name } of Deno.readDirSync(MODEL)) Deno.copyFileSync(join(MODEL, name), join(copy, name));
    const jinja =
      "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
    const file = join(copy, "tokenizer_config.json");
    const config = JSON.parse(Deno.readTextFileSync(file));
    Deno.writeTextFileSync(file, JSON.stringify({ ...config, chat_template: jinja }));
    const tokenizer = await loadTokenizer(copy);
    const expected = tokenizer.encode("[system] Be brief.\n[user] Name a river.\n[assistant]");
    const ask = async () => {
      const local = endpoint({ model: copy, template: "auto" });
      const answer = await local.complete(request("Name a river."), signal);
      await local.close();
      return answer;
    };
    const { generator } = await openGenerator({ model: copy, decoder });
    const wanted = await generator.generate(expected, { max_tokens: 24, stop_ids: [tokenizer.eosId!] });
    await generator.close();
    const first = await ask();
    assertEquals([first.text, first.promptTokens], [wanted.text, expected.length], first.error);
    Deno.writeTextFileSync(join(copy, "chat_template.jinja"), jinja.replace("[assistant]", "[assistant] "));
    assertEquals(
      (await ask()).promptTokens,
      tokenizer.encode("[system] Be brief.\n[user] Name a river.\n[assistant] ").length,
    );
  } finally {
    Deno.removeSync(copy, { recursive: true });
  }
});
