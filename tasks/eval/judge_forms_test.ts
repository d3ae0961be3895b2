/** Whole runs with judges that write their verdicts in forms of their own; the model and the judge are behind a server. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { completionResponse, mockServer } from "../bench/eval/mock_server.ts";
import { inFolder, rowsConfig, runConfig } from "../../tests/helpers/evaluation_run.ts";

const ROW = {
  id: "r1",
  prompt: "Write a note.",
  constraints: ["1. fewer than 50 words", "2. mention tea", "3. end with a question"],
};
const LIST = '[{"1. fewer than 50 words": 10, "2. mention tea": 8, "3. end with a question": 0}]';

/** Scores of the constraints, 0 to 1, how often the judge was asked, and the reasons that results.json has. */
async function judged(verdict: string, finish = "stop") {
  let asked = 0;
  const found: { scores?: unknown; reasons?: string[]; followed?: unknown } = {};
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), JSON.stringify(ROW) + "\n");
    await using server = mockServer({
      respond: ({ body }) => {
        if (!body.messages.at(-1)?.content.includes("< constraints >:")) {
          return completionResponse("Tea at five.");
        }
        asked++;
        return completionResponse(verdict, finish);
      },
    });
    const config = rowsConfig(folder, server.base);
    const { results } = await runConfig(config);
    const lines = (await Deno.readTextFile(join(config.out_dir, "items.jsonl"))).trim().split("\n");
    const last = lines.map((line) => JSON.parse(line)).findLast(({ stage }) => stage === "judge");
    found.scores = last.judgement.constraints.map(({ score }: { score: number | null }) => score);
    found.reasons = results?.counts.reasons.map(({ reason }) => reason) ?? [];
    found.followed = results?.headline.value;
  });
  return { asked, ...found };
}

Deno.test("a run whose judge writes headings has its scores at the first asking", async () => {
  const text =
    `### Explanation\nx\n\n### Fine Grained Score\n\`\`\`json\n${LIST}\n\`\`\`\n\n### Constraints Overall Score\n[[6]]`;
  assertEquals(await judged(text), { asked: 1, scores: [1, 0.8, 0], reasons: [], followed: 0 });
});

Deno.test("a run whose judge is cut asks it once more, and then has no score and says why", async () => {
  const open = `Explanation: fine\nFine Grained Score: ${LIST.slice(0, LIST.indexOf(" 0}") + 1)}1`;
  const { reasons, ...found } = await judged(open);
  assertEquals(found, { asked: 2, scores: [null, null, null], followed: null });
  assertStringIncludes(reasons?.[0] ?? "", "ends within its scores");
  const limit = await judged(`Fine Grained Score: ${LIST}\nConstraints Overall Score: [[6]]`, "length");
  assertEquals([limit.asked, limit.scores], [2, [null, null, null]]);
  assertStringIncludes(limit.reasons?.[0] ?? "", "token limit");
});

Deno.test("reasons in results.json keep their numbers", async () => {
  const { scores, reasons } = await judged("Fine Grained Score: [10, 8]\nConstraints Overall Score: [[6]]");
  assertEquals(scores, [null, null, null]);
  assertStringIncludes(reasons?.[0] ?? "", "2 scores for 3 constraints");
});
