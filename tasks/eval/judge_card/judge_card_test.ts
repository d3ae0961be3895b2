import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { parse, stringify } from "yaml";

import { builtinRegistry } from "../../../plugins/builtins.ts";
import { Stopped } from "../../ask/stopped.ts";
import { cardOfRun } from "./card_of_run.ts";
import { inFolder, rowsConfig, rowsText, runConfig } from "../../../tests/helpers/evaluation_run.ts";
import type { JudgeCard } from "./judge_card.ts";
import { judgeCardLines, judgeCardText } from "../report/judge_card_text.ts";
import { errorResponse } from "../../../tests/helpers/mocked_judge.ts";
import { completionResponse, mockServer } from "../../bench/eval/mock_server.ts";
import { EffectSums, reversedItem } from "./reorder.ts";

/** In [0, 1), the same for the same text (FNV-1a). */
function unit(text: string): number {
  let hash = 2166136261;
  for (const c of new TextEncoder().encode(text)) hash = Math.imul(hash ^ c, 16777619);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}

/** A judge's input. */
interface Seen {
  text: string;
  /** Place of the constraint in the prompt, from 0. */
  place: number;
  all: number;
  prompt: string;
  response: string;
  /** Model that judges. */
  model: string;
}

/** For what is the same in every answer. */
const FEW = 16;
/** For what an interval tells. */
const COUNT = 60;
/** For what is seen only in more answers. */
const MORE = 120;

/** A run over some answers of 10 to 2,000 words, 4 constraints each; later constraints are harder to meet. */
async function judgedBy(
  score: (seen: Seen) => number | null,
  check: (run: string, asked: () => number) => Promise<void>,
  judges: readonly string[] = ["grader"],
  count = COUNT,
): Promise<void> {
  await inFolder(async (folder) => {
    const rows = Array.from({ length: count }, (_, i) =>
      JSON.stringify({
        id: `row-${i}`,
        prompt: `Question ${i}`,
        constraints: [1, 2, 3, 4].map((n) => `${n}. point ${n} of ${i};`),
      }));
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rows.join("\n"));
    await using server = mockServer({
      respond: ({ body }) => {
        const prompt = body.messages.at(-1)!.content;
        const found = [...prompt.matchAll(/^\d\. (point \d of \d+;)$/gm)];
        if (found.length === 0) {
          return completionResponse("word ".repeat(10 + Math.floor(1990 * unit(`length of ${prompt}`))));
        }
        const response = /(?:word )+/.exec(prompt)![0];
        const scores = found.flatMap(([line, text], place) => {
          const given = score({ text: text!, place, all: found.length, prompt, response, model: body.model });
          return given === null ? [] : [`${JSON.stringify(line)}: ${given}`];
        });
        return completionResponse(
          `Fine Grained Score: [{${scores.join(", ")}}]\nConstraints Overall Score: [[5]]`,
        );
      },
    });
    const specs = judges.map((name) =>
      `{ type: openai, args: { name: ${name}, api_base: "${server.base}", key: none } }`
    );
    const config = rowsConfig(folder, server.base, ["args.rounds=1", `evaluator_llm=[${specs.join(", ")}]`]);
    await runConfig(config);
    await check(config.out_dir, () => server.log.length);
  });
}

/** Truly met or not: point 1 in 90 % of the answers, point 4 in 30 %. */
const met = ({ text }: Seen): boolean => unit(text) < 1.1 - 0.2 * Number(text[6]);
const again = (run: string, options = {}): Promise<JudgeCard> =>
  cardOfRun(run, builtinRegistry(), { reorder: 1000, ...options });

Deno.test("a judge card measures the bias of a judge that takes a point off a constraint for each place", async () => {
  await judgedBy(
    (seen) => (met(seen) ? 10 : 6) - seen.place,
    async (run, asked) => {
      const before = asked();
      const { reordered, positionBias } = await again(run);
      const [{ effect, unscored, constraints, judge } = { effect: { value: null, interval: null, n: 0 } }] =
        reordered!.effects;
      assertEquals([reordered!.answers, reordered!.failed, judge], [FEW, 0, "grader"]);
      assertEquals([effect.n, constraints, unscored, asked() - before], [FEW, 4 * FEW, 0, FEW]);
      // from place 0 to place 3, three points of ten, without exception
      assertAlmostEquals(effect.value!, -0.3, 1e-9);
      assertAlmostEquals(effect.interval![1], -0.3, 1e-9);
      assert(positionBias.interval![1] < 0);
      // a second measurement takes its answers from the cache
      assertEquals((await again(run)).reordered, reordered);
      assertEquals(asked() - before, FEW);
      assertEquals((await again(run, { reorder: 5 })).reordered!.answers, 5);
      assertStringIncludes(judgeCardText(await again(run)), "kinder to early constraints");
    },
    ["grader"],
    FEW,
  );
});

