import assert from "node:assert/strict";

import { Registry } from "@dinotune/dinotune";
import plugin from "./my_plugin.ts";

const dataset = new Registry([plugin]).create("dataset", "my_plugin", { least: 3 });
const attributes = { name: "mine", ranking: true, shape: "pair", columns: {}, tags: {} } as const;
const convert = (record: unknown) => dataset.convert(record, attributes, { file: "a.jsonl", row: 0 });

Deno.test("my_plugin: most votes over fewest", () => {
  const answers = [{ text: "no", votes: 1 }, { text: "yes", votes: 9 }, { text: "well", votes: 4 }];
  const example = convert({ question: "Is it?", answers });
  assert.ok("answers" in example);
  assert.deepEqual(example.prompts.x, [{ role: "user", content: "Is it?" }]);
  assert.deepEqual([example.answers.chosen?.content, example.answers.rejected?.content], ["yes", "no"]);
});

Deno.test("my_plugin: what can't be used has a reason and a field", () => {
  const close = convert({ question: "?", answers: [{ text: "a", votes: 1 }, { text: "b", votes: 2 }] });
  assert.ok("reason" in close);
  assert.deepEqual([close.reason, close.field], ["votes are too close", "answers"]);
  const other = convert({ question: "?" });
  assert.ok("reason" in other);
  assert.deepEqual([other.reason, other.field], ["record has another form", "answers"]);
});
