import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";

import { assertNearLoss, madeLoss } from "./_golden_losses.ts";
import { evaluateLoss } from "./mod.ts";

interface Case {
  form: string;
  beta: number;
  label_smoothing: number;
  /** Of the chosen answers, then of the rejected ones. */
  policy: [number[], number[]];
  reference: [number[], number[]];
  lengths: [number[], number[]];
  losses: number[];
  gradients: [number[], number[]];
}

// the branches of TRL 1.16's own source run in float64 (fixtures/goldens/losses/trl/make_dpo_forms.py)
const golden = JSON.parse(
  Deno.readTextFileSync(new URL("../../fixtures/goldens/losses/trl/dpo_forms.json", import.meta.url)),
) as { cases: Case[] };

const SMOOTHED = ["robust", "exo_pair"];

function made({ form, beta, label_smoothing }: Case) {
  return madeLoss("dpo", { loss_type: form, beta, ...(SMOOTHED.includes(form) && { label_smoothing }) });
}

function rowsOf({ policy, reference, lengths }: Case) {
  return policy[0].map((_, i) => ({
    policy: { chosen: policy[0][i]!, rejected: policy[1][i]! },
    reference: { chosen: reference[0][i]!, rejected: reference[1][i]! },
    length: { chosen: lengths[0][i]!, rejected: lengths[1][i]! },
  }));
}

Deno.test("every loss_type of dpo has the losses and gradients of TRL's own branch", () => {
  assertEquals(new Set(golden.cases.map(({ form }) => form)).size, 11);
  for (const c of golden.cases) {
    evaluateLoss(made(c), rowsOf(c)).forEach((row, i) => {
      const name = `${c.form} beta ${c.beta} row ${i}`;
      // TRL's 1 - σ is rounded at 1, where σ(-x) here keeps its digits
      assertNearLoss(row.loss, c.losses[i]!, `${name} loss`, 5e-16);
      // sums that cancel are as exact as their largest part, at most beta times the loss of an answer
      const rounding = 1e-14 * c.beta * Math.max(1, Math.abs(c.losses[i]!));
      assertNearLoss(row.gradient.chosen!, c.gradients[0][i]!, `${name} chosen`, rounding);
      assertNearLoss(row.gradient.rejected!, c.gradients[1][i]!, `${name} rejected`, rounding);
    });
  }
});

Deno.test("gradients of TRL's forms equal central differences", () => {
  for (const c of golden.cases) {
    const loss = made(c), step = 1e-5;
    rowsOf(c).slice(0, 5).forEach((row, i) => {
      // the hinge has a corner, where a difference is neither side's slope
      if (c.form === "hinge" && Math.abs(c.losses[i]!) < 1e-3) return;
      for (const name of ["chosen", "rejected"] as const) {
        const moved = (by: number) => ({ ...row, policy: { ...row.policy, [name]: row.policy[name] + by } });
        const [up, down] = evaluateLoss(loss, [moved(step), moved(-step)]);
        const [at] = evaluateLoss(loss, [row]);
        const expected = (up!.loss - down!.loss) / (2 * step);
        assertAlmostEquals(at!.gradient[name]!, expected, 1e-6 * Math.max(1, Math.abs(expected)));
      }
    });
  }
});

Deno.test("the loss of an untrained adapter is known for each form", () => {
  // by hand from the formulas with both log-ratios 0, beta 0.1
  const known: [string, number][] = [
    ["nca_pair", 2 * Math.LN2],
    ["bco_pair", 2 * Math.LN2],
    ["sppo_hard", 50],
    ["apo_zero", 1],
    ["apo_down", 1],
    ["ipo", 25],
    ["hinge", 1],
    ["sigmoid", Math.LN2],
  ];
  for (const [loss_type, value] of known) {
    assertAlmostEquals(madeLoss("dpo", { loss_type, beta: 0.1 }).initialLoss ?? NaN, value, 1e-12);
  }
  const exo = madeLoss("dpo", { loss_type: "exo_pair", label_smoothing: 0.25 }).initialLoss ?? NaN;
  assertAlmostEquals(exo, -Math.LN2 - (Math.log(0.75) + Math.log(0.25)) / 2, 1e-12);
  assertThrows(() => madeLoss("dpo", { loss_type: "exo_pair" }), Error, "without label smoothing");
  assertThrows(() => madeLoss("dpo", { loss_type: "apo_zero", label_smoothing: 0.1 }), Error, "exo_pair");
  assert(golden.cases.length > 30);
});
