import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { exists } from "../../../../formats/exists.ts";
import { damagesOf } from "../../../../tests/helpers/damages.ts";
import { decoderIn, TINY } from "../../../../tests/helpers/tiny_model.ts";
import { CONSTANTS, ConstantsWriter } from "./constants.ts";
import type { Prepared } from "./prepare.ts";
import { preparedKey, storedWeights } from "./store.ts";

function makeOne(folder: string): Prepared {
  using writer = new ConstantsWriter(folder);
  writer.write("a", [3], Float32Array.of(1, 2, 3));
  writer.write("b", [2], Uint8Array.of(4, 5));
  return { products: {}, constants: writer.written };
}

Deno.test("ConstantsWriter keeps files within their limit, the gaps before constants counted", () => {
  const root = Deno.makeTempDirSync();
  try {
    using writer = new ConstantsWriter(root, { file: (i) => `${i}`, limit: 5000 });
    // 100 bytes, a gap up to 4,096, and 904 or 905 bytes: 5,000 and 5,001
    for (const [name, size] of [["a", 100], ["b", 904], ["c", 100], ["d", 905]] as const) {
      writer.write(name, [size], new Uint8Array(size));
    }
    assertEquals(Object.values(writer.written).map(({ place }) => place.file), ["0", "0", "1", "2"]);
    assertEquals(Deno.statSync(join(root, "0")).size, 5000);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("ConstantsWriter names its file when it can't be made or the disk is full", () => {
  const root = Deno.makeTempDirSync(), { writeSync } = Deno.FsFile.prototype;
  try {
    assertThrows(
      () => new ConstantsWriter(join(root, "none")),
      Error,
      `Cannot write ${join(root, "none", CONSTANTS)}: there is no folder ${join(root, "none")}`,
    );
    using writer = new ConstantsWriter(root);
    Deno.FsFile.prototype.writeSync = () => {
      throw new Error("No space left on device (os error 28)");
    };
    assertThrows(
      () => writer.write("a", [1], new Uint8Array(1)),
      Error,
      `Cannot write ${join(root, CONSTANTS)}: the disk is full`,
    );
  } finally {
    Deno.FsFile.prototype.writeSync = writeSync;
    Deno.removeSync(root, { recursive: true });
  }
});

/** As something that writes does, within the clock's resolution too. */
function touch(path: string): void {
  const later = new Date(Date.now() + 5000);
  Deno.utimeSync(path, later, later);
}

Deno.test("storedWeights() makes weights once, again when they are damaged, and leaves nothing when making fails", () => {
  const root = Deno.makeTempDirSync();
  try {
    let made = 0;
    const take = () => storedWeights(root, "key", (folder) => (made++, makeOne(folder)));
    const first = take(), second = take();
    assertEquals([made, second], [1, { ...first, release: second.release }]);
    const { place } = first.prepared.constants.b!, bytes = Deno.readFileSync(join(first.folder, CONSTANTS));
    assertEquals([...bytes.subarray(place.offset)], [4, 5]);
    assertEquals(place.offset % 4096, 0);
    const constants = bytes.slice();
    Deno.truncateSync(join(first.folder, CONSTANTS), 100);
    take();
    assertEquals([made, Deno.statSync(join(first.folder, CONSTANTS)).size], [2, bytes.length]);
    // whatever was at the index or the constants since; a copy is whole
    for (const name of ["index.json", CONSTANTS]) {
      const path = join(first.folder, name), whole = Deno.readFileSync(path);
      for (const { what, bytes } of damagesOf(whole)) {
        const before = made;
        Deno.writeFileSync(path, bytes);
        touch(path);
        assertEquals(take().prepared, first.prepared, `${name} ${what}`);
        assertEquals(
          [made, Deno.readFileSync(join(first.folder, CONSTANTS))],
          [before + 1, constants],
          `${name} ${what}`,
        );
      }
    }
    const before = made;
    touch(join(first.folder, CONSTANTS));
    take();
    take();
    assertEquals(made, before);
    assertThrows(
      () =>
        storedWeights(root, "other", () => {
          throw new Error("no memory");
        }),
      Error,
      "no memory",
    );
    assertEquals([...Deno.readDirSync(root)].map(({ name }) => name), ["key"]);
    const temporary = storedWeights(root, null, makeOne);
    assert(exists(join(temporary.folder, CONSTANTS)));
    temporary.release();
    assertEquals(exists(temporary.folder), false);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("storedWeights() are temporary where the store can't be made", () => {
  const file = Deno.makeTempFileSync();
  const stored = storedWeights(join(file, "store"), "key", makeOne);
  assert(exists(join(stored.folder, CONSTANTS)) && !stored.folder.startsWith(file));
  stored.release();
  Deno.removeSync(file);
});

Deno.test("preparedKey() differs with the weights, the bits, the model and the form", () => {
  const config = decoderIn(join(TINY, "llama", "model"));
  const keys = [
    preparedKey("a", config, null, true),
    preparedKey("a", config, null, false),
    preparedKey("b", config, null, true),
    preparedKey("a", config, 4, true),
    preparedKey("a", { ...config, numHeads: 2 }, null, true),
  ];
  assertEquals(new Set(keys).size, 5);
});
