/** Tasks run with the permissions that deno.json gives them: a listing, a trial of the machine, a refusal, a preview. Help: help_screens_test.ts. */
import { assert, assertEquals } from "@std/assert";

import project from "../deno.json" with { type: "json" };
import { NO_ADAPTER, testWebGpu } from "../kernels/testing/backends.ts";
import { PROJECT_FOLDER, runDeno, taskWords } from "./helpers/deno_process.ts";

const webgpu = await testWebGpu();

Deno.test("no task has all permissions", () => {
  // those of developers: what tests may do is theirs
  const developers = ["test", "test:all"];
  for (const [name, { command }] of Object.entries(project.tasks)) {
    if (developers.includes(name)) continue;
    assert(!/(^| )(-A|--allow-all)( |$)/.test(command), name);
  }
});

for (const name of ["plugins", "doctor"] as const) {
  Deno.test(`deno task ${name} works with its own permissions`, async () => {
    // The doctor tries every backend; an adapter that is a CPU takes minutes for it on a busy machine.
    const env: Record<string, string> = webgpu.ignore ? { DENO_WEBGPU_BACKEND: NO_ADAPTER } : {};
    const { code, stdout, stderr } = await runDeno(taskWords(name), { env });
    assertEquals(code, 0, stderr);
    assert(stdout.length > 200);
  });
}

Deno.test("a task that is to write among the project's own code says so and starts nothing", async () => {
  const words = taskWords("export", "export_dir=formats/new", "export_format=gguf");
  const { code, stderr } = await runDeno(words);
  assertEquals([code, stderr], [
    1,
    `error: Cannot write to ${PROJECT_FOLDER}formats/new as it lies among this project's own code or files: name another folder\n`,
  ]);
});

Deno.test("deno task preview shows a bundled example with its own permissions", async () => {
  const words = taskWords("preview", "examples/default_iopo.yaml", "--limit", "1", "--json");
  const { code, stdout, stderr } = await runDeno(words);
  assertEquals(code, 0, stderr);
  const example = JSON.parse(stdout.trim().split("\n")[0]!);
  assertEquals(example.sequences.map((s: { name: string }) => s.name).sort(), [
    "x1y1",
    "x1y2",
    "x2y1",
    "x2y2",
  ]);
});
