import { assertEquals } from "@std/assert";

import { assertNearLoss, checkLoss, goldenLosses, madeLoss } from "./_golden_losses.ts";
import { averageMetrics, evaluateLoss } from "./mod.ts";

Deno.test("kto equals the autograd table, with kl from the micro-batch and no gradient through it", () => {
  for (const c of goldenLosses("kto")) {
    const { desirable_weight, undesirable_weight, beta } = c.params;
    const loss = madeLoss("kto", {
      beta,
      chosen_weight: desirable_weight,
      rejected_weight: undesirable_weight,
    });
    // The table's kl sequences may be fewer than its rows; repeating them keeps their mean.
    const k = c.kl_policy.length;
    const rows = c.losses.map((_, i) => ({
      policy: { y: c.policy[i], kl: c.kl_policy[i % k] },
      reference: { y: c.reference[i], kl: c.kl_reference[i % k] },
      length: { y: 8, kl: 8 },
      desirable: c.desirable[i],
    }));
    // The table has 1 - sigmoid(z), which keeps only multiples of 2^-53 near 0; ours doesn't round there (next test).
    const gradients = { y: c.grad_policy, kl: c.losses.map(() => 0) };
    const metrics = checkLoss(loss, rows, c, { gradients, absolute: 2 ** -52 });
    metrics.forEach((m, i) => {
      if (i === 0) assertNearLoss(m.kl!, c.kl, "kl");
      assertEquals("kl" in m, i === 0, "kl is given once per micro-batch");
      assertNearLoss(m[c.desirable[i] ? "rewards/chosen" : "rewards/rejected"]!, c.rewards[i], "reward");
    });
  }
});

// By hand, as the KTO trainer of LLaMA-Factory 0.9.5 writes it: mean of the losses + γ · mean of the desirable rows' −log π per
// token / desirable rows · rows. Policy = reference, so that each kto loss is 0.5; γ = 0.4, two of five rows are desirable:
// 0.5 + 0.4 · (12/4 + 10/2)/2 / 2 · 5 = 4.5, and d loss / d log π = −0.4 · 5 / (2 · 2 · tokens).
Deno.test("kto's pref_ftx weighs a micro-batch's desirable rows as LLaMA-Factory does", () => {
  const row = (y: number, tokens: number, desirable: boolean) => ({
    policy: { y, kl: -9 },
    reference: { y, kl: -9 },
    length: { y: tokens, kl: 3 },
    desirable,
  });
  const [plain, mixed] = [0, 0.4].map((pref_ftx) =>
    evaluateLoss(madeLoss("kto", { pref_ftx }), [
      row(-12, 4, true),
      row(-7, 7, false),
      row(-10, 2, true),
      row(-30, 3, false),
      row(-1, 1, false),
    ])
  );
  const mean = (rows: typeof mixed) => rows!.reduce((sum, { loss }) => sum + loss / 5, 0);
  assertNearLoss(mean(plain), 0.5, "without");
  assertNearLoss(mean(mixed), 4.5, "with");
  const added = mixed!.map(({ gradient }, i) => (gradient.y! - plain![i]!.gradient.y!) / 5);
  for (const [i, slope] of [-0.125, 0, -0.25, 0, 0].entries()) assertNearLoss(added[i]!, slope, `row ${i}`);
  const undesirable = [row(-7, 7, false), row(-1, 1, false)];
  assertEquals(mean(evaluateLoss(madeLoss("kto", { pref_ftx: 0.4 }), undesirable)) * 5 / 2, 0.5);
});

Deno.test("kto of a far better desirable answer is sigmoid(-z), not 0 and not a multiple of 2^-53", () => {
  const [row] = evaluateLoss(madeLoss("kto", { beta: 1 }), [{
    policy: { y: -63.5, kl: -1 },
    reference: { y: -100, kl: -1 },
    length: { y: 8, kl: 8 },
    desirable: true,
  }]);
  assertNearLoss(row!.loss, Math.exp(-36.5), "loss");
  assertNearLoss(row!.gradient.y!, -Math.exp(-36.5), "gradient");
});

Deno.test("kto reports margins from the means of the two kinds of rows", () => {
  const loss = madeLoss("kto", { beta: 0.5 });
  const rows = evaluateLoss(loss, [
    { policy: { y: -4, kl: -9 }, reference: { y: -10, kl: -9 }, length: { y: 3, kl: 3 }, desirable: true },
    { policy: { y: -8, kl: -9 }, reference: { y: -10, kl: -9 }, length: { y: 3, kl: 3 }, desirable: true },
    { policy: { y: -12, kl: -9 }, reference: { y: -10, kl: -9 }, length: { y: 3, kl: 3 }, desirable: false },
  ]);
  const means = averageMetrics(loss, rows.map((row) => row.metrics));
  assertEquals(means["rewards/chosen"], 2); // (3 + 1) / 2
  assertEquals(means["rewards/rejected"], -1);
  assertEquals(means["rewards/margins"], 3);
  assertEquals(means["logps/chosen"], -6);
  const oneKind = averageMetrics(loss, [rows[0]!.metrics]);
  assertEquals("rewards/margins" in oneKind, false);
});
