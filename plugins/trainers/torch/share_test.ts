import { assertEquals } from "@std/assert";

import { idsExample } from "../../../tests/helpers/tiny_model.ts";
import { packExamples } from "../../../kernels/engine/packs/pack.ts";
import { frameParts, readFrame, StreamBytes } from "./frames.ts";
import { sharePack } from "./share.ts";

Deno.test("sharePack() gives every tree to one replica, with rows and labels moved to its own", () => {
  const pack = packExamples([
    idsExample({ a: [[1, 2], [3, 4]], b: [[1, 2], [5]] }), // 1 2 3: until 3 3 3
    idsExample({ y: [[6], [7]] }), // 6
    idsExample({ y: [[8, 9], [10]] }), // 8 9
  ]);
  const [first, second] = sharePack(pack, 2, 0);
  assertEquals([...first!.rows], [0, 1, 2]);
  assertEquals([...second!.rows], [3, 4, 5]);
  assertEquals([...second!.part.ids], [6, 8, 9]);
  assertEquals([...second!.part.until], [1, 3, 3]);
  assertEquals([...second!.part.positions], [0, 0, 1]);
  assertEquals([...second!.part.labelRows], [0, 2]);
  assertEquals([...second!.part.labelIds], [7, 10]);
  assertEquals([...first!.labels, ...second!.labels], [0, 1, 2, 3, 4]);
  assertEquals(sharePack(pack, 4, 0).map(({ rows }) => rows.length), [3, 2, 1, 0]);
});

Deno.test("frames come back as they were sent, with other text printed before them and cut anywhere", async () => {
  const frame = {
    header: { op: "forward", keep: true },
    arrays: { "0.ids": Int32Array.of(1, -2), w: Float64Array.of(0.1, NaN), none: new Float32Array(0) },
  };
  const bytes = await new Blob([
    "a warning\n",
    "TOKEN",
    ...[...frameParts(frame), ...frameParts({ header: {}, arrays: {} })] as BlobPart[],
  ]).bytes();
  for (const size of [1, 7, bytes.length]) {
    const cut = ReadableStream.from(
      Array.from(
        { length: Math.ceil(bytes.length / size) },
        (_, i) => bytes.subarray(i * size, (i + 1) * size),
      ),
    );
    const source = new StreamBytes(cut);
    await source.passOver("TOKEN");
    assertEquals(await readFrame(source), frame);
    assertEquals(await readFrame(source), { header: {}, arrays: {} });
  }
});