Deno.test("a judge card finds no position bias in a judge without one, though its late constraints are harder and it wavers", async () => {
  // wavers: a tenth of the verdicts depend on the whole prompt, and so on the order, but not on the place
  const fair = (seen: Seen) =>
    (unit(seen.text + seen.prompt) < 0.1 ? unit(seen.prompt + seen.text) < 0.5 : met(seen)) ? 10 : 4;
  await judgedBy(fair, async (run) => {
    const card = await again(run);
    const { effect, same } = card.reordered!.effects[0]!;
    assert(effect.interval![0] < 0 && effect.interval![1] > 0, `${effect.interval}`);
    assert(same! > 0.85 && same! < 1, `${same}`);
    // what is only looked at takes harder for biased
    assert(card.positionBias.interval![1] < 0, `${card.positionBias.interval}`);
    assertStringIncludes(judgeCardText(card), "none found");
    const named = { ...card, judge: "my_judge", benchmark: "my_rows" };
    assertStringIncludes(judgeCardText(named), "# Judge card: my\\_judge\n");
    assertMatch(
      judgeCardLines(named),
      /^Judge card: my_judge\n\nbenchmark {2,}my_rows\njudged answers {2,}\d+ with/,
    );
    assertEquals((await cardOfRun(run, builtinRegistry())).reordered, null);
  });
});

Deno.test("a judge card measures each member of a panel by itself", async () => {
  const score = (seen: Seen) => (met(seen) ? 10 : 6) - (seen.model === "tired" ? seen.place : 0);
  await judgedBy(
    score,
    async (run) => {
      const effects = (await again(run)).reordered!.effects;
      assertEquals(effects.map((e) => e.judge), ["tired + fresh", "tired", "fresh"]);
      for (const [i, expected] of [-0.15, -0.3, 0].entries()) {
        assertAlmostEquals(effects[i]!.effect.value!, expected, 1e-9);
      }
    },
    ["tired", "fresh"],
    FEW,
  );
});

Deno.test("a judge card leaves constraints without a score out and counts them", async () => {
  // the last place is never scored: point 4 at first, point 1 in reverse
  await judgedBy(
    (seen) => seen.place === 3 ? null : met(seen) ? 10 : 4,
    async (run) => {
      const { unscored, reordered } = await again(run);
      assertEquals(unscored, 0.25);
      const { effect, same, ...counts } = reordered!.effects[0]!;
      assertEquals(counts, { judge: "grader", constraints: 2 * FEW, unscored: 2 * FEW });
      assertEquals([effect.value, same], [0, 1]);
    },
    ["grader"],
    FEW,
  );
});

Deno.test("length bias: found in a judge that forgives long answers, not in one that doesn't", async () => {
  const card = async (score: (seen: Seen) => number) => {
    let made: JudgeCard | undefined;
    await judgedBy(
      score,
      async (run) => {
        const truth = Array.from({ length: MORE }, (_, i) =>
          JSON.stringify({
            id: `row-${i}`,
            scores: [1, 2, 3, 4].map((n) => unit(`point ${n} of ${i};`) < 1.1 - 0.2 * n ? 1 : 0),
          })).join("\n");
        await Deno.writeTextFile(join(run, "people.jsonl"), truth);
        made = await cardOfRun(run, builtinRegistry(), { reference: join(run, "people.jsonl") });
      },
      ["grader"],
      MORE,
    );
    return made!;
  };
  const wavers = (seen: Seen) => unit(`wavers ${seen.text}`) < 0.1 ? !met(seen) : met(seen);
  const fair = await card((seen) => wavers(seen) ? 10 : 0);
  assertEquals([fair.agreement!.constraints, fair.lengthBias.n], [4 * MORE, MORE]);
  assert(fair.lengthBias.interval![0] < 0 && fair.lengthBias.interval![1] > 0, `${fair.lengthBias.interval}`);
  const kind = await card((seen) =>
    wavers(seen) || unit(`long ${seen.text}`) < seen.response.length / 20_000 ? 10 : 0
  );
  assert(kind.lengthBias.interval![0] > 0, `${kind.lengthBias.interval}`);
});

Deno.test("a judge that asks no model, or another one by now, isn't asked again", async () => {
  await judgedBy(
    () => 10,
    async (run) => {
      const yaml = join(run, "run.yaml");
      const text = await Deno.readTextFile(yaml);
      await Deno.writeTextFile(yaml, text.replace("name: grader", "name: another"));
      await assertRejects(() => again(run), RangeError, "isn't the one of the verdicts");
    },
    ["grader"],
    FEW,
  );
  await inFolder(async (folder) => {
    await Deno.writeTextFile(
      join(folder, "rows.jsonl"),
      '{"id": "a", "prompt": "p", "constraints": [{"text": "c", "rule": {"id": "punctuation:no_comma"}}, "d"]}',
    );
    await using server = mockServer();
    const { evaluator_llm: _none, ...config } = rowsConfig(folder, server.base);
    await runConfig({ ...config, judge: { type: "rules", args: {}, run_args: {} } });
    await assertRejects(() => again(config.out_dir), RangeError, "asks no model");
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(1));
    const one = rowsConfig(folder, server.base, [`out_dir=${join(folder, "one")}`]);
    await runConfig(one);
    await assertRejects(
      () => again(one.out_dir),
      RangeError,
      `in ${one.out_dir} as no judged answer has two`,
    );
  });
});

