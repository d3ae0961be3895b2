/** device.sh with a `deno` that ends as it is told and a clock that only what lasts moves, and the table of figures made up here. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { deviceTable } from "./device_table.ts";
import { writeRandomModel } from "../random_model.ts";
import { openModel } from "../../../formats/hf_model/mod.ts";
import { UNIX } from "../../../tests/helpers/system.ts";

const SCRIPT = new URL("../device.sh", import.meta.url).pathname;

/** Ends with CODE_WORD of the first of these words among its arguments; `slow` lasts, or says so by 99 where the clock isn't the machine's. */
const DENO = [
  "#!/bin/sh",
  "for word in doctor contract_test shaders_test generate device_table; do",
  '  case " $* " in *"$word"*) ;; *) continue ;; esac',
  '  code=$(printenv "CODE_$word" || echo 0)',
  '  if [ "$code" = slow ]; then [ -n "$CLOCK" ] && exit 99; exec sleep 60; fi',
  '  echo "$word"; exit "$code"',
  "done",
  "echo other",
].join("\n");

/** In place of the program: notes the limit, and what lasts takes all of it by a clock in a file. */
const TIMEOUT = [
  "#!/bin/sh",
  "shift 2; most=$1; shift",
  'echo "$most" >>"$LIMITS"',
  '"$@"; code=$?',
  '[ "$code" = 99 ] || exit "$code"',
  'echo $(($(cat "$CLOCK") + most)) >"$CLOCK"; exit 124',
].join("\n");
/** What bash reads first: its seconds are those of the file. */
const SECONDS = `unset SECONDS; SECONDS=0; set -T; trap 'read -r SECONDS <"$CLOCK"' DEBUG`;

async function run(
  environment: Record<string, string>,
  folder = temporaryFolder(),
): Promise<{ code: number; codes: string[]; folder: string }> {
  await Deno.writeTextFile(join(folder, "deno"), DENO, { mode: 0o755 });
  const out = join(folder, "out"), clock = join(folder, "clock"), seconds = join(folder, "seconds.sh");
  const ownTime: Record<string, string> = environment["CLOCK"] === ""
    ? {}
    : { CLOCK: clock, LIMITS: join(folder, "limits"), BASH_ENV: seconds };
  if (environment["CLOCK"] !== "") {
    await Deno.writeTextFile(join(folder, "timeout"), TIMEOUT, { mode: 0o755 });
    await Deno.writeTextFile(clock, "0\n");
    await Deno.writeTextFile(seconds, SECONDS);
  }
  const { code } = await new Deno.Command("bash", {
    args: [SCRIPT, out],
    env: {
      PATH: `${folder}:${Deno.env.get("PATH")}`,
      MODEL: "m",
      AGAINST: "",
      LARGE: "",
      ...ownTime,
      ...environment,
    },
    stdout: "null",
    stderr: "null",
  }).output();
  const codes = (await Deno.readTextFile(join(out, "codes.txt"))).trim().split("\n");
  return { code, codes: codes.map((line) => line.replace(/ \d+$/, "")), folder };
}

