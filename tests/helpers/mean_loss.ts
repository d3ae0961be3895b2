/** For tests: the mean loss of a golden's two rows, and its gradients, against another program's. */
import { assertAlmostEquals, assertEquals } from "@std/assert";

import { f64 } from "../../formats/elements.ts";
import { idsExample, readJson, TINY } from "./tiny_model.ts";
import type { Engine } from "../../kernels/engine/engine.ts";
import { packExamples } from "../../kernels/engine/packs/pack.ts";

/** What another program computed in float64. */
export interface MeanLoss {
  /** Mean over labels, in nats. */
  loss: number;
  /** By trained tensor: its gradient's norm, and its product with cos(0), cos(1), … */
  gradients: Record<string, [norm: number, projection: number]>;
}

/** Compares an engine's step on golden.json's rows, whose labels are those that aren't −100; disposes of the engine. */
export async function assertMeanLoss(
  engine: Engine,
  arch: string,
  { loss, gradients }: MeanLoss,
  pass: { dropoutStep?: number } = {},
): Promise<void> {
  const { sequences, labels } = readJson(`${TINY}${arch}/golden.json`);
  const pack = packExamples(sequences.map((ids: number[]) => idsExample({ s: [[ids[0]!], ids.slice(1)] })));
  const learnt: boolean[] = labels.flatMap((l: number[]) => l.slice(1).map((id) => id !== -100));
  const count = learnt.filter(Boolean).length;
  const logps = await engine.forward(pack, { adapter: true, keep: true, ...pass });
  const sum = learnt.reduce((total, on, l) => total + (on ? f64(logps, l) : 0), 0);
  assertAlmostEquals(-sum / count, loss, 1e-5);
  await engine.backward(Float64Array.from(learnt, (on) => on ? -1 / count : 0));
  const names = [...engine.parameters.trained.keys()], found = await engine.parameters.gradients();
  assertEquals(names.toSorted(), Object.keys(gradients).sort());
  names.forEach((name, i) => {
    const [norm, projection] = gradients[name]!;
    let squares = 0, product = 0;
    found[i]!.forEach((value, place) => {
      squares += value ** 2;
      product += value * Math.cos(place);
    });
    assertAlmostEquals(Math.sqrt(squares), norm, 1e-5 + 1e-4 * norm, `norm of ${name}`);
    assertAlmostEquals(product, projection, 1e-5 + 1e-4 * norm, `projection of ${name}`);
  });
  await engine.dispose();
}
