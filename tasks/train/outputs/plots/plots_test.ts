import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { goldenJson } from "../../../../tests/helpers/fake_reports.ts";
import { isCovered } from "./fonts.ts";
import { plotSpec, plotSvg, svgToPng, writePlots } from "./plots.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";

const history = goldenJson("dpo_trainer_state.json").log_history as Record<string, number>[];
const plot = { title: "Training loss", subtitle: "a run", axis: "loss" };

Deno.test("writePlots() draws what the log has values for, as SVG and PNG", async () => {
  const directory = temporaryFolder();
  const names = ["loss", "eval_loss", "rewards_accuracies", "rewards_margins"];
  assertEquals(
    await writePlots(directory, history, "out_dpo"),
    names.flatMap((name) => [`training_${name}.svg`, `training_${name}.png`]),
  );
  const svg = Deno.readTextFileSync(join(directory, "training_loss.svg"));
  for (const text of ["Training loss", "out_dpo", "step", "loss", "smoothed"]) {
    assertStringIncludes(svg, `>${text}<`);
  }
  const png = Deno.readFileSync(join(directory, "training_loss.png"));
  assertEquals(Array.from(png.subarray(0, 8)), [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const sft = goldenJson("sft_trainer_state.json").log_history;
  assertEquals((await writePlots(temporaryFolder(), sft, "out_sft")).length, 4);
  assertEquals(await writePlots(temporaryFolder(), [], "nothing"), []);
});

Deno.test("a picture's curves are the values and LLaMA-Factory's smoothing of them", () => {
  const { smooth } = goldenJson("smooth.json") as { smooth: { in: number[]; out: number[] }[] };
  const { in: values, out } = smooth.find(({ in: input }) => input.length > 4)!;
  const spec = plotSpec({ ...plot, values: values.map((value, i) => ({ step: i + 1, value })) });
  const rows = (spec.data as { values: { step: number; value: number; series: string }[] }).values;
  assertEquals(rows.filter(({ series }) => series === "as logged").map(({ value }) => value), values);
  const curve = rows.filter(({ series }) => series === "smoothed");
  curve.forEach(({ value, step }, i) => {
    assertAlmostEquals(value, out[i]!, 1e-12);
    assertEquals(step, i + 1);
  });
  assertEquals(curve.length, out.length);
});

Deno.test("labels are drawn in a PNG without any font of the system", async () => {
  const svg = await plotSvg({ ...plot, values: [{ step: 1, value: 2 }, { step: 2, value: 1 }] });
  const bare = svg.replace(/<text[\s\S]*?<\/text>/g, "");
  assertEquals(bare.includes("<text"), false);
  const [withText, without] = [await svgToPng(svg), await svgToPng(bare)];
  // Without a font resvg draws no text and says nothing: both would be the same.
  assertNotEquals(withText, without);
  assert(withText.length > without.length + 2000);
});

Deno.test("one value, equal values and a name in another script can be drawn", async () => {
  const single = await plotSvg({ ...plot, values: [{ step: 40, value: 0.5 }] });
  const equal = await plotSvg({
    ...plot,
    values: [1, 2, 3, 4, 5].map((step) => ({ step, value: 0 })),
    level: 0,
  });
  for (const svg of [single, equal]) assertEquals(/NaN|undefined|Infinity/.test(svg), false);
  const named = await plotSvg({ ...plot, subtitle: "模型 <a & b>", values: [{ step: 1, value: 1 }] });
  assertStringIncludes(named, "模型 &lt;a &amp; b&gt;");
  assert((await svgToPng(named)).length > 1000);
  assertEquals([isCovered("Größe 1.5 – −2"), isCovered("模型")], [true, false]);
});
