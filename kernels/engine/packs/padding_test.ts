import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { idsExample, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { referenceBackend } from "../../backends/reference/mod.ts";
import { Engine } from "../engine.ts";
import { packExamples } from "./pack.ts";
import { padded, paddedLabels, paddedRows } from "./padding.ts";

Deno.test("paddedRows() has 16 lengths a power of two, at least 32 apart, and wastes little", () => {
  assertEquals([1, 32, 33, 512, 513, 800, 1025, 5440, 8192].map(paddedRows), [
    32,
    32,
    64,
    512,
    544,
    800,
    1088,
    5632,
    8192,
  ]);
  const lengths = new Set(Array.from({ length: 8192 }, (_, i) => paddedRows(i + 1)));
  assert(lengths.size <= 16 + 4 * 16, `${lengths.size} lengths`);
  for (let rows = 1; rows <= 8192; rows++) {
    const padded = paddedRows(rows);
    assert(padded >= rows && padded - rows < Math.max(32, rows / 15), `${rows}: ${padded}`);
  }
});

Deno.test("padded() adds rows that see only themselves and that no other row sees", () => {
  const pack = packExamples([idsExample({ y: [[1, 2, 3], [4, 5]] })]),
    { ids, until, positions } = padded(pack);
  assertEquals([ids.length, until.length, positions.length], [32, 32, 32]);
  assertEquals([...until], [...pack.until, ...Array.from({ length: 28 }, (_, i) => 5 + i)]);
});

Deno.test("paddedLabels() fills the last chunk to a quarter, half, three quarters or all of it, a long one to an eighth or less", () => {
  assertEquals([1, 16, 17, 33, 64, 65, 144, 500, 512].map((labels) => paddedLabels(labels, 512)), [
    16,
    16,
    32,
    64,
    64,
    128,
    192,
    512,
    512,
  ]);
  assertEquals([1, 32, 33, 100, 128].map((labels) => paddedLabels(labels, 128)), [32, 32, 64, 128, 128]);
  assertEquals([1, 2, 16].map((labels) => paddedLabels(labels, 16)), [4, 4, 16]);
});

Deno.test("packs padded to few lengths give the log-probabilities and gradients of the packs alone", async () => {
  const { config, weights } = tinyModel("llama");
  const { modules, initial } = tinyAdapter("llama", config);
  for (const tuning of [{ type: "lora", modules, dropout: 0 } as const, { type: "full" } as const]) {
    const found = await Promise.all([false, true].map(async (fewSizes) => {
      const lengths = new Set<number>(), own = referenceBackend();
      const backend = {
        ...own,
        fewSizes,
        upload: (...[data, shape, options]: Parameters<typeof own.upload>) => {
          if (shape.length === 1 && data instanceof Int32Array) lengths.add(data.length);
          return own.upload(data, shape, options);
        },
      };
      const options = { config, tuning, checkpointing: false, labelChunk: 8 };
      const engine = new Engine(
        backend,
        options,
        (name) => weights[name]!,
        tuning.type === "lora" ? initial : {},
      );
      const logps: number[] = [];
      for (const length of [17, 19, 22]) {
        const ids = Array.from({ length }, (_, i) => (i * 7) % 90);
        const pack = packExamples([
          idsExample({ s: [ids.slice(0, 4), ids.slice(4)], other: [ids.slice(0, 4), [5, 6]] }),
        ]);
        const values = await engine.forward(pack, { adapter: true, keep: true });
        await engine.backward(Float64Array.from(values, (_, i) => Math.cos(i)));
        logps.push(...values);
      }
      const gradients = (await engine.parameters.gradients()).flatMap((values) => [...values]);
      await engine.dispose();
      return { lengths, logps, gradients };
    }));
    const [alone, filled] = [found[0]!, found[1]!];
    // One length of rows; chunks of 8 labels, and quarters of one.
    assertEquals([...filled.lengths].filter((length) => ![2, 4, 6, 8, 32].includes(length)), []);
    assert(alone.lengths.size > filled.lengths.size, `${[...alone.lengths]}`);
    alone.logps.forEach((value, i) => assertAlmostEquals(filled.logps[i]!, value, 1e-6));
    alone.gradients.forEach((value, i) =>
      assertAlmostEquals(filled.gradients[i]!, value, 1e-5 + 1e-5 * Math.abs(value))
    );
  }
});
