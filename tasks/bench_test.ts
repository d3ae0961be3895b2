import { assertEquals, assertRejects } from "@std/assert";

import { bench } from "./bench.ts";

Deno.test("bench() names a misspelt bench, flag or value, and what is needed", async () => {
  const cases: [string, string][] = [
    [
      "trian",
      'Cannot bench "trian" - did you mean "train"?: benches are train, data, kernels, generate, eval',
    ],
    ["train --modle x", "Cannot use the unknown flag --modle - did you mean"],
    ["train", "Cannot bench as --model is needed"],
    [
      "train --model m --stage iop",
      'Cannot use --stage "iop" - did you mean "iopo"?: known are iopo, dpo, sft',
    ],
    ["train --model m --steps 0", 'Cannot read --steps as a whole number > 0: current value is "0"'],
    ["train --model m --dtypes float32,float8", 'Cannot use --dtypes "float8"'],
    ["train --model m --compile", "Cannot use --compile with --trainer local"],
    ["train model=m", "Cannot use model=m as benches take flags"],
    [
      "generate --model m --streams two",
      'Cannot read --streams as a whole number > 0: current value is "two"',
    ],
    ["kernels --prompt 3", "Cannot use the unknown flag --prompt"],
    ["data x", "Cannot take"],
  ];
  for (const [line, message] of cases) {
    await assertRejects(() => bench(line.split(" ")), RangeError, message);
  }
});

/** Output of `bench`. */
async function printed(...args: string[]): Promise<string> {
  const lines: string[] = [], log = console.log;
  console.log = (text: string) => lines.push(text);
  try {
    assertEquals(await bench(args), 0);
  } finally {
    console.log = log;
  }
  return lines.join("\n");
}

Deno.test("bench --help leads to each bench's own flags", async () => {
  const examples = (await printed("--help")).matchAll(/^ {2}deno task bench (\w+)/gm);
  const names = [...examples].map(([, name = ""]) => name);
  assertEquals(names.slice(0, 5), ["train", "data", "kernels", "generate", "eval"]);
  for (const name of names) {
    const text = await printed(name, "--help");
    assertEquals(/For example: deno task bench \w+[\s\S]*--json/.test(text), true, text);
  }
});
