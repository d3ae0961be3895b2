import { assertEquals } from "@std/assert";

import { assertNearLoss, madeLoss } from "./_golden_losses.ts";
import { checkLossGradient } from "./check.ts";
import { carriedOn } from "../kinds/loss_evaluation.ts";
import { evaluateLoss } from "./mod.ts";

const row = (chosen: number, rejected: number) => ({
  policy: { chosen: chosen - 40, rejected: rejected - 40 },
  reference: { chosen: -40, rejected: -40 },
  length: { chosen: 4, rejected: 8 },
});
const FIRST = [row(2, -1), row(4, 0)], SECOND = [row(1, -3)];
const softplus = (x: number) => Math.log1p(Math.exp(x));

// By hand, as LLaMA-Factory 0.9.5's bco_loss with TRL's RunningMoments has it: β = 0.5, so the rewards are 1, −0.5, 2, 0 (mean 0.625) and
// 0.5, −1.5 (mean −0.5). Each micro-batch counts once: δ is 0.625, then (0.625 − 0.5) / 2 = 0.0625, with the second one in it.
Deno.test("dpo's bco_weight mixes in BCO, shifted by the mean over micro-batches of their mean reward", () => {
  const loss = madeLoss("dpo", { beta: 0.5, bco_weight: 0.7 });
  const first = carriedOn(loss, FIRST, loss.carried!.initial), second = carriedOn(loss, SECOND, first);
  assertEquals([first, second], [{ delta: 0.625, batches: 1 }, { delta: 0.0625, batches: 2 }]);
  const expected = (c: number, r: number, delta: number) =>
    (softplus(r - c) + 0.7 * (softplus(delta - c) + softplus(r - delta))) / 1.7;
  const [one, two] = evaluateLoss(loss, FIRST, first), [three] = evaluateLoss(loss, SECOND, second);
  assertNearLoss(one!.loss, expected(1, -0.5, 0.625), "first row");
  assertNearLoss(two!.loss, expected(2, 0, 0.625), "second row");
  assertNearLoss(three!.loss, expected(0.5, -1.5, 0.0625), "third row");
  // d/dR_chosen of the three terms, each β(σ − 1): the shift is a constant
  const sigma = (x: number) => 1 / (1 + Math.exp(-x));
  assertNearLoss(
    three!.gradient.chosen!,
    0.5 * (sigma(2) - 1 + 0.7 * (sigma(0.4375) - 1)) / 1.7,
    "gradient of the chosen answer",
  );
});

Deno.test("the mean reward of a loss per token is one of rewards per token", () => {
  const loss = madeLoss("dpo", { beta: 0.5, loss_type: "ipo", bco_weight: 1 });
  // (0.5 · 2 / 4 + 0.5 · −1 / 8) / 2
  assertEquals(carriedOn(loss, [row(2, -1)], loss.carried!.initial), { delta: 0.09375, batches: 1 });
});

Deno.test("dpo with bco_weight has its value at policy = reference, and gradients that equal central differences", () => {
  for (const loss_type of ["sigmoid", "ipo", "apo_zero"]) {
    const loss = madeLoss("dpo", { beta: 0.3, loss_type, bco_weight: 0.5 });
    assertEquals(checkLossGradient(loss).unused, []);
  }
  // (ln 2 + ½ · 2 ln 2) / 1.5
  assertNearLoss(madeLoss("dpo", { bco_weight: 0.5 }).initialLoss!, Math.LN2 * 2 / 1.5, "at the start");
  assertEquals(madeLoss("dpo").carried, undefined);
});
