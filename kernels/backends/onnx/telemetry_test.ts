import { assertEquals } from "@std/assert";

Deno.test("loading the ONNX backend turns the library's telemetry off, and leaves no file", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const module = new URL("mod.ts", import.meta.url).href;
    const script = `import { onnxBackend } from "${module}"; await onnxBackend().dispose();
      console.log(Deno.env.get("ORT_DISABLE_TELEMETRY"));`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--ext=ts", "-"],
      cwd: new URL("../../../", import.meta.url).pathname,
      env: { TMPDIR: folder },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(script));
    await writer.close();
    const { stdout } = await child.output();
    assertEquals(new TextDecoder().decode(stdout).trim(), "1");
    assertEquals([...Deno.readDirSync(folder)].map((entry) => entry.name), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
