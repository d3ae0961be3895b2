/** Every task runs with the permissions that deno.json gives it, as far as its help and listing go. */
import { assert, assertEquals } from "@std/assert";

import project from "../deno.json" with { type: "json" };
import { NO_ADAPTER, testWebGpu } from "../kernels/testing/backends.ts";

const root = new URL("../", import.meta.url).pathname;
const webgpu = await testWebGpu();

for (
  const [name, args] of [
    ["train", ["--help"]],
    ["preview", ["--help"]],
    ["eval", ["--help"]],
    ["export", ["--help"]],
    ["bench", [
      "--help",
    ]],
    ["serve", ["--help"]],
    ["chat", ["--help"]],
    ["sweep", ["--help"]],
    ["compare", ["--help"]],
    ["replicate", ["--help"]],
    ["board", ["--help"]],
    ["plugins", []],
    ["doctor", []],
  ] as const
) {
  Deno.test(`deno task ${[name, ...args].join(" ")} works with its own permissions`, async () => {
    const command = project.tasks[name].split(" ").slice(1);
    assert(!command.includes("-A") && !command.includes("--allow-all"), "narrow permissions");
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...command, ...args],
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
    args: [...project.tasks.export.split(" ").slice(1), "export_dir=formats/new", "export_format=gguf"],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [
    1,
    `error: Cannot write to ${root}formats/new as it lies among this project's own code or files: name another folder\n`,
  ]);
});

Deno.test("deno task preview shows a bundled example with its own permissions", async () => {
  const command = project.tasks.preview.split(" ").slice(1);
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
