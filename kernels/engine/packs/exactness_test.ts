/** Sharing prompts and packing examples changes nothing: log-probabilities and gradients equal those of separate sequences. */
import { assert, assertAlmostEquals } from "@std/assert";
import { Engine } from "../engine.ts";
import { packExamples } from "./pack.ts";
import { backendsAndGpuLike, idsExample, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";

/** Prompts that begin alike, answers that begin alike, a second example, and lengths beyond a chunk of attention. */
function quadruple(seed: number, length: number) {
  const ids = (n: number, k: number) => Array.from({ length: n }, (_, i) => (i * 7 + k * 13 + seed) % 90 + 3);
  const common = ids(length, 0), x1 = [...common, ...ids(5, 1)], x2 = [...common, ...ids(9, 2)];
  const y1 = [4, 5, ...ids(11, 3)], y2 = [4, 5, ...ids(6, 4)];
  return idsExample({ x1y1: [x1, y1], x1y2: [x1, y2], x2y2: [x2, y2], x2y1: [x2, y1] });
}

for (const { name, ignore, make } of await backendsAndGpuLike()) {
  // The reference computes in float64 on float32 weights and hands out float32: gradients are compared to 1e-6.
  const tolerance = name === "reference" ? 1e-6 : 1e-4;
  for (const arch of ["qwen2", "mistral"]) {
    Deno.test({
      name: `Engine: packed and shared equals one sequence at a time within ${tolerance} (${arch}, ${name})`,
      ignore,
      fn: async () => {
        const { config, weights } = tinyModel(arch);
        const windowed = { ...config, slidingWindow: config.slidingWindow.map((_, i) => i === 0 ? 6 : null) };
        const { modules, initial } = tinyAdapter(arch, config);
        // The third one begins as the second, whose beginning is shared in the second layout.
        const examples = [quadruple(1, 4), quadruple(2, 40), quadruple(2, 25)];
        const separate = examples.flatMap((e) => e.sequences.map((s) => ({ ...e, sequences: [s] })));
        const gradients: Float32Array[][] = [], sums: number[][] = [];
        const apart = [packExamples(examples)], shared = [packExamples(examples, { shared: true })];
        assert(shared[0]!.ids.length + 25 <= apart[0]!.ids.length);
        for (const packs of [separate.map((e) => packExamples([e])), apart, shared]) {
          const options = {
            config: windowed,
            tuning: { type: "lora", modules, dropout: 0 } as const,
            checkpointing: false,
          };
          const engine = new Engine(await make(), options, (n) => weights[n]!, initial);
          const all: number[] = [];
          for (const pack of packs) {
            const logps = await engine.forward(pack, { adapter: true, keep: true });
            const own = pack.sequences.map(() => 0), weight = new Float64Array(logps.length);
            logps.forEach((v, l) => {
              for (const s of pack.owners.subarray(pack.ownerStart[l], pack.ownerStart[l + 1])) {
                own[s]! += v;
                // Sequences weigh differently, so that a label given to the wrong one shows.
                weight[l]! += { x1y1: 1, x1y2: -0.5, x2y2: 0.25, x2y1: -2 }[pack.sequences[s]!.name]!;
              }
            });
            all.push(...own);
            await engine.backward(weight);
          }
          sums.push(all);
          gradients.push((await engine.parameters.gradients()).map((g) => g.slice()));
          await engine.dispose();
        }
        for (const [layout, what] of [[1, "apart"], [2, "shared"]] as const) {
          sums[0]!.forEach((v, i) =>
            assertAlmostEquals(v, sums[layout]![i]!, tolerance * 10, `${what}: sum ${i}`)
          );
          gradients[0]!.forEach((g, t) => {
            const scale = g.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
            assert(scale > 1e-3, "the gradient isn't zero");
            g.forEach((v, i) => {
              const close = tolerance * Math.max(1, scale), found = gradients[layout]![t]![i]!;
              assertAlmostEquals(v, found, close, `${what}: tensor ${t} at ${i}`);
            });
          });
        }
      },
    });
  }
}
