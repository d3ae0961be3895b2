/** Messages of a run when Python, a package or a rank is missing or dies; and nothing outlives it. */
import { join } from "@std/path";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";

import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { TORCH_PYTHON, whoStays } from "../../../tests/helpers/torch_python.ts";
import { optionsOf } from "./_python.ts";
import { type EndedProcess, failureOf } from "./failure.ts";
import { shardingOf } from "./options.ts";
import { startRanks } from "./ranks.ts";

const { ignore, why } = TORCH_PYTHON;

function ended(rank: number | null, text: string, status: Partial<Deno.CommandStatus> = {}): EndedProcess {
  return { rank, text, status: { success: false, code: 1, signal: null, ...status } };
}

function line(rank: number, kind: string, message: string): string {
  return `noise\nDINOTUNE_ERROR ${JSON.stringify({ rank, kind, message, trace: "" })}\n`;
}

Deno.test("failureOf() blames the rank that failed, not those that lost it, and says what to do", () => {
  const lost = ended(0, line(0, "collective", "RuntimeError: Connection closed by peer"));
  const killed = ended(1, "", { signal: "SIGKILL", code: 137 });
  const text = (list: EndedProcess[], doing: "start" | "continue" = "continue") =>
    failureOf(list, 2, doing).message;
  assertStringIncludes(text([lost, killed]), "PyTorch rank 1 of 2 was ended by SIGKILL");
  assertStringIncludes(text([lost, killed]), "The last checkpoint is kept");
  const memory = ended(1, line(1, "memory", "OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"));
  assertStringIncludes(text([lost, memory]), "PyTorch rank 1 of 2 is out of memory: OutOfMemoryError");
  assertStringIncludes(text([lost, memory]), "Lower micro_batch_tokens");
  const setup = ended(
    0,
    line(0, "setup", "Cannot run 8 ranks as each needs a GPU of its own: current value is 2 GPUs"),
  );
  assertEquals(
    text([setup], "start"),
    "Cannot run 8 ranks as each needs a GPU of its own: current value is 2 GPUs",
  );
  assertStringIncludes(text([lost]), "rank 0 of 2 lost the others");
  assertStringIncludes(text([ended(0, "a\nSegmentation fault")], "start"), "Segmentation fault");
  assert(!text([memory], "start").includes("last checkpoint"));
  // torchrun's own words for a rank that was killed (torch 2.15.0)
  const report =
    "Root Cause (first observed failure):\n[0]:\n  time      : 2026-11-28_10:00:00\n  host      : h\n" +
    "  rank      : 1 (local_rank: 1)\n  exitcode  : -9 (pid: 71)\n  error_file: <N/A>\n  traceback : Signal 9 (SIGKILL) received by PID 71\n";
  assertStringIncludes(text([ended(null, lost.text + report)]), "rank 1 of 2 was ended by SIGKILL");
});

Deno.test("options that contradict each other are refused before anything starts", () => {
  assertEquals(shardingOf(optionsOf({}), 1), "none");
  assertEquals(shardingOf(optionsOf({}), 4), "ddp");
  assertThrows(() => shardingOf(optionsOf({ sharding: "none" }), 2), RangeError, "with 2 processes");
  assertThrows(() => shardingOf(optionsOf({ cpu_offload: true }), 2), RangeError, "needs sharding: fsdp");
  assertThrows(() => shardingOf(optionsOf({ nnodes: 2 }), 2), RangeError, "launcher: torchrun");
  assertThrows(
    () => shardingOf(optionsOf({ nnodes: 2, launcher: "torchrun" }), 2),
    RangeError,
    "rdzv_endpoint",
  );
});

Deno.test("a Python that isn't there is named, with what to set", async () => {
  await assertRejects(
    () => startRanks(optionsOf({ python: "/no/such/python" })),
    Error,
    "there is no program /no/such/python: set python in trainer_options or DINOTUNE_PYTHON",
  );
});

Deno.test({
  name: `a missing package is named with its pip line${why}`,
  ignore,
  fn: async () => {
    const bare = join(temporaryFolder(), "bare_python");
    // -S: without the environment's packages.
    Deno.writeTextFileSync(bare, `#!/bin/sh\nexec ${Deno.env.get("DINOTUNE_PYTHON")} -S "$@"\n`, {
      mode: 0o755,
    });
    await assertRejects(
      () => startRanks(optionsOf({ python: bare, nproc_per_node: 2 })),
      Error,
      "-m pip install torch transformers peft numpy safetensors",
    );
  },
});

Deno.test({
  name: `ranks end when the program that started them is killed, however far they were${why}`,
  ignore,
  fn: async () => {
    const code = `import { startRanks } from ${JSON.stringify(new URL("./ranks.ts", import.meta.url).href)};
      import { torchOptions } from ${JSON.stringify(new URL("./options.ts", import.meta.url).href)};
      await startRanks(torchOptions.parse({ nproc_per_node: 2 }));`;
    const file = join(temporaryFolder(), "start.ts");
    Deno.writeTextFileSync(file, code);
    const parent = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        "--config",
        new URL("../../../deno.json", import.meta.url).pathname,
        file,
      ],
      stdout: "null",
      stderr: "null",
    }).spawn();
    let children: number[] = [];
    while (children.length < 2) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const text = await Deno.readTextFile(`/proc/${parent.pid}/task/${parent.pid}/children`);
      const all = await Promise.all(
        [...Deno.readDirSync(`/proc/${parent.pid}/task`)].map(({ name }) =>
          Deno.readTextFile(`/proc/${parent.pid}/task/${name}/children`).catch(() => "")
        ),
      );
      children = `${text} ${all.join(" ")}`.split(" ").filter((id) => id !== "").map(Number);
      children = [...new Set(children)];
    }
    parent.kill("SIGKILL");
    await parent.status;
    assertEquals(await whoStays(children), []);
  },
});