Deno.test("a judge that the budget, or a stop, leaves half asked again gives no card", async () => {
  await judgedBy(
    () => 10,
    async (run, asked) => {
      const yaml = join(run, "run.yaml"), before = asked();
      const aborted = { signal: AbortSignal.abort() };
      const stopped = await assertRejects(() => again(run, aborted), Stopped, "there is no card");
      assertEquals([stopped.why, asked()], ["signal", before]);
      const whole = parse(await Deno.readTextFile(yaml));
      whole.evaluator.budget = { requests: 3 };
      await Deno.writeTextFile(yaml, stringify(whole));
      await assertRejects(
        () => again(run),
        RangeError,
        "Cannot ask grader again in another order: the budget of 3 requests is spent; reorder less, or raise",
      );
      assertEquals(asked(), before + 3);
    },
    ["grader"],
    FEW,
  );
});

Deno.test("a judge card made again from kept answers passes over those that fail again, and says how many answers have no verdict", async () => {
  await inFolder(async (folder) => {
    const rows = Array.from(
      { length: 30 },
      (_, i) =>
        JSON.stringify({
          id: `row-${i}`,
          prompt: `Question ${i}`,
          constraints: [`1. a of ${i};`, `2. b of ${i};`],
        }),
    );
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rows.join("\n"));
    await using server = mockServer({
      respond: ({ body }) => {
        const [, first, row] = /^1\. ([ab]) of (\d+);$/m.exec(body.messages.at(-1)!.content) ?? [];
        // the last two rows never, and in reverse order the first four only
        const fails = Number(row) >= 28 || (first === "b" && Number(row) >= 4);
        return fails ? errorResponse(400, "this row isn't taken") : undefined;
      },
    });
    const config = rowsConfig(folder, server.base, ["concurrency=1"]);
    await runConfig(config);
    const first = await again(config.out_dir);
    assertEquals([first.answers, first.unjudged], [28, 2]);
    assertEquals([first.reordered!.answers, first.reordered!.failed], [4, 24]);
    assertStringIncludes(judgeCardText(first), "| answers it hasn't judged | 2, in no number below |");
    const asked = server.log.length;
    assertEquals((await again(config.out_dir)).reordered, first.reordered);
    assertEquals(server.log.length - asked, 24);
  });
});

Deno.test("EffectSums is the slope within answers (by hand)", () => {
  const verdicts = (...scores: (number | null)[]) =>
    scores.map((score) => score === null ? { score, reason: "r" } : { score });
  const sums = new EffectSums("j", 10);
  // moves 1, 0, −1; changes −0.4, 0, 0.2 with mean −1/15: Σ move·change = −0.6, Σ move² = 2
  sums.add(verdicts(10, 5, 3), verdicts(6, 5, 5));
  // moves 1, −1; both changed by 0.5: nothing that the place did
  sums.add(verdicts(0, 5), verdicts(5, 10));
  // moves 1, 0; both changed by 0.5, and the third isn't known: nothing that the place did either; Σ move² = 0.5
  sums.add(verdicts(0, 5, null), verdicts(5, 10, 10));
  // one verdict alone tells nothing
  sums.add(verdicts(10, null), verdicts(10, 10));
  const { effect, same, constraints, unscored } = sums.effect(0);
  assertAlmostEquals(effect.value!, -0.6 / (2 + 2 + 0.5), 1e-12);
  // not the same: 10 → 6 and twice 5 → 10
  assertEquals([effect.n, constraints, unscored, same], [3, 8, 2, 5 / 8]);
});

Deno.test("reversedItem() renumbers where all constraints are numbered, and only there", () => {
  const item = (...texts: string[]) => ({
    id: "i",
    messages: [],
    constraints: texts.map((text) => ({ text, groups: { was: text } })),
    groups: {},
    fields: { query: "q", constraints: texts.join("\n") },
  });
  const { constraints, fields } = reversedItem(item("1. a 1;", "2、b；", "3) c"));
  assertEquals(constraints.map((c) => c.text), ["1) c", "2、b；", "3. a 1;"]);
  assertEquals(constraints.map((c) => c.groups.was), ["3) c", "2、b；", "1. a 1;"]);
  assertEquals(fields, { query: "q" });
  assertEquals(reversedItem(item("1. a", "b")).constraints.map((c) => c.text), ["b", "1. a"]);
});
