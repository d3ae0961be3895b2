/** Messages of a run when Python, a package or a rank is missing or dies; and nothing outlives it. */
import { join } from "@std/path";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";

import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { killedWith } from "../../../tests/helpers/killed.ts";
import { until } from "../../../tests/helpers/until.ts";
import { isAlive, TORCH_PYTHON, whoStays } from "../../../tests/helpers/torch_python.ts";
import { optionsOf } from "./_python.ts";
import { type EndedProcess, failureOf } from "./failure.ts";
import { shardingOf, type TorchOptions, torchOptions } from "./options.ts";
import { Processes } from "./processes.ts";
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
  const memory = ended(1, line(1, "memory", "OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"));
  assertStringIncludes(text([lost, memory]), "PyTorch rank 1 of 2 is out of memory: OutOfMemoryError");
  assertStringIncludes(text([lost, memory]), "Lower micro_batch_tokens");
  const setup = ended(
    0,
    line(0, "setup", "Cannot run 8 ranks as each needs a GPU of its own: current value is 2"),
  );
  assertEquals(
    text([setup], "start"),
    "Cannot run 8 ranks as each needs a GPU of its own: current value is 2",
  );
  assertStringIncludes(text([lost]), "rank 0 of 2 lost the others");
  const crashed = ended(1, "a\nSegmentation fault", { code: 139 });
  assertStringIncludes(
    text([lost, crashed]),
    "PyTorch rank 1 of 2 ended with 139: ",
  );
  assertStringIncludes(text([crashed], "start"), "Segmentation fault");
  // torchrun's own words for a rank that was killed (torch 2.15.0)
  const report =
    "Root Cause (first observed failure):\n[0]:\n  time      : 2026-11-28_10:00:00\n  host      : h\n" +
    "  rank      : 1 (local_rank: 1)\n  exitcode  : -9 (pid: 71)\n  error_file: <N/A>\n  traceback : Signal 9 (SIGKILL) received by PID 71\n";
  assertStringIncludes(text([ended(null, lost.text + report)]), "rank 1 of 2 was ended by SIGKILL");
});

Deno.test("a launcher that is killed ends the run, though its ranks live on and hold its pipes; they end then, too", async () => {
  const folder = temporaryFolder(), pid = join(folder, "pid");
  // A rank that would go on for ever, and ends when its standard input does.
  const launcher = `exec 3<&0; cat <&3 >/dev/null & echo $! > ${pid}.new; mv ${pid}.new ${pid}; wait`;
  const processes = new Processes([{ rank: null, command: ["sh", "-c", launcher], env: {} }], 2);
  processes.begun();
  const rank = await until(
    "the rank's number",
    async () => Number(await Deno.readTextFile(pid).catch(() => 0)) || null,
  );
  assert(isAlive(rank));
  for (const id of processes.ids) Deno.kill(id, "SIGKILL");
  await assertRejects(
    () => processes.failed,
    Error,
    "Cannot continue as the ranks' launcher was ended by SIGKILL",
  );
  assertEquals(await whoStays([rank]), []);
});

Deno.test("options that contradict each other are refused before anything starts", () => {
  assertEquals(shardingOf(optionsOf({}), 1), "none");
  assertEquals(shardingOf(optionsOf({}), 4), "ddp");
  assertThrows(() => shardingOf(optionsOf({ sharding: "none" }), 2), RangeError, "with 2 processes");
  assertThrows(() => torchOptions.parse({ launcher: "deepspeed" }), Error, "DeepSpeed's launcher isn't used");
  for (const more of [{ compile: true }, { quantization: "4bit" }] as const) {
    const asked = optionsOf({ sharding: "deepspeed", ...more });
    assertThrows(() => shardingOf(asked, 2), RangeError, "with sharding: deepspeed");
  }
  assertThrows(() => shardingOf(optionsOf({ cpu_offload: true }), 2), RangeError, "needs sharding: fsdp");
  assertThrows(() => shardingOf(optionsOf({ node_rank: 2 }), 2), RangeError, "Cannot be machine 2 of 1");
  for (const launcher of ["direct", "accelerate"] as const) {
    assertThrows(() => shardingOf(optionsOf({ nnodes: 2, launcher }), 2), RangeError, "launcher: torchrun");
  }
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
  await assertRejects(
    () => startRanks(optionsOf({ python: temporaryFolder() })),
    Error,
    "can't be carried out (it isn't a program",
  );
});

