/**
 * Steps of the server's test: grammars that take long, and those who don't wait for them.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { until } from "../../../tests/helpers/until.ts";
import { asked, completionLines, loggedSoFar, metricsOf, type ServedClient } from "./_client.ts";

/** Tries of what a machine that stands still in between keeps from being seen. */
const TRIES = 8;

export async function compilesBeside({ client }: ServedClient): Promise<void> {
  const texts = Array.from(
    { length: 40 },
    (_, i) => [`p${i}`, { type: "string", maxLength: 400 + 61 * i }],
  );
  // tenths of a second each until they are texts
  const wide = [4, 5, 6, 7].map((
    most,
  ) => [`w${most}`, { pattern: `^([a-z]{2,5}x?[0-9]{1,3}-){1,${most}}$` }]);
  const held = (schema: Record<string, unknown>) =>
    asked("A thing.", {
      response_format: { type: "json_schema", json_schema: { name: "thing", schema } },
      max_tokens: 1,
    });
  // two at once start both Workers
  const middling = ["a", "b"].map((name) =>
    held({
      type: "object",
      properties: Object.fromEntries(texts.slice(0, 9).map(([p, t]) => [`${name}${p}`, t])),
    })
  );
  await Promise.all(middling.map((request) => client.chat.completions.create(request)));
  const other = {
    ...asked("Go on.", { max_tokens: 300 }),
    ignore_eos: true,
    stream: true as const,
    stream_options: { include_usage: true, continuous_usage_stats: true },
  };
  /** Tokens between the request and its answer, and which answer came first. */
  const seen = async (turn: number) => {
    const slow = held({
      type: "object",
      properties: Object.fromEntries([[`t${turn}`, { type: "null" }], ...texts, ...wide]),
    });
    const small = held({ enum: [`a small one ${turn}`] });
    let tokens = 0, answer: Promise<unknown> | undefined, before = NaN, after = NaN;
    const order: string[] = [];
    for await (const { usage } of await client.chat.completions.create(other)) {
      tokens = usage?.completion_tokens ?? tokens;
      if (tokens < 5 || answer !== undefined) continue;
      before = tokens;
      const slowly = client.chat.completions.create(slow).then(() => {
        after = tokens;
        order.push("slow");
      });
      answer = Promise.all([
        slowly,
        client.chat.completions.create(small).then(() => order.push("small")),
      ]);
    }
    await answer;
    return { order: order.join(), many: after - before > 120, tokens: after - before };
  };
  let turn = 0, { order, many, tokens } = await seen(turn);
  // where this process stood still, both answers were there before it read the first token
  while (++turn < TRIES && !(many && order === "small,slow")) {
    ({ order, many, tokens } = await seen(turn));
  }
  assertEquals(order, "small,slow");
  assert(many, `${tokens} tokens came between the request and its answer`);
}

export async function freesThePlace({ served, client }: ServedClient): Promise<void> {
  const slow = (turn: number) => {
    const texts = Array.from(
      { length: 8 },
      (_, i) => [`${turn}p${i}`, { type: "string", maxLength: 230 + i }],
    );
    const schema = { type: "object", properties: Object.fromEntries(texts) };
    return asked("A thing.", {
      response_format: { type: "json_schema", json_schema: { name: "thing", schema } },
      max_tokens: 2,
    });
  };
  const running = async () => Number(/^dinotune_answers_running (\d+)$/m.exec(await metricsOf(served))?.[1]);
  /** Ends as they are logged; of one that leaves after the other's answer has come, where both have been answered: 200 and 200. */
  const ends = async (turn: number) => {
    const before = await loggedSoFar(served), leaving = new AbortController();
    let over = false;
    const both = [
      client.chat.completions.create(slow(turn)).finally(() => over = true),
      client.chat.completions.create(slow(turn), { signal: leaving.signal }).catch(() => null),
    ];
    await until("two answers under way", async () => await running() >= 2 || over, { said: served.log });
    leaving.abort();
    const [stayed] = await Promise.all(both);
    assertEquals(stayed?.choices[0]?.finish_reason, "length");
    const told = () => completionLines(served).slice(before);
    await until("two lines of the log", () => told().length >= 2, { said: served.log });
    return told().map((line) => line.replace(/ .* /, " ")).join();
  };
  let turn = 0, found = await ends(turn);
  // this process stood still while both were answered
  while (++turn < TRIES && found !== "499 gone,200 length") found = await ends(turn);
  assertEquals(found, "499 gone,200 length", "in the order in which they were logged");
}
