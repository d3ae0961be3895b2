import { assertEquals } from "@std/assert";

// in a process of its own, as the script changes the current folder
Deno.test("docs/errors.md shows what is really said (deno run -A docs/make_errors.ts)", async () => {
  const { stdout, code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("make_errors.ts", import.meta.url).pathname, "--print"],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0);
  assertEquals(
    new TextDecoder().decode(stdout),
    await Deno.readTextFile(new URL("errors.md", import.meta.url)),
  );
});
