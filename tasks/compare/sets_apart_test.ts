import { assertEquals } from "@std/assert";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { writeCurves } from "./curves.ts";
import { resultTable, trainingFiles } from "./table.ts";
import { setsApart, type Training } from "./training.ts";

Deno.test("tables and pictures have the losses of each set where sets are evaluated each by itself, of every training", async () => {
  const training = (name: string, more: Partial<Training>) =>
    ({
      name,
      directory: name,
      config: { eval_on_each_dataset: true, eval_dataset: ["a", "b/c.json"] },
      finished: true,
      steps: 2,
      totalSteps: 2,
      history: [],
      evaluationAtEnd: {},
      tokens: null,
      seconds: null,
      tokensPerSecond: null,
      memory: null,
      ...more,
    }) as unknown as Training;
  const trainings = [
    training("one", {
      history: [{ step: 1, eval_a_loss: 1.25 }, { step: 2, eval_a_loss: 1.5, "eval_b/c.json_loss": 2 }],
    }),
    // an evaluation of what was kept at the end, which is no entry of the log
    training("two", { evaluationAtEnd: { eval_a_loss: 0.5 } }),
  ];
  const { columns, rows } = resultTable(trainings);
  const of = (title: string) => rows.map((row) => row[columns.findIndex((column) => column.title === title)]);
  assertEquals(of("eval a loss"), ["1.5000", "0.5000"]);
  assertEquals(of("lowest eval a loss"), ["1.2500", "0.5000"]);
  assertEquals(of("eval b/c.json loss"), ["2.0000", "–"]);
  const numbers = trainingFiles(trainings).numbers;
  assertEquals(numbers.rows[1]?.[numbers.columns.findIndex(({ title }) => title === "eval_a_loss")], "0.5");
  const folder = temporaryFolder();
  const names = await writeCurves(folder, "curves", trainings, setsApart(trainings));
  assertEquals(names.filter((name) => name.endsWith(".svg")), [
    "curves_eval_a_loss.svg",
    "curves_eval_b_c.json_loss.svg",
  ]);
});
