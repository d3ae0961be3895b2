import { assertEquals } from "@std/assert";

import { sayEnd } from "./end.ts";

Deno.test("the curve at a run's end is as wide as the terminal, and no wider than 80 columns", () => {
  const history = Array.from({ length: 300 }, (_, i) => ({ step: i + 1, loss: 1 - i / 300 }));
  const widest = (width: number) => {
    let text = "";
    sayEnd(
      {
        config: { output_dir: "saves/x", finetuning_type: "lora" },
        baseModel: "a/b",
        isBundled: false,
        result: { finished: true, files: [], metrics: {} },
        history,
        files: [],
      },
      (line) => void (text += line),
      width,
    );
    // the axis and the curve; the title is words, which a terminal may break
    return Math.max(...text.split("\n").filter((line) => /[┤┼]/.test(line)).map((line) => line.length));
  };
  // by hand: 10 characters of a mark, a blank, the axis, and a column less than the 14 that are left to them
  assertEquals([40, 80, 200].map(widest), [38, 78, 78]);
});
