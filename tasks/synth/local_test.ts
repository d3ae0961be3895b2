import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import { builtinRegistry } from "../../plugins/builtins.ts";
import { judgeByRules } from "../../plugins/judges/rules.ts";
import type { Constraint } from "../../plugins/kinds/judgement.ts";
import { inFolder } from "../../tests/helpers/evaluation_run.ts";
import { repetitions } from "../../tests/helpers/repetitions.ts";
import { readSynthConfig } from "./config.ts";
import { synthesize } from "./run.ts";

interface Row {
  x1: string;
  x2: string;
  y1: string;
  y2: string;
  worse: string;
  operation: string;
  constraints: Constraint[];
  constraints2: Constraint[];
}

/** Quadruples that are made. */
const ROWS = repetitions(50, 8);

const EXAMPLE = fileURLToPath(new URL("../../examples/synth/default.yaml", import.meta.url));

Deno.test(`the example makes ${ROWS} quadruples with the bundled model, and the rules prove each of them`, async () => {
  await inFolder(async (folder) => {
    const { config } = readSynthConfig(EXAMPLE, [
      `out_dir=${folder}`,
      "cache=false",
      "generator.run_args.max_tokens=24",
      "generator.args.threads=1",
      "counts={1: 1, 2: 1}",
      "attempts=20",
      `rows=${ROWS}`,
    ]);
    const { results } = await synthesize(config, builtinRegistry());
    assertEquals([results.rows.made, results.complete, results.by_rules], [ROWS, true, 1]);
    const rows = (await Deno.readTextFile(join(folder, "dataset", "records.jsonl"))).trimEnd().split("\n")
      .map((line) => JSON.parse(line) as Row);
    assertEquals(rows.length, ROWS);
    // y2 would break x1 too, but then DPO's pairs are IOPO's
    const lent = rows.filter(({ worse, y2 }) => worse === y2).length;
    assert(lent < 0.3 * ROWS, `${lent} worse answers are y2`);
    assertEquals(Object.values(results.worse).reduce((sum, count) => sum + count, 0), ROWS);
    // by the rules themselves, with nothing of what made the rows between
    const score = (constraints: Constraint[], response: string) =>
      judgeByRules({ constraints, response }).overall.score;
    for (const row of rows) {
      const { constraints: c1, constraints2: c2, y1, y2, worse } = row;
      assertEquals([score(c1, y1), score(c2, y2), score(c2, y1), score(c1, y2), score(c1, worse)], [
        1,
        1,
        0,
        0,
        0,
      ], row.x1);
      assert(
        c1.every(({ text }) => row.x1.includes(`\n- ${text}`)) &&
          c2.every(({ text }) => row.x2.includes(`\n- ${text}`)),
      );
      const more = c2.length - c1.length;
      assertEquals(Math.sign(more), { add: 1, remove: -1, revise: 0 }[row.operation]);
    }
    assertEquals(new Set(rows.map(({ x1 }) => x1)).size, ROWS);
    const iopo = (await Deno.readTextFile(join(folder, "dataset", "tiny_iopo.jsonl"))).trimEnd().split("\n");
    assertEquals(JSON.parse(iopo[0] ?? ""), {
      conversations: [{ from: "human", value: rows[0]?.x1 }, { from: "human", value: rows[0]?.x2 }],
      chosen: { from: "gpt", value: rows[0]?.y1 },
      rejected: { from: "gpt", value: rows[0]?.y2 },
    });
  });
});
