import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { trainBenchSettings } from "../../tests/helpers/train_bench_settings.ts";
import { evalBench } from "./commands/eval.ts";
import { checkPeer } from "./peer_command.ts";
import type { TrainBenchOptions } from "./train/train_options.ts";
import { trainPrograms } from "./train/train_process.ts";
import { UNSEEN } from "./view.ts";
import { UNIX } from "../../tests/helpers/system.ts";

const EXAMPLE = "python3 tasks/bench/bench_iopo_torch.py";

Deno.test("checkPeer() refuses, before anything is measured, a command that can't be run", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const python = join(folder, "python3"), script = join(folder, "peer.py");
    await Deno.writeTextFile(python, "#!/bin/sh\n");
    await Deno.writeTextFile(script, "");
    const refused = (command: string, ...said: string[]) =>
      assertRejects(() => checkPeer(command, EXAMPLE, folder), RangeError).then(({ message }) => {
        for (const text of [...said, `"${EXAMPLE}"`]) assertStringIncludes(message, text);
      });
    await refused("python3", 'Cannot measure --against "python3" as a program with its script is needed');
    await refused(python, "as a program with its script is needed");
    await refused("python4 peer.py", 'as a program that is there is needed: current value is "python4"');
    await refused("", "as a program that is there is needed");
    await refused(`python3 ${folder}/none.py`, "as a script that is there is needed", "none.py");
    await checkPeer(`python3 ${script} --fast`, EXAMPLE, folder);
    await checkPeer(script, EXAMPLE, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name:
    `checkPeer() asks a bundled script for its help, so that a missing package is told at once${UNIX.why}`,
  ignore: UNIX.ignore,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      const python = join(folder, "python3"), script = join(folder, "bench_iopo_torch.py");
      await Deno.writeTextFile(script, "");
      const answers = async (code: number) => {
        await Deno.writeTextFile(
          python,
          `#!/bin/sh\necho "ModuleNotFoundError: No module named 'torch'" >&2\nexit ${code}\n`,
        );
        await Deno.chmod(python, 0o755);
      };
      await answers(1);
      const { message } = await assertRejects(() => checkPeer(`${python} ${script}`, EXAMPLE), RangeError);
      assertStringIncludes(message, "No module named 'torch'");
      await answers(0);
      await checkPeer(`${python} ${script}`, EXAMPLE);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("bench train names the trainer that ran", () => {
  const name = (trainer: TrainBenchOptions["trainer"]) =>
    trainPrograms({ ...trainBenchSettings, trainer }, "").map((program) => program.name);
  assertEquals([name("local"), name("torch")], [["dinotune float32"], ["dinotune torch float32"]]);
});

Deno.test("bench eval refuses a flag of the other kind of run", async () => {
  const given = (...names: string[]) => ({
    ...{ config: undefined, words: [], overrides: [], lists: new Map() },
    flags: new Set(names),
    values: new Map(names.map((name) => [name, "x"])),
  });
  for (const name of ["weights", "tokens", "backend"]) {
    await assertRejects(
      () => evalBench.run(given(name) as never, UNSEEN),
      RangeError,
      `--${name} without --local`,
    );
  }
  for (const name of ["against", "latency", "concurrency", "faults"]) {
    await assertRejects(
      () => evalBench.run(given("local", name) as never, UNSEEN),
      RangeError,
      `--${name} with --local`,
    );
  }
});
