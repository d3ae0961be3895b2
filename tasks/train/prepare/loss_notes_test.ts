import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { z } from "zod";

import { logSigmoid } from "../../../kernels/tape.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { defineLoss, type LossInputs } from "../../../plugins/kinds/loss.ts";
import { definePlugin } from "../../../plugins/kinds/plugin.ts";
import { lossNotes } from "./loss_notes.ts";

type Pair = LossInputs<"chosen" | "rejected", true>;

/** Notes on DPO's formula, or what stands in its place. */
function notes(loss: (inputs: Pair) => ReturnType<typeof logSigmoid>, initialLoss = Math.LN2): string[] {
  const registry = builtinRegistry();
  registry.define(
    definePlugin({
      kind: "loss",
      name: "mine",
      version: "1",
      description: "d",
      options: z.strictObject({}),
      create: () =>
        defineLoss({
          shape: "pair",
          sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
          needsReference: true,
          normalize: "examples",
          initialLoss,
          loss: (inputs) => ({ loss: loss(inputs), metrics: {} }),
        }),
    }),
    "my.ts",
  );
  return lossNotes(registry, "mine");
}

Deno.test("a loss of one's own whose gradient isn't its formula's is told before the run, with plugin, file and sequence", () => {
  const dpo = ({ R }: Pair) => logSigmoid(R.chosen.minus(R.rejected)).neg();
  assertEquals(notes(dpo), []);
  const [detached] = notes(({ R }) => logSigmoid(R.chosen.minus(R.rejected.value)).neg());
  assertMatch(
    detached!,
    /^loss\/mine of my\.ts: Cannot trust the gradient by sequence "rejected" in row 0 as central differences give .*current value is 0\..*the run goes on\)$/,
  );
  assertMatch(
    notes(dpo, 3)[0]!,
    /^loss\/mine of my\.ts: Cannot trust initialLoss 3 as the loss of row 0 at policy = reference is 0\.69/,
  );
  assertEquals(notes(({ R }) => logSigmoid(R.chosen).neg()), [
    "loss/mine of my.ts: its loss doesn't depend on rejected, which go through the model all the same",
  ]);
  assertMatch(
    notes(({ R }) => R.chosen.times(NaN))[0]!,
    /^loss\/mine of my\.ts: Cannot learn from loss\(\) as a finite number is needed/,
  );
});

Deno.test("a loss of one's own that gives another form in every call ends the run before the model is read", () => {
  const wrong: [(inputs: Pair) => unknown, string][] = [
    [
      ({ R }) => R.chosen.value,
      "loss().loss as a value made of policy or R (a Scalar) is needed: current value is 0",
    ],
    [
      ({ R }) => Promise.resolve(R.chosen),
      "loss().loss as a value made of policy or R (a Scalar) is needed: current value is a Promise",
    ],
    [
      () => undefined,
      "loss().loss as a value made of policy or R (a Scalar) is needed: current value is missing",
    ],
  ];
  for (const [loss, words] of wrong) {
    assertThrows(
      () => notes(loss as Parameters<typeof notes>[0]),
      TypeError,
      `loss/mine of my.ts: Cannot use ${words.replace(/ 0$/, "")}`,
    );
  }
});

Deno.test("a loss of one's own that computes by JavaScript's operators ends the run before the model is read", () => {
  const minus = (a: unknown, b: unknown) => (a as number) - (b as number);
  assertThrows(
    () => notes(({ R }) => R.chosen.plus(minus(R.chosen, R.rejected))),
    TypeError,
    "Cannot compute with a value of the tape by JavaScript's operators",
  );
});

Deno.test("the built-in losses have no notes", () => {
  const registry = builtinRegistry();
  for (const name of registry.names("loss")) {
    assertEquals(lossNotes(registry, name), []);
  }
});
