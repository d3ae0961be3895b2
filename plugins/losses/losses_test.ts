import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import { evaluateLoss, losses } from "./mod.ts";
import { assertNearLoss, checkLoss, goldenLosses, madeLoss } from "./_golden_losses.ts";

const PAIR_FILES = ["dpo_sigmoid", "dpo_hinge", "dpo_ipo", "dpo_robust", "orpo", "simpo"];
for (const file of PAIR_FILES) {
  Deno.test(`${file} equals the autograd table in values, gradients and rewards`, () => {
    const cases = goldenLosses(file);
    assert(cases.length >= 3);
    for (const c of cases) {
      const { simpo_gamma, ...options } = c.params;
      const [name, form] = file.split("_") as [string, string?];
      const loss = madeLoss(name, {
        ...options,
        ...(form && { loss_type: form }),
        ...(simpo_gamma !== undefined && { gamma: simpo_gamma }),
      });
      const rows = c.losses.map((_, i) => ({
        policy: { chosen: c.policy_chosen[i], rejected: c.policy_rejected[i] },
        ...(loss.needsReference && {
          reference: { chosen: c.reference_chosen[i], rejected: c.reference_rejected[i] },
        }),
        length: { chosen: c.length_chosen[i], rejected: c.length_rejected[i] },
      }));
      const gradients = { chosen: c.grad_policy_chosen, rejected: c.grad_policy_rejected };
      const metrics = checkLoss(loss, rows, c, { gradients });
      metrics.forEach((m, i) => {
        assertNearLoss(m["rewards/chosen"]!, c.rewards_chosen[i], `${c.name} rewards/chosen[${i}]`);
        assertNearLoss(m["rewards/rejected"]!, c.rewards_rejected[i], `${c.name} rewards/rejected[${i}]`);
        assertEquals(m["rewards/accuracies"], c.rewards_chosen[i] > c.rewards_rejected[i] ? 1 : 0);
      });
    }
  });
}

Deno.test("iopo, its ablations, hinge, robust and pref_ftx equal the autograd table", () => {
  const cases = goldenLosses("iopo");
  assertEquals(new Set(cases.map((c) => c.kind)).size, 6);
  for (const c of cases) {
    const rest = c.kind.replace(/^iopo_?/, "");
    const form = rest === "hinge" || rest === "robust";
    const loss = madeLoss("iopo", {
      ...c.params,
      ...(form ? { loss_type: rest } : { variant: rest === "" ? "full" : rest }),
    });
    const columns = c.columns as string[];
    const named = (values: number[]) => Object.fromEntries(columns.map((name, k) => [name, values[k]!]));
    const rows = c.losses.map((_, i) => ({
      policy: named(c.policy[i]),
      reference: named(c.reference[i]),
      length: named(c.length?.[i] ?? [7, 8, 9, 10]),
    }));
    const gradients = Object.fromEntries(
      columns.map((name, k) => [name, c.grad_policy.map((g: number[]) => g[k]!)]),
    );
    const metrics = checkLoss(loss, rows, c, { gradients });
    metrics.forEach((m, i) => {
      const reward = named(c.rewards[i]);
      assertNearLoss(m["rewards/chosen_v1"]!, reward.x1y1!, "rewards/chosen_v1");
      assertNearLoss(m["rewards/rejected_v1"]!, reward.x1y2!, "rewards/rejected_v1");
      assertNearLoss(m["rewards/chosen_v2"]!, reward.x2y2!, "rewards/chosen_v2");
      assertNearLoss(m["rewards/rejected_v2"]!, reward.x2y1!, "rewards/rejected_v2");
    });
  }
});

Deno.test("sft summed over micro-batches and divided by all label tokens equals the table, not the mean of means", () => {
  for (const c of goldenLosses("sft").filter((c) => c.policy)) {
    const loss = madeLoss("sft");
    assertEquals(loss.normalize, "label_tokens");
    const tokens = c.label_tokens.flat().reduce((a: number, b: number) => a + b, 0);
    let sum = 0;
    c.policy.forEach((micro: number[], m: number) => {
      const rows = micro.map((y, i) => ({ policy: { y }, length: { y: c.label_tokens[m][i] } }));
      evaluateLoss(loss, rows).forEach((row, i) => {
        sum += row.loss;
        assertNearLoss(row.gradient.y! / tokens, c.grad_policy[m][i], `${c.name} gradient`);
      });
    });
    assertNearLoss(sum / tokens, c.loss, c.name);
  }
});

Deno.test("pt is sft without a prompt", () => {
  const pt = madeLoss("pt");
  assertEquals(pt.sequences, { y: ["", "y"] });
  const [row] = evaluateLoss(pt, [{ policy: { y: -12.5 }, length: { y: 5 } }]);
  assertEquals(row, { loss: 12.5, gradient: { y: -1 }, metrics: {} });
});

