import { assertEquals } from "@std/assert";

import { loadTokenizerSync } from "../../formats/tokenizer/mod.ts";
import { Registry } from "../registry.ts";
import openai from "../datasets/openai.ts";
import type { Example } from "../kinds/dataset.ts";
import { autoTemplate } from "./auto.ts";
import { templateOptions } from "./options.ts";

interface Run {
  tokenizer: string;
  template: string | null;
  cases: { prompt: number[] | null; whole: number[] | null }[];
}

const root = new URL("../../", import.meta.url).pathname;
const golden = JSON.parse(Deno.readTextFileSync(`${root}fixtures/goldens/jinja/chats.json`)) as {
  rows: Record<string, unknown>[];
  runs: Run[];
};

function exampleOf(row: unknown): Example {
  const dataset = new Registry([openai]).create("dataset", "openai", {});
  const columns = { ...dataset.defaults.columns, tools: "tools" };
  const attributes = {
    name: "t",
    ranking: false,
    shape: "single" as const,
    columns,
    tags: dataset.defaults.tags,
  };
  return dataset.convert(row, attributes, { file: "t.jsonl", row: 0 }) as Example;
}

for (const run of golden.runs) {
  const from = run.template === null
    ? Deno.env.get("DINOTUNE_TOKENIZERS")
    : `${root}fixtures/goldens/tokenizers`;
  const reason = from === undefined
    ? " (ignored: DINOTUNE_TOKENIZERS isn't set, see fixtures/goldens/tokenizers)"
    : "";
  const title = `${run.tokenizer}, ${
    run.template === null ? "its own template" : run.template.trim().slice(0, 40)
  }`;
  Deno.test(
    `rows with calls and thoughts have the ids of transformers: ${title}${reason}`,
    { ignore: !from },
    () => {
      const plain = loadTokenizerSync(`${from}/${run.tokenizer}`);
      const tokenizer = run.template === null ? plain : plain.withChatTemplate(run.template);
      const template = autoTemplate(templateOptions.parse({}));
      run.cases.forEach(({ prompt, whole }, i) => {
        const { prompts, answers, system, tools } = exampleOf(golden.rows[i]);
        const messages = [...prompts.x!, answers.y!];
        if (prompt !== null) {
          assertEquals(
            template.encodePrompt(tokenizer, { messages: prompts.x!, system, tools }),
            prompt,
            `row ${i}`,
          );
        }
        if (whole === null) {
          return;
        }
        const [turn] = template.encodeOneTurn!(tokenizer, { messages, system, tools });
        assertEquals([...turn!.source, ...turn!.target], whole, `row ${i}`);
      });
    },
  );
}
