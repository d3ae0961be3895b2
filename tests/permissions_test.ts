/** Tasks run with the permissions that deno.json gives them: a listing, a trial of the machine, a refusal, a preview. Help: help_screens_test.ts. */
import { assert, assertEquals } from "@std/assert";

import project from "../deno.json" with { type: "json" };
import { NO_ADAPTER, testWebGpu } from "../kernels/testing/backends.ts";

const root = new URL("../", import.meta.url).pathname;
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
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: project.tasks[name].command.split(" ").slice(1),
      cwd: root,
      // The doctor tries every backend; an adapter that is a CPU takes minutes for it on a busy machine.
      env: { NO_COLOR: "1", ...(webgpu.ignore ? { DENO_WEBGPU_BACKEND: NO_ADAPTER } : {}) },
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    assert(stdout.length > 200);
  });
}

Deno.test("a task that is to write among the project's own code says so and starts nothing", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...project.tasks.export.command.split(" ").slice(1),
      "export_dir=formats/new",
      "export_format=gguf",
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [
    1,
    `error: Cannot write to ${root}formats/new as it lies among this project's own code or files: name another folder\n`,
  ]);
});

Deno.test("deno task preview shows a bundled example with its own permissions", async () => {
  const command = project.tasks.preview.command.split(" ").slice(1);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...command, "examples/default_iopo.yaml", "--limit", "1", "--json"],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const example = JSON.parse(new TextDecoder().decode(stdout).trim().split("\n")[0]!);
  assertEquals(example.sequences.map((s: { name: string }) => s.name).sort(), [
    "x1y1",
    "x1y2",
    "x2y1",
    "x2y2",
  ]);
});