Deno.test("initialLoss is the loss at policy = reference, and absent where it depends on the data", () => {
  const cases: [string, Record<string, unknown>, number | undefined][] = [
    ["dpo", {}, Math.LN2],
    ["dpo", { label_smoothing: 0.3 }, Math.LN2],
    ["dpo", { loss_type: "robust", label_smoothing: 0.3 }, Math.LN2],
    ["dpo", { loss_type: "hinge" }, 1],
    ["dpo", { loss_type: "ipo", beta: 0.5 }, 1],
    ["dpo", { loss_type: "sigmoid_norm" }, Math.LN2],
    ["dpo", { pref_ftx: 0.1 }, undefined],
    ["iopo", {}, Math.LN2],
    ["iopo", { variant: "without_output_preference" }, Math.LN2],
    ["iopo", { variant: "without_input_preference", loss_type: "hinge" }, 1],
    ["iopo", { variant: "first_group_only", label_smoothing: 0.1 }, Math.LN2],
    ["iopo", { pref_ftx: 0.1 }, undefined],
    ["kto", {}, 0.5],
    ["kto", { chosen_weight: 2 }, undefined],
    ["orpo", {}, undefined],
    ["simpo", {}, undefined],
    ["sft", {}, undefined],
  ];
  for (const [name, options, expected] of cases) {
    const loss = madeLoss(name, options);
    assertEquals(loss.initialLoss, expected, `${name} ${JSON.stringify(options)}`);
    if (expected === undefined) continue;
    const policy = Object.fromEntries(Object.keys(loss.sequences).map((s, i) => [s, -10 - 3 * i]));
    const length = Object.fromEntries(Object.keys(loss.sequences).map((s, i) => [s, 4 + i]));
    const [row] = evaluateLoss(loss, [{ policy, reference: policy, length, desirable: true }]);
    assert(Math.abs(row!.loss - expected) <= 1e-15, `${name} ${JSON.stringify(options)}: ${row!.loss}`);
  }
});

Deno.test("iopo metrics: names of the authors, overall ones are means of v1 and v2", () => {
  const loss = madeLoss("iopo", { beta: 0.5 });
  // R by hand: x1y1 3, x1y2 -1, x2y1 4, x2y2 2; z = 0.5 (3 + 2 + 1 - 4) = 1.
  const [row] = evaluateLoss(loss, [{
    policy: { x1y1: -7, x1y2: -11, x2y1: -6, x2y2: -8 },
    reference: { x1y1: -10, x1y2: -10, x2y1: -10, x2y2: -10 },
    length: { x1y1: 1, x1y2: 1, x2y1: 1, x2y2: 1 },
  }]);
  assertNearLoss(row!.loss, Math.log1p(Math.exp(-1)), "loss");
  assertEquals(row!.metrics, {
    "rewards/chosen_v1": 1.5,
    "rewards/rejected_v1": -0.5,
    "rewards/accuracies_v1": 1,
    "rewards/margins_v1": 2,
    "rewards/chosen_v2": 1,
    "rewards/rejected_v2": 2,
    "rewards/accuracies_v2": 0,
    "rewards/margins_v2": -1,
    "rewards/chosen": 1.25,
    "rewards/rejected": 0.75,
    "rewards/accuracies": 0.5,
    "rewards/margins": 0.5,
    "logps/chosen_v1": -7,
    "logps/rejected_v1": -11,
    "logps/chosen_v2": -8,
    "logps/rejected_v2": -6,
    "logps/ref_chosen_v1": -10,
    "logps/ref_rejected_v1": -10,
    "logps/ref_chosen_v2": -10,
    "logps/ref_rejected_v2": -10,
  });
});

Deno.test("options out of range or unknown are errors that name the option", () => {
  const bad: [string, Record<string, unknown>, string][] = [
    ["dpo", { label_smoothing: 0.5 }, "label_smoothing"],
    ["dpo", { label_smoothing: -0.1 }, "label_smoothing"],
    ["dpo", { label_smoothing: 0.1, loss_type: "hinge" }, "label_smoothing"],
    ["dpo", { label_smoothing: 0.1, loss_type: "ipo" }, "label_smoothing"],
    ["dpo", { beta: 0 }, "beta"],
    ["dpo", { beta: "0.1" }, "beta"],
    ["dpo", { pref_ftx: -1 }, "pref_ftx"],
    ["dpo", { loss_type: "sppo" }, "loss_type"],
    ["dpo", { loss_type: "exo_pair" }, "label_smoothing"],
    ["dpo", { gamma: 1 }, "gamma"],
    ["iopo", { label_smoothing: 0.5 }, "label_smoothing"],
    ["iopo", { loss_type: "hinge", label_smoothing: 0.1 }, "label_smoothing"],
    ["iopo", { loss_type: "ipo" }, "loss_type"],
    ["iopo", { variant: "none" }, "variant"],
    ["kto", { chosen_weight: 0 }, "chosen_weight"],
    ["orpo", { beta: NaN }, "beta"],
    ["simpo", { gamma: Infinity }, "gamma"],
    ["sft", { beta: 0.1 }, "beta"],
  ];
  for (const [name, options, field] of bad) {
    const { message } = assertThrows(() => madeLoss(name, options), TypeError);
    const found = /options don't fit: (?:unknown option )?(\w+)/.exec(message);
    assertEquals(found?.[1], field, message);
  }
});

