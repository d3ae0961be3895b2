import { assertEquals, assertRejects } from "@std/assert";

import { builtinRegistry } from "../builtins.ts";
import { never, scoreValues } from "./_judge_request.ts";

Deno.test("judge recorded: verdicts by id or prompt; what isn't there, or doesn't fit, is unscored; bad rows are named", async () => {
  const file = await Deno.makeTempFile({ suffix: ".jsonl" });
  try {
    await Deno.writeTextFile(
      file,
      '{"id": "i", "scores": [1, null], "overall": 1}\n{"prompt": "P", "follow_instruction_list": [true, false]}\n',
    );
    const judge = builtinRegistry().create("judge", "recorded", { path: file });
    const about = (id: string, prompt: string, n = 2) =>
      judge.judge({ id, prompt, response: "r", constraints: Array(n).fill({ text: "c" }) }, never);
    assertEquals(scoreValues(await about("i", "")), [1, null, 1]);
    assertEquals(scoreValues(await about("other", "P")), [1, 0, null]);
    assertEquals(scoreValues(await about("other", "Q")), [null, null, null]);
    assertEquals(scoreValues(await about("i", "", 3)), [null, null, null, null]);
    // numbers of rows that are keys of something else, and prompts that stand for several answers
    await Deno.writeTextFile(
      file,
      ["A", "B", "B"].map((prompt, i) => JSON.stringify({ id: i + 1, prompt, scores: [1] })).join("\n"),
    );
    const keyed = builtinRegistry().create("judge", "recorded", { path: file });
    const by = async (id: string, prompt: string) => {
      const judged = await keyed.judge({ id, prompt, response: "r", constraints: [{ text: "c" }] }, never);
      return scoreValues(judged)[0];
    };
    assertEquals(await Promise.all([by("1", "A"), by("2", "B\n"), by("9", "A")]), [1, 1, 1]);
    assertEquals(await Promise.all([by("1", "C"), by("9", "B"), by("3", "C")]), [null, null, null]);
    assertEquals(await by("2", "A"), 1); // the prompt's own row
    for (
      const [row, message] of [['{"id": 1}', "scores"], ["{", "JSON"], [
        '{"id": 1, "scores": [2]}',
        "from 0 to 1",
      ], ['{"id": 1, "scores": [1]}\n{"id": 1, "scores": [1]}', "above already"]]
    ) {
      await Deno.writeTextFile(file, row + "\n");
      const broken = builtinRegistry().create("judge", "recorded", { path: file });
      await assertRejects(
        () => broken.judge({ id: "1", prompt: "", response: "", constraints: [] }, never),
        Error,
        message,
      );
    }
  } finally {
    await Deno.remove(file);
  }
});