Deno.test({
  name: `device.sh ends with 1 exactly when a part failed, and says which parts weren't begun${UNIX.why}`,
  ignore: UNIX.ignore,
  async fn() {
    const all = await run({});
    assertEquals(all.code, 0, all.codes.join());
    assertEquals(all.codes.slice(0, 3), ["doctor 0", "exit_codes 0", "contract 0"]);
    assertEquals(all.codes.filter((line) => line.includes("left out")), [
      ...["train", "load", "kernels", "generate"].map((name) => `${name}_before left out: AGAINST isn't set`),
      "large left out: LARGE isn't set",
      "large_cuda_host_bf16 left out: LARGE isn't set",
      "large_cuda_device_bf16 left out: LARGE isn't set",
    ]);
    const names = all.codes.map((line) => line.split(" ")[0] ?? "");
    const listed =
      "exit_codes contract goldens train kernels generate cuda_host_bf16 cuda_device_bf16 large shapes shaders";
    assertEquals(
      names.filter((name) => listed.split(" ").includes(name)).join(" "),
      listed,
      "the issue's order",
    );
    // All that goals need, the other version's too, fits into ten minutes, so nothing of it is left out for want of time.
    const script = await Deno.readTextFile(SCRIPT), [, list = ""] = /^SURE=\((.*?)\)/ms.exec(script) ?? [];
    const sure = [...list.matchAll(/(\w+)=(\d+)/g)].map(([, name, seconds]) =>
      [name, Number(seconds)] as const
    );
    const first = names.slice(0, names.indexOf("large_cuda_device_bf16") + 1);
    assertEquals(sure.map(([name]) => name).filter((name) => name !== "model"), first);
    assertEquals(sure.reduce((sum, [, seconds]) => sum + seconds, 0), 570);
    assertEquals((await Deno.readTextFile(join(all.folder, "out", "table.md"))).trim(), "device_table");
    // A part that fails, and one that lasts too long, don't keep the others from running.
    const failed = await run({
      CODE_doctor: "3",
      CODE_generate: "slow",
      PART_SECONDS: "4",
      PARTS: "doctor generate shaders",
    });
    assertEquals([failed.code, failed.codes.filter((line) => !line.includes("left out"))], [
      1,
      ["doctor 3", "generate 124", "shaders 0"],
    ]);
    // A part has its own seconds and those that others left, and takes none of a later one's, which are 30 of generate's.
    const folder = temporaryFolder(), limits = join(folder, "limits");
    await run({ ALL_SECONDS: "100", PARTS: "doctor generate shaders" }, folder);
    await run({ ALL_SECONDS: "34", PARTS: "doctor generate" }, folder);
    assertEquals((await Deno.readTextFile(limits)).trim(), [70, 100, 100, 10, 34].join("\n"));
    const late = await run({ ALL_SECONDS: "1", PARTS: "doctor shaders" });
    assertEquals([late.code, late.codes.slice(0, 1)], [0, ["doctor left out: the time is up"]]);
    // by the machine's clock and its program
    const cut = await run({ CLOCK: "", CODE_generate: "slow", PART_SECONDS: "1", PARTS: "generate" });
    assertEquals([cut.code, cut.codes], [1, ["generate 124"]]);
  },
});

Deno.test({
  name:
    `device.sh goes on where a call before ended, in the same folder and with the same settings only${UNIX.why}`,
  ignore: UNIX.ignore,
  async fn() {
    const ran = (codes: readonly string[]) => codes.filter((line) => !line.includes("left out"));
    const PARTS = "doctor contract generate shapes shaders", short = { PARTS, PART_SECONDS: "3" };
    // The slow part takes the call's time, so that the next one isn't begun and nor is what comes behind it.
    const first = await run({ ...short, CODE_generate: "slow", CALL_SECONDS: "5" });
    assertEquals([first.code, first.codes], [1, [
      "doctor 0",
      "contract 0",
      "generate 124",
      ...["shapes", "shaders"].map((name) => `${name} left out: it is the next call's, GO_ON=1`),
    ]]);
    const figures = join(first.folder, "out", "11_generate.json");
    const before = await Deno.stat(figures);
    const second = await run({ GO_ON: "1", PART_SECONDS: "3", CODE_doctor: "3" }, first.folder);
    assertEquals(second.code, 1, "a part of the call before failed");
    const again = ran(second.codes);
    assertEquals(again.slice(0, 3), ["doctor 0", "contract 0", "generate 124"], "none of them ran again");
    assertEquals((await Deno.stat(figures)).mtime, before.mtime);
    assertEquals(again.includes("shapes 0") && again.includes("exit_codes 0"), true, again.join());
    assertEquals(second.codes.filter((line) => line.includes("next call")), []);
    // A part that is named runs again, and then nothing has failed.
    const named = await run({ GO_ON: "1", PARTS: "generate" }, first.folder);
    assertEquals([named.code, named.codes.filter((line) => line.startsWith("generate "))], [0, [
      "generate 0",
    ]]);
    const other = await run({ GO_ON: "1", KERNELS: "--rows 8" }, first.folder);
    assertEquals([other.code, other.codes.length], [2, named.codes.length]);
    const whole = await run({ PARTS: "doctor" }, first.folder);
    assertEquals(whole.codes, ["doctor 0"], "without GO_ON nothing of a call before stays");
  },
});

