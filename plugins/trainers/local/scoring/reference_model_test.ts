/** Runs whose reference is a model of its own: where its numbers come from, are kept, and aren't taken. */
import { join } from "@std/path";

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";

import { testBackends } from "../../../../kernels/testing/backends.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";
import { silentProgress } from "../../../../tasks/train/outputs/mod.ts";
import { train } from "../../../../tasks/train.ts";
import { listCheckpoints } from "../checkpoints/checkpoint_directory.ts";

const golden = new URL("../../../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
const MODEL = `${golden}model`, ADAPTER = `${golden}adapter`;
/** The reference of these runs: the model with an adapter, where a fresh one is trained upon the model. */
const REF = [`ref_model=${MODEL}`, `ref_model_adapters=${ADAPTER}`];
const GOING_ON = ["overwrite_output_dir=false", "resume_from_checkpoint=true"];
const PASS = "reference log-probabilities";

type Sums = Record<string, Record<string, number>>;

/** Trains to the end, or until a step is logged or a phase shows itself; gives what was said and the phases there were. */
async function run(
  folder: string,
  keys: readonly string[],
  until: number | string = Infinity,
): Promise<{ said: string; phases: string[] }> {
  const controller = new AbortController(), said: string[] = [], phases: string[] = [];
  const places = [`model_name_or_path=${MODEL}`, `dataset_dir=${golden}data`, `output_dir=${folder}`];
  const all = [
    ...places,
    "adapter_name_or_path=[]",
    "plot_loss=false",
    "max_steps=4",
    "save_steps=2",
    "eval_steps=2",
  ];
  await train(join(golden, "runs/dpo_fixed/config.yaml"), [...all, ...keys], {
    signal: controller.signal,
    say: (line) => said.push(line),
    progress: {
      ...silentProgress(),
      log: ({ entry }) => entry.step === until && controller.abort(),
      phase: (name) => {
        phases.push(name);
        if (name === until) controller.abort();
      },
    },
  });
  return { said: said.join("\n"), phases };
}

function read<T>(folder: string, name: string): T {
  return JSON.parse(Deno.readTextFileSync(join(folder, name)));
}

const history = (folder: string) =>
  read<{ log_history: Record<string, number>[] }>(folder, "trainer_state.json").log_history;
const adapterOf = (folder: string) => Deno.readFileSync(join(folder, "adapter_model.safetensors"));
const sumsOf = (folder: string): Sums =>
  read(listCheckpoints(folder).at(-1)?.path ?? "", "reference_logps.json");

/** A copy of a model that counts as another one, with more in its config.json: it has a pass of its own. */
function anotherModel(of = MODEL, more: Record<string, unknown> = { note: "another" }): string {
  const folder = join(temporaryFolder(), "ref");
  Deno.mkdirSync(folder);
  for (const { name } of Deno.readDirSync(of)) Deno.copyFileSync(join(of, name), join(folder, name));
  const config = read<Record<string, unknown>>(folder, "config.json");
  Deno.writeTextFileSync(join(folder, "config.json"), JSON.stringify({ ...config, ...more }));
  return folder;
}

function assertNear(found: Sums, expected: Sums, limit: number): void {
  for (const [row, sums] of Object.entries(found)) {
    for (const [name, sum] of Object.entries(sums)) {
      assertAlmostEquals(sum, expected[row]?.[name] ?? NaN, limit, `${row} ${name}`);
    }
  }
}

const straight = join(temporaryFolder(), "straight");

Deno.test("a run with ref_model names it in run.yaml and card, and continues to the same bytes without its pass", async () => {
  const { phases } = await run(straight, REF);
  assert(phases.includes(PASS));
  const { loss } = history(straight)[0]!;
  assert(Math.abs(loss! - Math.LN2) > 0.01, `${loss}`); // a fresh adapter isn't its own reference
  const yaml = Deno.readTextFileSync(join(straight, "run.yaml")),
    card = Deno.readTextFileSync(join(straight, "README.md"));
  assertMatch(yaml, /^ref_model: .*model$/m);
  assertMatch(yaml, /^ {2}reference: [0-9a-f]{64}$/m);
  assertStringIncludes(
    card,
    `with stage \`dpo\` against the reference model \`${MODEL}\` with \`${ADAPTER}\` merged in.`,
  );
  assertStringIncludes(card, `- ref_model_adapters: ${ADAPTER}`);

  const stopped = join(temporaryFolder(), "out");
  await run(stopped, REF, 2);
  const again = await run(stopped, [...REF, ...GOING_ON]);
  assert(!again.phases.includes(PASS));
  assertEquals(adapterOf(stopped), adapterOf(straight));
});

Deno.test("a run stopped within the reference model's pass keeps what there is, and ends with the same bytes", async () => {
  const stopped = join(temporaryFolder(), "out"), packs = "micro_batch_tokens=512";
  await run(stopped, [...REF, packs], PASS);
  const kept = Object.keys(sumsOf(stopped)).length;
  const whole = join(temporaryFolder(), "whole");
  await run(whole, [...REF, packs]);
  assert(kept > 0 && kept < Object.keys(sumsOf(whole)).length, `${kept}`);
  await run(stopped, [...REF, packs, ...GOING_ON]);
  assertEquals(adapterOf(stopped), adapterOf(whole));
});

Deno.test("rows that a run of few steps doesn't meet get no reference, those of its evaluation do", async () => {
  const folder = join(temporaryFolder(), "out");
  await run(folder, [...REF, "max_steps=1", "save_steps=1"]);
  const rows = Object.keys(sumsOf(folder));
  assertEquals([rows.filter((row) => row.startsWith("train")).length, rows.length], [4, 10]);
});

Deno.test("another reference is refused on resume; with allow_changes all its rows are made anew", async () => {
  const folder = join(temporaryFolder(), "out"), fresh = join(temporaryFolder(), "fresh");
  await run(folder, REF, 2);
  const before = sumsOf(folder);
  const other = [`ref_model=${anotherModel()}`];
  const refused = await assertRejects(() => run(folder, [...other, ...GOING_ON]), RangeError);
  assertMatch(
    refused.message,
    /ref_model_adapters: \[".*adapter"\] → \[\]\n {2}reference model: [0-9a-f]{12} → [0-9a-f]{12}\n/,
  );
  await run(folder, [...other, ...GOING_ON, "allow_changes=true"]);
  await run(fresh, other);
  const found = sumsOf(folder), expected = sumsOf(fresh);
  assertNear(found, expected, 1e-3);
  assert(Object.keys(found).some((row) => Math.abs(found[row]!.chosen! - before[row]!.chosen!) > 0.1));
});

Deno.test("a reference whose files were changed is told, too: they are what counts, whatever its name is", async () => {
  const folder = join(temporaryFolder(), "out"), copy = anotherModel();
  await run(folder, [`ref_model=${copy}`], 2);
  const config = read<Record<string, unknown>>(copy, "config.json");
  Deno.writeTextFileSync(join(copy, "config.json"), JSON.stringify({ ...config, rope_theta: 500 }));
  await assertRejects(() => run(folder, [`ref_model=${copy}`, ...GOING_ON]), RangeError, "reference model: ");
});

Deno.test("the base as ref_model, in few bits as well, gives the sums of adapters switched off", async () => {
  for (const bits of [[], [4]] as const) {
    const [own, given] = ["own", "given"].map((name) => join(temporaryFolder(), name)) as [string, string];
    // B isn't zero, so that the policy's own bits are no reference
    const start = [`adapter_name_or_path=${ADAPTER}`, "max_steps=2", "backend=onnx"];
    await run(own, [...start, ...bits.map((bit) => `quantization_bit=${bit}`)]);
    await run(given, [
      ...start,
      `ref_model=${anotherModel()}`,
      ...bits.map((bit) => `ref_model_quantization_bit=${bit}`),
    ]);
    assertNear(sumsOf(own), sumsOf(given), 1e-4);
    assertEquals(Object.keys(sumsOf(own)).sort(), Object.keys(sumsOf(given)).sort());
  }
});

Deno.test("the model itself as ref_model is the adapter switched off: no pass, the same bytes, and the key is kept", async () => {
  const [own, given, resumed] = ["own", "given", "resumed"].map((name) => join(temporaryFolder(), name)) as [
    string,
    string,
    string,
  ];
  const key = `ref_model=${MODEL}`;
  await run(own, []);
  const { said, phases } = await run(given, [key]);
  assert(!phases.includes(PASS));
  assertStringIncludes(said, `note: ref_model: ${MODEL} is the model that is trained, so its adapter is`);
  assertEquals([adapterOf(given), sumsOf(given)], [adapterOf(own), sumsOf(own)]);
  assertEquals(history(given).map(({ loss }) => loss), history(own).map(({ loss }) => loss));
  assertMatch(Deno.readTextFileSync(join(given, "run.yaml")), /^ref_model: .*model$/m);
  assertStringIncludes(Deno.readTextFileSync(join(given, "README.md")), `reference model \`${MODEL}\``);

  await run(resumed, [key], 2);
  await run(resumed, [key, ...GOING_ON]);
  assertEquals(adapterOf(resumed), adapterOf(own));
});

Deno.test("IOPO with its base as ref_model has the sums and losses of adapters switched off", async () => {
  const [own, given] = ["own", "given"].map((name) => join(temporaryFolder(), name)) as [string, string];
  const yaml = new URL("../../../../examples/default_iopo.yaml", import.meta.url).pathname;
  const base = anotherModel(new URL("../../../../fixtures/constraints/model", import.meta.url).pathname);
  for (const [folder, keys] of [[own, []], [given, [`ref_model=${base}`]]] as const) {
    const steps = [
      "max_steps=3",
      "save_steps=3",
      "logging_steps=1",
      "gradient_accumulation_steps=1",
      "max_samples=12",
    ];
    await train(yaml, [
      `output_dir=${folder}`,
      "plot_loss=false",
      "do_eval=false",
      "eval_strategy=no",
      ...steps,
      ...keys,
    ], {
      say: () => {},
      progress: silentProgress(),
    });
  }
  assertNear(sumsOf(own), sumsOf(given), 1e-4);
  const [losses, expected] = [given, own].map((folder) => history(folder).flatMap(({ loss }) => loss ?? []));
  assertEquals(losses!.length, 3);
  losses!.forEach((loss, i) => assertAlmostEquals(loss, expected![i]!, 1e-5));
});

Deno.test("an adapter beside a reference in few bits stays as it is: the policy's sums with that adapter, before its first step", async () => {
  const folder = join(temporaryFolder(), "out");
  const bits = ["quantization_bit=4", "ref_model_quantization_bit=4", "backend=onnx"];
  await run(folder, [
    ...REF,
    ...bits,
    `adapter_name_or_path=${ADAPTER}`,
    "max_steps=1",
    "eval_on_start=true",
  ]);
  // policy = reference
  const [start, first] = history(folder);
  assertAlmostEquals(start!.eval_loss!, Math.LN2, 1e-5);
  assertAlmostEquals(first!.loss!, Math.LN2, 1e-4);
});

Deno.test("PiSSA begins as the model that ref_model names, so its first loss is ln 2", async () => {
  const folder = join(temporaryFolder(), "out");
  await run(folder, [
    `ref_model=${MODEL}`,
    "pissa_init=true",
    "pissa_convert=true",
    "max_steps=1",
    "eval_on_start=true",
  ]);
  assertAlmostEquals(history(folder)[0]!.eval_loss!, Math.LN2, 1e-4);
});

Deno.test("a loss without a reference says that ref_model isn't used, and opens nothing", async () => {
  const folder = join(temporaryFolder(), "out");
  const note = "ref_model, ref_model_adapters: not used, as pref_loss: simpo has no reference";
  const { said } = await run(folder, [
    "pref_loss=simpo",
    "max_steps=1",
    "ref_model=/no/such",
    "ref_model_adapters=a",
  ]);
  assertStringIncludes(said, `note: ${note}`);
  assert(!Deno.readTextFileSync(join(folder, "README.md")).includes("/no/such"));
});

Deno.test("a reference that isn't there, of other tokens, or whose adapter doesn't fit is refused where its key stands", async () => {
  const folder = join(temporaryFolder(), "out"),
    bundled = new URL("../../../../fixtures/constraints/model", import.meta.url).pathname;
  const fixed = Deno.readTextFileSync(join(golden, "runs/dpo_fixed/config.yaml"));
  const file = join(temporaryFolder(), "t.yaml"), lines = fixed.trimEnd().split("\n").length;
  for (
    const [text, place, fault] of [
      ["ref_model: ./gone", `${file}:${lines + 1}:1: `, "gone"],
      [
        `ref_model: ${bundled}`,
        `${file}:${lines + 1}:1: `,
        "as it needs the tokens of model_name_or_path: current value of token ",
      ],
      [`ref_model: ${MODEL}\nref_model_adapters: ./gone`, `${file}:${lines + 2}:1: `, "gone"],
      [
        `ref_model_adapters: ${ADAPTER}`,
        `${file}:${lines + 1}:1: `,
        "without ref_model, as LLaMA-Factory reads them with it alone",
      ],
    ] as const
  ) {
    Deno.writeTextFileSync(file, `${fixed.trimEnd()}\n${text}\n`);
    const places = [`model_name_or_path=${MODEL}`, `dataset_dir=${golden}data`, `output_dir=${folder}`];
    const { message } = await assertRejects(
      () => train(file, [...places, "adapter_name_or_path=[]"], { say: () => {} }),
      Error,
    );
    assert(message.includes(place) && message.includes(fault), message);
  }
});

const webgpu = (await testBackends()).find(({ name }) => name.startsWith("webgpu"));

Deno.test({
  name: `the reference of another model is ONNX Runtime's on another device, to rounding (${webgpu?.name})`,
  ignore: webgpu?.ignore ?? true,
  fn: async () => {
    const [here, there] = ["here", "there"].map((name) => join(temporaryFolder(), name)) as [string, string];
    const steps = ["max_steps=2", "save_steps=2"];
    await run(here, [...REF, ...steps, "backend=onnx"]);
    const { phases } = await run(there, [...REF, ...steps, "use_cpu=false", "backend=webgpu"]);
    assert(phases.includes(PASS));
    assertNear(sumsOf(there), sumsOf(here), 2e-3);
    assertEquals(Object.keys(sumsOf(there)).sort(), Object.keys(sumsOf(here)).sort());
    const [losses, expected] = [there, here].map((folder) =>
      history(folder).flatMap(({ loss }) => loss ?? [])
    );
    losses!.forEach((loss, i) => assertAlmostEquals(loss, expected![i]!, 1e-3));
  },
});
