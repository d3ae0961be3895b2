/** What `eval card` says of a judge that can't be asked again, or can't be read. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { builtinRegistry } from "../plugins/builtins.ts";
import { inFolder, rowsConfig, runConfig } from "../tests/helpers/evaluation_run.ts";
import { completionResponse, type MockRequest, mockServer } from "./bench/eval/mock_server.ts";
import { cardOfRun } from "./eval/judge_card/card_of_run.ts";
import { judgeCardText, nothingReorderedText } from "./eval/report/judge_card_text.ts";
import { evalTask } from "./eval.ts";

/** Two answers of two constraints, judged; then the judge is asked again and answers as `again` says. */
async function judgedThen(
  again: () => Response | undefined,
  check: (run: string, asked: () => number) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const rows = [1, 2].map((n) =>
      JSON.stringify({ id: n, prompt: `Q ${n}`, constraints: ["brief", "kind"] })
    );
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rows.join("\n"));
    let judged = false;
    const whole = 'Fine Grained Score: [{"brief": 10, "kind": 8}]\nConstraints Overall Score: [[9]]';
    const respond = ({ body }: MockRequest) => {
      if (!body.messages.at(-1)!.content.includes("< constraints >:")) return completionResponse("Yes.");
      return (judged ? again() : undefined) ?? completionResponse(whole);
    };
    await using server = mockServer({ respond });
    const config = rowsConfig(folder, server.base, ["max_retries=0", "args.rounds=1"]);
    await runConfig(config);
    judged = true;
    await check(config.out_dir, () => server.log.length);
  });
}

const cardOf = (run: string) => cardOfRun(run, builtinRegistry(), { reorder: 5 });

Deno.test("eval card exits with 2 where the judge can be asked about no answer again, and says why", async () => {
  const busy = () => Response.json({ error: { message: "engine overloaded" } }, { status: 503 });
  await judgedThen(busy, async (run) => {
    const card = await cardOf(run), { answers, failed, failures } = card.reordered!;
    assertEquals([answers, failed, failures.map(({ kind, count }) => [kind, count])], [0, 2, [[
      "judge: server",
      2,
    ]]]);
    const said = nothingReorderedText(card) ?? "";
    assertStringIncludes(said, "of 2 answers the judge could be asked about 0 again");
    assertStringIncludes(said, "engine overloaded");
    assertStringIncludes(judgeCardText(card), "engine overloaded");
    assertEquals(await evalTask(["card", run, "reorder=5"]), 2);
    // nothing was asked for, so nothing lacks
    assertEquals(await evalTask(["card", run]), 0);
  });
});

Deno.test("eval card exits with 2 where no constraint has a score in both orders; what can't be read isn't kept for the next card", async () => {
  let reply: string | undefined = "I refuse.";
  await judgedThen(
    () => reply === undefined ? undefined : completionResponse(reply),
    async (run, asked) => {
      const card = await cardOf(run), before = asked();
      assertEquals([card.reordered!.answers, card.reordered!.failed], [2, 0]);
      assertStringIncludes(nothingReorderedText(card) ?? "", "no constraint has a score in both orders");
      assertEquals(await evalTask(["card", run, "reorder=5"]), 2);
      assertEquals(asked(), before + 2);
      reply = undefined;
      const better = await cardOf(run);
      assertEquals([better.reordered!.effects[0]!.constraints, nothingReorderedText(better)], [4, null]);
      assertEquals(await evalTask(["card", run, "reorder=5"]), 0);
      // whole verdicts are
      assertEquals(asked(), before + 4);
    },
  );
});