Deno.test("deviceTable() puts ratios beside their goals, and parts that failed or didn't run beside their reasons", async () => {
  const folder = temporaryFolder();
  const write = (name: string, value: unknown) =>
    Deno.writeTextFile(
      join(folder, name),
      typeof value === "string" ? value : JSON.stringify(value, null, 2),
    );
  const steps = (seconds: number, more = {}) => ({
    runs: [{ seconds, reference: 0.2, firstStep: 9, ...more }],
  });
  await write(
    "codes.txt",
    [
      "doctor 0 3",
      "train 0 40",
      "train_before 0 50",
      "kernels 0 9",
      "kernels_before 0 9",
      "load 0 5",
      "load_before 1 5",
      "generate 124 60",
      "cuda_host_bf16 0 30",
      "large 0 60",
      "large_cuda_host_bf16 0 60",
      "large_cuda_device_bf16 left out: the time is up",
      "shapes left out: the time is up",
    ].join("\n"),
  );
  await write("06_train.json", steps(0.3, { ready: 4 }));
  await write("06_train.gpu", "500\n6500\n800\n");
  await write("07_train_before.json", steps(1));
  const kernels = (milliseconds: number) => ({
    peaks: [{ description: "Some GPU" }],
    timings: [{ kernel: "attention_grad", milliseconds }],
  });
  await write("10_kernels.json", kernels(2));
  await write("11_kernels_before.json", kernels(9));
  await write("08_load.json", '{"step":1}\n{"summary":true,"seconds_to_model_ready":2.5}\n');
  await write("16_cuda_host_bf16.json", steps(1, { ready: 1 }));
  await write("18_large.json", steps(3.8));
  await write("19_large_cuda_host_bf16.json", steps(0.8));
  const lines = deviceTable(folder).split("\n").map((line) =>
    line.replace(/ +/g, " ").replaceAll("\\_", "_")
  );
  for (
    const row of [
      "## Some GPU",
      "| step with reference | 0.500 s | 1.20 s | 0.42 | ≤ 0.5 | met |",
      "| attention_grad | 2.00 ms | 9.00 ms | 4.50 | ≥ 4 | met |",
      // Of what isn't there, the part that is the reason.
      "| process start to loaded model | 2.50 s | | | ≥ 4 | no ratio: load_before failed (1) |",
      "| decode, one stream | | | | ≥ 3 | no figure: generate was cut after 60 s |",
      "| attention | | | | ≥ 3 | no figure: kernels passed without saying it |",
      "| large model: cuda_device_bf16 beside webgpu's step | | 4.00 s | | ≥ 3 | no figure: large_cuda_device_bf16 was left out: the time is up |",
      "| first step after loading, cuda_device_bf16 | | | | ≤ 3 | no figure: cuda_device_bf16 wasn't asked for |",
      "| first step after loading, cuda_host_bf16 | 8.00 s | | | ≤ 3 | missed |",
      "| large model: cuda_host_bf16 beside webgpu's step | 1.00 s | 4.00 s | 4.00 | ≥ 3 | met |",
      "| train | passed | 40 | 6000 |",
      "| load_before | failed (1) | 5 | |",
      "| shapes | left out: the time is up | | |",
      "| generate | cut after 60 s | 60 | |",
    ]
  ) assertStringIncludes(lines.join("\n"), row);
});

Deno.test("deviceTable() has a row for each goal of docs/performance_webgpu.md when no part ran", async () => {
  const folder = temporaryFolder();
  await Deno.writeTextFile(join(folder, "codes.txt"), "");
  const rows = deviceTable(folder).split("\n").filter((line) => /[≤≥]/.test(line)).map((line) =>
    line.split("|").map((cell) => cell.trim().replaceAll("\\_", "_"))
  );
  const goal = (name: string) => rows.filter((cells) => cells[1]?.startsWith(name)).map((cells) => cells[5]);
  const page = await Deno.readTextFile(new URL("../../../docs/performance_webgpu.md", import.meta.url));
  const [, table = ""] = page.split("| goal on a card | |\n| --- | --- |\n");
  const stated = table.slice(0, table.indexOf("\n\n")).split("\n").map((line) => line.split("|")[2]?.trim());
  assertEquals([
    goal("step with reference")[0],
    [...goal("attention_grad"), ...goal("attention").slice(1)].join(", "),
    goal("decode, one stream")[0],
    goal("process start")[0],
    goal("large model: cuda_host_bf16")[0],
    `${goal("first step after loading, cuda_host_bf16")[0]} s`,
  ], stated);
  for (const cells of rows) assertStringIncludes(cells[6] ?? "", "no figure: ");
});

Deno.test("a made-up model opens, with finite weights of its shape", async () => {
  const folder = temporaryFolder();
  writeRandomModel(folder, "tiny");
  const { weights } = await openModel(folder), name = "model.layers.1.mlp.down_proj.weight";
  assertEquals(weights.shape(name), [64, 160]);
  const values = weights.read(name);
  assertEquals(values.every((value) => Math.abs(value) <= 0.03 && value !== 0), true);
  assertEquals(new Set(values).size > 1000, true);
  assertEquals(weights.read("model.norm.weight").every((value) => value === 1), true);
  weights.close();
});
