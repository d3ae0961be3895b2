import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { nativeLibrary } from "../kernels/native/mod.ts";
import { runDeno } from "../tests/helpers/deno_process.ts";
import { filesOf } from "./export/folder.ts";

// its switch is what a test can turn on and off
const { reason } = nativeLibrary();

Deno.test({
  name:
    `what is exported doesn't hang on whether the thread takes subnormal numbers for 0, as a session of ONNX Runtime makes it do${
      reason === null ? "" : `: ${reason}`
    }`,
  ignore: reason !== null,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      const words = ["run", "-A", "--no-check", "tasks/_export_flushed_thread.ts", folder];
      const { stdout, stderr } = await runDeno(words);
      const [before, after] = ["before", "after"].map((when) =>
        [
          "safetensors-float32",
          "safetensors-bfloat16",
          "gguf-q8_0",
          "gguf-q4_0",
          "gguf-adapter-float32",
          "onnx-q4_0",
        ]
          .flatMap((name) =>
            filesOf(join(folder, when, name)).filter((file) => file !== "export.json")
              .map((file) => [`${name}/${file}`, Deno.readFileSync(join(folder, when, name, file))] as const)
          )
      );
      const said = JSON.parse(stdout || JSON.stringify({ error: stderr }));
      // 2^-130 + 2^-132 in units of 2^-149, and −2^-149 − 2^-132
      const merged = [2 ** 19 + 2 ** 17, 2 ** 31 + 2 ** 17 + 1];
      const read = [2 ** 31 + 2 ** 9];
      assertEquals(said, {
        before: { flushes: false, merged, read },
        after: { flushes: true, merged, read },
      });
      const differing = before!.filter(([, bytes], i) => bytes.toHex() !== after![i]?.[1].toHex());
      assertEquals([before!.length, differing.map(([name]) => name)], [after!.length, []]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