Deno.test("orpo stays finite where rounding puts a mean log-probability at or above 0", () => {
  for (const certain of [0, 1e-9]) {
    const [row] = evaluateLoss(madeLoss("orpo"), [{
      policy: { chosen: certain, rejected: -20 },
      length: { chosen: 1, rejected: 10 },
    }]);
    assert(Number.isFinite(row!.loss) && Number.isFinite(row!.gradient.chosen));
    assertNearLoss(row!.gradient.chosen!, -1, "gradient of the SFT part");
  }
});

Deno.test("evaluateLoss() refuses a row without one of the loss's sequences or the label kto needs", () => {
  const length = { chosen: 1, rejected: 1 };
  assertThrows(
    () => evaluateLoss(madeLoss("dpo"), [{ policy: { chosen: -1, rejected: -1 }, length }]),
    TypeError,
    'reference of sequence "chosen" in row 0',
  );
  const y = { y: -1, kl: -1 };
  assertThrows(
    () => evaluateLoss(madeLoss("kto"), [{ policy: y, reference: y, length: { y: 1, kl: 1 } }]),
    TypeError,
    "desirable",
  );
});

Deno.test("every option of every loss has a description, and every loss but pt, sft, rm and grpo takes pref_ftx", () => {
  for (const plugin of losses) {
    for (const [name, option] of Object.entries(plugin.options.shape)) {
      assert((option as z.ZodType).description, `${plugin.name}.${name} lacks a description`);
    }
    assertEquals("pref_ftx" in plugin.options.shape, !["pt", "sft", "rm", "grpo"].includes(plugin.name));
  }
});

Deno.test("rm is minus the log-sigmoid of the rewards' difference, by hand", () => {
  const row = { policy: { chosen: 0.3, rejected: -0.5 }, length: { chosen: 1, rejected: 1 } };
  // z = 0.8; loss = log(1 + e^-0.8), d/dr_c = -σ(-0.8) = -d/dr_r
  const [found] = evaluateLoss(madeLoss("rm"), [row]), slope = 1 / (1 + Math.exp(0.8));
  assertAlmostEquals(found!.loss, Math.log1p(Math.exp(-0.8)), 1e-14);
  assertAlmostEquals(found!.gradient.chosen!, -slope, 1e-14);
  assertAlmostEquals(found!.gradient.rejected!, slope, 1e-14);
  assertEquals(found!.metrics, {
    accuracy: 1,
    "rewards/accuracies": 1,
    "rewards/chosen": 0.3,
    "rewards/rejected": -0.5,
    "rewards/margins": 0.8,
  });
  const [even] = evaluateLoss(madeLoss("rm"), [{ ...row, policy: { chosen: 1, rejected: 1 } }]);
  assertEquals([even!.metrics.accuracy, even!.metrics["rewards/accuracies"]], [0, 0]);
});

Deno.test("dpo with sigmoid_norm is the sigmoid of log-ratios per token, by hand", () => {
  const loss = madeLoss("dpo", { loss_type: "sigmoid_norm", beta: 0.5 });
  const row = {
    policy: { chosen: -10, rejected: -30 },
    reference: { chosen: -14, rejected: -24 },
    length: { chosen: 4, rejected: 10 },
  };
  // R = 4 over 4 tokens, -6 over 10: z = 0.5 (1 - (-0.6)) = 0.8; loss = log(1 + e^-0.8), d/dR_c = -σ(-0.8)·0.5/4.
  const [found] = evaluateLoss(loss, [row]);
  assertAlmostEquals(found!.loss, Math.log1p(Math.exp(-0.8)), 1e-14);
  assertAlmostEquals(found!.gradient.chosen!, -0.125 / (1 + Math.exp(0.8)), 1e-14);
  assertAlmostEquals(found!.gradient.rejected!, 0.05 / (1 + Math.exp(0.8)), 1e-14);
});

Deno.test("eaft_alpha weighs by the entropy's power, by nothing where rounding leaves it below 0", () => {
  const tokens = { logps: new Float64Array(3), positions: Int32Array.of(1, 2, 3) };
  const measures = Float64Array.of(-1e-7, 0.75, 3);
  const { y } = madeLoss("sft", { eaft_alpha: 0.5 }).tokenWeights!({ y: { ...tokens, measures } });
  assertEquals(y, Float64Array.of(0, 0.5, 1));
});
