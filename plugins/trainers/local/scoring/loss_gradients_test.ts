/**
 * Every loss through a whole tiny model, for every way of tuning it: gradients of each backend beside central differences of the float64
 * reference, whose forward pass alone is taken.
 */
import { assert, assertEquals } from "@std/assert";

import { entryOf, f64, float, item } from "../../../../formats/elements.ts";
import { variants } from "../../../../tests/helpers/repetitions.ts";
import { backendsAndGpuLike } from "../../../../tests/helpers/tiny_model.ts";
import type { Tuning } from "../../../../kernels/engine/weights/tuning.ts";
import { defineLoss, type Loss } from "../../../kinds/loss.ts";
import type { Plugin } from "../../../kinds/plugin.ts";
import { losses } from "../../../losses/mod.ts";
import { Registry } from "../../../registry.ts";
import { differencesOf, engineOf, gradientsOf, TUNINGS, VALUE_TUNINGS } from "./_central_differences.ts";
import { LOSSES, VALUE_LOSSES } from "./_every_loss.ts";

const makeLoss = ([name, options]: (typeof LOSSES)[number]) =>
  new Registry(losses).create("loss", name, options) as Loss;
const known = new Map<string, ReturnType<typeof differencesOf>>();

function optionNames({ options }: Plugin): string[] {
  return Object.keys((options as unknown as { shape: Record<string, unknown> }).shape);
}

/** Values of a loss's options that are one of some words. */
function choicesOf(plugin: Plugin): [option: string, value: string][] {
  const { shape } = plugin.options as unknown as {
    shape: Record<string, { unwrap(): { options?: string[] } }>;
  };
  return Object.entries(shape).flatMap(([option, type]) =>
    (type.unwrap().options ?? []).map((value): [string, string] => [option, value])
  );
}

Deno.test("every loss, every form that an option names and every option is among those whose gradients are tested", () => {
  const tested = ({ name }: Plugin, option: string, value: string) =>
    LOSSES.some(([own], i) => own === name && optionsOf(i)[option] === value);
  const missing = losses.flatMap((plugin) => [
    ...[...LOSSES, ...VALUE_LOSSES].some(([name]) => name === plugin.name) ? [] : [plugin.name],
    ...choicesOf(plugin).filter(([option, value]) => !tested(plugin, option, value)).map(String),
  ]);
  const isSet = (option: string, { name, options }: Plugin) =>
    LOSSES.some(([own], i) =>
      own === name && optionsOf(i)[option] !== (options.parse({}) as Record<string, unknown>)[option]
    );
  const unset = [...new Set(losses.flatMap(optionNames))].filter((option) =>
    !losses.some((plugin) => isSet(option, plugin))
  );
  assertEquals([missing, unset], [[], []]);
  assert(losses.flatMap(choicesOf).length >= 18);
});

/** With defaults. */
function optionsOf(i: number): Record<string, unknown> {
  const [name, options] = item(LOSSES, i);
  return losses.find((plugin) => plugin.name === name)!.options.parse(options) as Record<string, unknown>;
}

/** One that isn't about a difference, so that the bias has a gradient. */
const absolute: Loss = defineLoss({
  shape: "pair",
  sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
  needsReference: false,
  measure: "value",
  normalize: "examples",
  loss: ({ policy }) => ({ loss: policy.chosen.square().minus(policy.rejected.times(0.7)), metrics: {} }),
});

/** Losses with their names, and the ways of tuning that they are tried with. */
const CASES: readonly {
  tunings: Readonly<Record<string, Tuning>>;
  losses: readonly (readonly [name: string, loss: Loss])[];
}[] = [
  { tunings: TUNINGS, losses: LOSSES.map((of) => [JSON.stringify(of), makeLoss(of)]) },
  {
    tunings: VALUE_TUNINGS,
    losses: [
      ["absolute", absolute],
      ...VALUE_LOSSES.map((of) => [JSON.stringify(of), makeLoss(of)] as const),
    ],
  },
];

const backends = (await backendsAndGpuLike()).filter(({ name }) => !name.startsWith("reference"));
for (const { name: backendName, ignore, make } of backends) {
  for (const { tunings, losses } of CASES) {
    const ways = Object.entries(tunings), made = losses.map(([, loss]) => loss);
    for (const [way, tuning] of backendName.endsWith("as on a GPU") ? variants(ways, 1) : ways) {
      Deno.test({
        name: `gradients of every loss are central differences (${way}, ${backendName})`,
        ignore,
        fn: async () => {
          const expected = known.get(way) ?? differencesOf(tuning, made);
          known.set(way, expected);
          const { start, directions } = await expected;
          const engine = engineOf(await make(), tuning, start);
          for (const [i, [name, loss]] of losses.entries()) {
            // differences of DoRA are taken with frozen weights of other lengths, which are no reference
            if (way === "dora" && loss.labelMeasure === "divergence") continue;
            const gradients = await gradientsOf(engine, loss);
            for (const { low, high, differences } of directions) {
              const parts = Object.entries(gradients).map(([name, g]) => {
                const a = entryOf(low, name), b = entryOf(high, name);
                return g.reduce((sum, v, k) => sum + v * (float(b, k) - float(a, k)), 0);
              });
              const found = parts.reduce((a, b) => a + b, 0), right = f64(Float64Array.from(differences), i);
              const size = Math.hypot(...parts);
              assert(size > 0, `${name} has a gradient`);
              assert(
                Math.abs(found - right) <= 1e-3 * size,
                `${name}: gradients say ${found}, differences ${right} (${Math.abs(found - right) / size})`,
              );
            }
          }
          await engine.dispose();
        },
      });
    }
  }
}
