import { assert, assertEquals, assertThrows } from "@std/assert";

import { Scalar } from "../../kernels/tape.ts";
import { checkLossGradient, constant, defineLoss, type Loss, losses } from "./mod.ts";
import { Registry } from "../registry.ts";

function create(name: string, options: Record<string, unknown> = {}): Loss {
  return new Registry(losses).create("loss", name, options);
}

const FORMS: [name: string, options: Record<string, unknown>][] = [
  ["sft", {}],
  ["sft", { asft_alpha: 0.3 }],
  ["pt", {}],
  ...["sigmoid", "hinge", "ipo", "robust"].map((loss_type): [string, Record<string, unknown>] => [
    "dpo",
    { loss_type, pref_ftx: 0.5 },
  ]),
  ["dpo", { label_smoothing: 0.2 }],
  ["orpo", { beta: 0.5, pref_ftx: 0.5 }],
  ["simpo", { beta: 2.5, gamma: 1.4, pref_ftx: 0.5 }],
  ["kto", { chosen_weight: 2, rejected_weight: 0.5, pref_ftx: 0.5 }],
  ...["full", "without_output_preference", "without_input_preference", "first_group_only"].flatMap((
    variant,
  ) =>
    ["sigmoid", "hinge", "robust"].map((loss_type): [string, Record<string, unknown>] => [
      "iopo",
      { variant, loss_type, pref_ftx: 0.25, ...(loss_type !== "hinge" && { label_smoothing: 0.1 }) },
    ])
  ),
];

for (const [name, options] of FORMS) {
  Deno.test(`gradient of ${name} ${JSON.stringify(options)} equals central differences`, () => {
    const { worst, unused } = checkLossGradient(create(name, options), { examples: 24 });
    assert(worst < 1e-6, `${worst}`);
    assertEquals(unused, name === "kto" ? ["kl"] : []);
  });
}

/** A loss with one planted fault, and no claim about step 0 unless it makes one. */
function faulty(change: Partial<Loss>): Loss {
  const { initialLoss: _, ...rest } = create("dpo");
  return { ...rest, ...change };
}

Deno.test("checkLossGradient() finds a value that left the tape", () => {
  const loss = faulty({
    loss: ({ R }) => ({
      loss: R.chosen!.times(constant(Math.exp(R.rejected!.value / 100))).neg(),
      metrics: {},
    }),
  });
  assertThrows(() => checkLossGradient(loss), Error, 'by sequence "rejected"');
});

Deno.test("checkLossGradient() looks at a divergence's gradient too", () => {
  const weighing = (weigh: (divergence: Scalar) => Scalar): Loss =>
    defineLoss({
      shape: "single",
      sequences: { y: ["x", "y"] },
      needsReference: false,
      normalize: "label_tokens",
      labelMeasure: "divergence",
      loss: ({ policy, divergence }) => ({ loss: weigh(divergence.y).minus(policy.y), metrics: {} }),
    });
  assertEquals(checkLossGradient(weighing((kl) => kl.square())).unused, []);
  const left = weighing((kl) => new Scalar(kl.value));
  assertThrows(() => checkLossGradient(left), Error, 'by the divergence of sequence "y" in row 0');
});

Deno.test("checkLossGradient() finds a wrong initialLoss, state, and what isn't finite", () => {
  assertThrows(() => checkLossGradient(faulty({ initialLoss: 0.7 })), Error, "initialLoss 0.7");
  let calls = 0;
  const stateful = faulty({
    loss: ({ R }) => ({ loss: R.chosen!.minus(R.rejected!).plus(calls++), metrics: {} }),
  });
  assertThrows(() => checkLossGradient(stateful), Error, "must not keep state");
  const naive = faulty({
    loss: ({ R }) => ({ loss: R.rejected!.minus(R.chosen!).exp().plus(1).log(), metrics: {} }),
  });
  assertThrows(() => checkLossGradient(naive), Error, "loss of row");
  const metric = faulty({ loss: (inputs) => ({ ...create("dpo").loss(inputs), metrics: { x: 0 / 0 } }) });
  assertThrows(() => checkLossGradient(metric), Error, "x of row 0");
});

Deno.test("checkLossGradient() lists sequences that the formula doesn't use", () => {
  const loss = faulty({ loss: ({ policy }) => ({ loss: policy.chosen!.neg(), metrics: {} }) });
  assertEquals(checkLossGradient(loss).unused, ["rejected"]);
  assertEquals(checkLossGradient(create("iopo", { variant: "first_group_only" })).unused, ["x2y2"]);
});
