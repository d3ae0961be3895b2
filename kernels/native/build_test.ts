/** The committed library is what its source gives. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

const zig = Deno.env.get("DINOTUNE_ZIG");

Deno.test({
  name: `build.sh gives linux-x64.so, byte for byte${
    zig ? "" : " (ignored: DINOTUNE_ZIG isn't set, see .ci/zig_env)"
  }`,
  ignore: !zig,
  async fn() {
    const folder = await Deno.makeTempDir(), made = join(folder, "linux-x64.so");
    try {
      const { success, stderr } = await new Deno.Command("bash", {
        args: [fileURLToPath(new URL("build.sh", import.meta.url)), made],
        env: { ZIG: zig! },
      }).output();
      assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
      assertEquals(await Deno.readFile(made), await Deno.readFile(new URL("linux-x64.so", import.meta.url)));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
