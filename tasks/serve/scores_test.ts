/** Scores of reward models beside LLaMA-Factory's API, from fixtures/goldens/llamafactory/scores. */
import { assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { writeValueHead } from "../../formats/value_head/value_head.ts";
import { startServed } from "../../tests/helpers/served.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";

const goldens = new URL("../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
const HEAD = "value_head.safetensors";

interface Scored {
  request: { messages: string[]; max_length?: number | null };
  object: string;
  keys: string[];
  scores: number[];
}
const expected: Record<"adapter" | "alone", Scored[]> = JSON.parse(
  Deno.readTextFileSync(join(goldens, "scores/requests.json")),
);

/** A reward model `alone`, and beside it the adapters `adapter`, a reward model too, and `plain`. */
async function startRewards() {
  const folder = temporaryFolder(), model = join(folder, "alone"), adapter = join(folder, "adapter");
  for (const [name, into] of [["model", model], ["adapter", adapter]] as const) {
    Deno.mkdirSync(into);
    for (const file of Deno.readDirSync(join(goldens, name))) {
      Deno.copyFileSync(join(goldens, name, file.name), join(into, file.name));
    }
  }
  Deno.copyFileSync(join(goldens, HEAD), join(model, HEAD));
  for (const name of [HEAD, "adapter_model.safetensors"]) {
    Deno.copyFileSync(join(goldens, "runs/rm_fixed", name), join(adapter, name));
  }
  const served = await startServed(
    [model, "--template", "qwen", "--backend", "onnx", "--adapter", adapter]
      .concat(["--adapter", `plain=${join(goldens, "adapter")}`]),
  );
  const post = async (path: string, body: unknown) => {
    const reply = await fetch(served.base + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await reply.text();
    return { status: reply.status, body: text.startsWith("{") ? JSON.parse(text) : text };
  };
  return { served, post, adapter };
}

Deno.test("deno task serve scores texts with reward models as LLaMA-Factory's API does, and takes no chats for them", async (t) => {
  const { served, post, adapter } = await startRewards();
  await using _served = served;
  const score = (body: unknown) => post("/v1/score/evaluation", body);

  for (const [model, requests] of Object.entries(expected)) {
    await t.step(`scores of ${model} are LLaMA-Factory's`, async () => {
      for (const { request, object, keys, scores } of requests) {
        const { status, body } = await score({ model, ...request });
        assertEquals(status, 200, JSON.stringify(body));
        assertEquals([Object.keys(body), body.object, body.model], [keys, object, model]);
        assertMatch(body.id, /^scoreval-\w+$/);
        assertEquals(body.scores.length, scores.length);
        scores.forEach((each, i) => assertAlmostEquals(body.scores[i], each, 1e-5, request.messages[i]));
      }
    });
  }

  await t.step("requests at once get the scores of their own texts, more than a pack holds", async () => {
    const [first] = expected.adapter[0]!.scores, [text] = expected.adapter[0]!.request.messages;
    const alone = expected.alone[0]!.scores[0]!;
    const many = Array.from({ length: 100 }, () => text);
    const found = await Promise.all(
      ["adapter", "alone", "adapter"].map((model) => score({ model, messages: many })),
    );
    found.forEach(({ body }, i) => {
      assertEquals(body.scores.length, 100);
      for (const each of body.scores) assertAlmostEquals(each, i === 1 ? alone : first!, 1e-5);
    });
  });

  await t.step("a reward model answers no prompt, and what answers prompts scores none", async () => {
    const messages = [{ role: "user", content: "Hi" }];
    const asked: [string, Record<string, unknown>][] = [
      ["/v1/chat/completions", { messages }],
      ["/v1/completions", { prompt: "Hi" }],
      ["/v1/responses", { input: "Hi" }],
      ["/v1/messages", { messages, max_tokens: 4 }],
    ];
    for (const [path, fields] of asked) {
      for (const model of ["adapter", "alone"]) {
        const { status, body } = await post(path, { model, ...fields });
        assertEquals(status, 400, path);
        assertStringIncludes(
          body.error.message,
          `Cannot answer with ${model} as it is a reward model (${HEAD})`,
        );
      }
    }
    const answered = await post("/v1/chat/completions", { model: "plain", messages, max_tokens: 2 });
    assertEquals(answered.status, 200, JSON.stringify(answered.body));
    const { status, body } = await score({ model: "plain", messages: ["Hi"] });
    assertEquals([status, body.error.code], [400, "not_a_reward_model"]);
    assertStringIncludes(
      body.error.message,
      `Cannot score texts with plain as it has no value head (${HEAD})`,
    );
  });

  await t.step("texts that can't be scored are named", async () => {
    const long = "word ".repeat(3000);
    const faults: [Record<string, unknown>, string][] = [
      [{ messages: [] }, "messages"],
      [{ messages: ["a", ""] }, "Cannot score messages.1: it has no tokens"],
      [{ messages: "a" }, "messages"],
      [{ messages: ["a"], max_length: 0 }, "max_length"],
      [{ messages: [long] }, "Cannot score messages.0 as it has"],
      [{ model: "alnoe", messages: ["a"] }, "alnoe"],
    ];
    for (const [fields, text] of faults) {
      const { status, body } = await score({ model: "alone", ...fields });
      assertEquals(status, fields.model === undefined ? 400 : 404, JSON.stringify(body));
      assertStringIncludes(body.error.message, text);
    }
    const { status } = await score({ model: "alone", messages: [long], max_length: 64 });
    assertEquals(status, 200);
  });

  await t.step(
    "a value head that doesn't fit is the request's fault, and its adapter can be loaded once it does",
    async () => {
      const head = join(adapter, HEAD), right = Deno.readFileSync(head);
      const load = () => post("/v1/load_lora_adapter", { lora_name: "late", lora_path: adapter });
      const [weight, bias] = [new Float32Array(3), new Float32Array(1)];
      writeValueHead(adapter, 3, { "v_head.summary.weight": weight, "v_head.summary.bias": bias });
      const { status, body } = await load();
      assertEquals(status, 400, JSON.stringify(body));
      assertStringIncludes(body.error.message, `needs to be [1,32] beside a model of width 32`);
      Deno.writeFileSync(head, right);
      assertEquals(await load(), { status: 200, body: "Success: LoRA adapter 'late' added successfully." });
      const { request, scores } = expected.adapter[0]!;
      const scored = await score({ model: "late", ...request });
      assertAlmostEquals(scored.body.scores[0], scores[0]!, 1e-5);
    },
  );

  await t.step("a reward that is no number is an error", async () => {
    const head = join(adapter, HEAD), right = Deno.readFileSync(head);
    const [weight, bias] = [new Float32Array(32).fill(NaN), new Float32Array(1)];
    writeValueHead(adapter, 32, { "v_head.summary.weight": weight, "v_head.summary.bias": bias });
    const loaded = await post("/v1/load_lora_adapter", { lora_name: "broken", lora_path: adapter });
    assertEquals(loaded.status, 200);
    Deno.writeFileSync(head, right);
    const { status, body } = await score({ model: "broken", messages: ["a"] });
    assertEquals([status, body.error?.code], [500, "model_broken"], JSON.stringify(body));
    assertStringIncludes(body.error.message, "its reward isn't a number: current value is NaN");
  });

  await t.step("the log has the tokens of texts", () => {
    const lines = served.log().split("\n").filter((line) => line.includes("/v1/score/evaluation 200"));
    for (const line of lines) assertMatch(line, / (adapter|alone|late) \d+\+0 tokens$/);
    assertEquals(lines.length > 0, true);
  });

  await t.step("an adapter that is unloaded scores no more", async () => {
    const unloaded = await post("/v1/unload_lora_adapter", { lora_name: "adapter" });
    assertEquals(unloaded.status, 200);
    assertEquals((await score({ model: "adapter", messages: ["a"] })).status, 404);
    assertEquals((await score({ model: "alone", messages: ["a"] })).status, 200);
  });
});