/** A program in the place of Python: the real one, after some lines of its own. */
function pythonWith(name: string, ...lines: string[]): string {
  const path = join(temporaryFolder(), name);
  const program = [...lines, "import runpy", "runpy.run_module('dinotune_torch', run_name='__main__')"];
  Deno.writeTextFileSync(`${path}.py`, program.join("\n"));
  Deno.writeTextFileSync(path, `#!/bin/sh\nexec "${Deno.env.get("DINOTUNE_PYTHON")}" ${path}.py\n`, {
    mode: 0o755,
  });
  return path;
}

Deno.test({
  name: `a missing or old package or Python is named with its pip line, whoever misses it${why}`,
  ignore,
  fn: async () => {
    const bare = join(temporaryFolder(), "bare_python");
    // -S: without the environment's packages.
    Deno.writeTextFileSync(bare, `#!/bin/sh\nexec ${Deno.env.get("DINOTUNE_PYTHON")} -S "$@"\n`, {
      mode: 0o755,
    });
    const missing = (options: Partial<TorchOptions>, text: string) =>
      assertRejects(
        () => startRanks(optionsOf({ python: bare, nproc_per_node: 2, ...options })),
        Error,
        text,
      );
    await missing({}, "-m pip install torch transformers peft numpy safetensors");
    await missing(
      { launcher: "torchrun" },
      "lacks torch: install it with that Python's -m pip install torch",
    );
    await missing({ launcher: "accelerate" }, "-m pip install accelerate");
    // Before anything heavy is loaded.
    const old = pythonWith(
      "old",
      ...["import importlib.metadata as metadata", "real = metadata.version"],
      "metadata.version = lambda name: '2.4.1+cpu' if name == 'torch' else real(name)",
    );
    await missing({ python: old }, "torch 2.4.1+cpu of");
    await missing({ python: old }, "-m pip install 'torch>=2.6'");
    const ancient = pythonWith("ancient", "import sys", "sys.version_info = (3, 9, 18, 'final', 0)");
    await missing({ python: ancient }, "is Python 3.9.18: name one of 3.10 or newer");
  },
});

Deno.test({
  name: `a rank that ends before it said a word: one error, and no process is left${why}`,
  ignore,
  fn: async () => {
    const python = pythonWith("mute", "import os, sys", "if os.environ['RANK'] == '1': sys.exit(3)");
    await assertRejects(
      () => startRanks(optionsOf({ python, nproc_per_node: 2 })),
      Error,
      "Cannot start as PyTorch rank 1 of 2 ended with 3: it said nothing",
    );
  },
});

Deno.test({
  name:
    `a rank without memory, its allocator's own error: what to lower is said, and no process is left${why}`,
  ignore,
  fn: async () => {
    // Rank 0 is inside a collective meanwhile, as it would be in a step. An engine in the place of the real one loads in no time.
    const python = pythonWith(
      "full",
      ...["import sys, torch, types", "def opened(frame, ranks):", "    if ranks.rank == 1:"],
      ...["        torch.empty(2**50)", "    torch.distributed.barrier()"],
      "sys.modules['dinotune_torch.engine'] = types.SimpleNamespace(Engine=opened)",
    );
    const ranks = await startRanks(optionsOf({ python, nproc_per_node: 2 }));
    const error = await assertRejects(
      () => ranks.call("open"),
      Error,
      "PyTorch rank 1 of 2 is out of memory",
    );
    assertStringIncludes(error.message, "DefaultCPUAllocator: can't allocate memory");
    assertStringIncludes(error.message, "Lower micro_batch_tokens");
    assertEquals(ranks.ids.length, 2);
    assertEquals(await whoStays(ranks.ids), []);
    await ranks.end();
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
    await using _end = killedWith(parent);
    const children = await until("two ranks", async () => {
      const all = await Promise.all(
        [...Deno.readDirSync(`/proc/${parent.pid}/task`)].map(({ name }) =>
          Deno.readTextFile(`/proc/${parent.pid}/task/${name}/children`).catch(() => "")
        ),
      );
      const ids = new Set(all.join(" ").split(" ").filter((id) => id !== "").map(Number));
      return ids.size >= 2 && [...ids];
    });
    parent.kill("SIGKILL");
    await parent.status;
    assertEquals(await whoStays(children), []);
  },
});
