import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { z } from "zod";

import { averageMetrics, evaluateLoss, type Loss, losses, type LossRow } from "./mod.ts";
import { Registry } from "../registry.ts";

interface Case {
  name: string;
  kind: string;
  params: Record<string, number>;
  losses: number[];
  loss: number;
  // deno-lint-ignore no-explicit-any -- columns differ from file to file
  [column: string]: any;
}

function golden(file: string): Case[] {
  const url = new URL(`../../fixtures/goldens/losses/${file}.json`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url)).cases;
}

function create(name: string, options: Record<string, unknown> = {}): Loss {
  return new Registry(losses).create("loss", name, options);
}

/**
 * 1e-12 of the expected value: an absolute part only for what PyTorch's exp flushes to 0 (e^-745 = 5e-324), so that
 * 1e-16 at z = 36.5 can't pass as 0.
 */
function assertNear(actual: number, expected: number, what: string, absolute = 1e-300): void {
  assert(
    Math.abs(actual - expected) <= 1e-12 * Math.abs(expected) + absolute,
    `${what}: expected ${expected}, current value is ${actual}`,
  );
}

function check(
  loss: Loss,
  rows: LossRow[],
  c: Case,
  columns: Record<string, number[]>,
  absolute?: number,
): Record<string, number>[] {
  const results = evaluateLoss(loss, rows);
  assertEquals(results.length, c.losses.length);
  results.forEach((row, i) => {
    assertNear(row.loss, c.losses[i]!, `${c.kind} ${c.name} loss[${i}]`, absolute);
    for (const [name, expected] of Object.entries(columns)) {
      assertNear(
        row.gradient[name]! / rows.length,
        expected[i]!,
        `${c.kind} ${c.name} gradient of ${name}[${i}]`,
        absolute,
      );
    }
  });
  assertNear(
    results.reduce((sum, row) => sum + row.loss, 0) / rows.length,
    c.loss,
    `${c.kind} ${c.name} mean`,
  );
  return results.map((row) => row.metrics);
}

const PAIR_FILES = ["dpo_sigmoid", "dpo_hinge", "dpo_ipo", "dpo_robust", "orpo", "simpo"];
for (const file of PAIR_FILES) {
  Deno.test(`${file} equals the autograd table in values, gradients and rewards`, () => {
    const cases = golden(file);
    assert(cases.length >= 3);
    for (const c of cases) {
      const { simpo_gamma, ...options } = c.params;
      const [name, form] = file.split("_") as [string, string?];
      const loss = create(name, {
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
      const metrics = check(loss, rows, c, {
        chosen: c.grad_policy_chosen,
        rejected: c.grad_policy_rejected,
      });
      metrics.forEach((m, i) => {
        assertNear(m["rewards/chosen"]!, c.rewards_chosen[i], `${c.name} rewards/chosen[${i}]`);
        assertNear(m["rewards/rejected"]!, c.rewards_rejected[i], `${c.name} rewards/rejected[${i}]`);
        assertEquals(m["rewards/accuracies"], c.rewards_chosen[i] > c.rewards_rejected[i] ? 1 : 0);
      });
    }
  });
}

Deno.test("iopo, its ablations, hinge, robust and pref_ftx equal the autograd table", () => {
  const cases = golden("iopo");
  assertEquals(new Set(cases.map((c) => c.kind)).size, 6);
  for (const c of cases) {
    const rest = c.kind.replace(/^iopo_?/, "");
    const form = rest === "hinge" || rest === "robust";
    const loss = create("iopo", {
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
    const metrics = check(loss, rows, c, gradients);
    metrics.forEach((m, i) => {
      const reward = named(c.rewards[i]);
      assertNear(m["rewards/chosen_v1"]!, reward.x1y1!, "rewards/chosen_v1");
      assertNear(m["rewards/rejected_v1"]!, reward.x1y2!, "rewards/rejected_v1");
      assertNear(m["rewards/chosen_v2"]!, reward.x2y2!, "rewards/chosen_v2");
      assertNear(m["rewards/rejected_v2"]!, reward.x2y1!, "rewards/rejected_v2");
    });
  }
});

Deno.test("kto equals the autograd table, with kl from the micro-batch and no gradient through it", () => {
  for (const c of golden("kto")) {
    const { desirable_weight, undesirable_weight, beta } = c.params;
    const loss = create("kto", {
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
    const metrics = check(loss, rows, c, { y: c.grad_policy, kl: c.losses.map(() => 0) }, 2 ** -52);
    metrics.forEach((m, i) => {
      if (i === 0) assertNear(m.kl!, c.kl, "kl");
      assertEquals("kl" in m, i === 0, "kl is given once per micro-batch");
      assertNear(m[c.desirable[i] ? "rewards/chosen" : "rewards/rejected"]!, c.rewards[i], "reward");
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
    evaluateLoss(create("kto", { pref_ftx }), [
      row(-12, 4, true),
      row(-7, 7, false),
      row(-10, 2, true),
      row(-30, 3, false),
      row(-1, 1, false),
    ])
  );
  const mean = (rows: typeof mixed) => rows!.reduce((sum, { loss }) => sum + loss / 5, 0);
  assertNear(mean(plain), 0.5, "without");
  assertNear(mean(mixed), 4.5, "with");
  const added = mixed!.map(({ gradient }, i) => (gradient.y! - plain![i]!.gradient.y!) / 5);
  for (const [i, slope] of [-0.125, 0, -0.25, 0, 0].entries()) assertNear(added[i]!, slope, `row ${i}`);
  const undesirable = [row(-7, 7, false), row(-1, 1, false)];
  assertEquals(mean(evaluateLoss(create("kto", { pref_ftx: 0.4 }), undesirable)) * 5 / 2, 0.5);
});

Deno.test("sft summed over micro-batches and divided by all label tokens equals the table, not the mean of means", () => {
  for (const c of golden("sft").filter((c) => c.policy)) {
    const loss = create("sft");
    assertEquals(loss.normalize, "label_tokens");
    const tokens = c.label_tokens.flat().reduce((a: number, b: number) => a + b, 0);
    let sum = 0;
    c.policy.forEach((micro: number[], m: number) => {
      const rows = micro.map((y, i) => ({ policy: { y }, length: { y: c.label_tokens[m][i] } }));
      evaluateLoss(loss, rows).forEach((row, i) => {
        sum += row.loss;
        assertNear(row.gradient.y! / tokens, c.grad_policy[m][i], `${c.name} gradient`);
      });
    });
    assertNear(sum / tokens, c.loss, c.name);
  }
});

Deno.test("pt is sft without a prompt", () => {
  const pt = create("pt");
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
    const loss = create(name, options);
    assertEquals(loss.initialLoss, expected, `${name} ${JSON.stringify(options)}`);
    if (expected === undefined) continue;
    const policy = Object.fromEntries(Object.keys(loss.sequences).map((s, i) => [s, -10 - 3 * i]));
    const length = Object.fromEntries(Object.keys(loss.sequences).map((s, i) => [s, 4 + i]));
    const [row] = evaluateLoss(loss, [{ policy, reference: policy, length, desirable: true }]);
    assert(Math.abs(row!.loss - expected) <= 1e-15, `${name} ${JSON.stringify(options)}: ${row!.loss}`);
  }
});

Deno.test("kto of a far better desirable answer is sigmoid(-z), not 0 and not a multiple of 2^-53", () => {
  const [row] = evaluateLoss(create("kto", { beta: 1 }), [{
    policy: { y: -63.5, kl: -1 },
    reference: { y: -100, kl: -1 },
    length: { y: 8, kl: 8 },
    desirable: true,
  }]);
  assertNear(row!.loss, Math.exp(-36.5), "loss");
  assertNear(row!.gradient.y!, -Math.exp(-36.5), "gradient");
});

Deno.test("iopo metrics: names of the authors, overall ones are means of v1 and v2", () => {
  const loss = create("iopo", { beta: 0.5 });
  // R by hand: x1y1 3, x1y2 -1, x2y1 4, x2y2 2; z = 0.5 (3 + 2 + 1 - 4) = 1.
  const [row] = evaluateLoss(loss, [{
    policy: { x1y1: -7, x1y2: -11, x2y1: -6, x2y2: -8 },
    reference: { x1y1: -10, x1y2: -10, x2y1: -10, x2y2: -10 },
    length: { x1y1: 1, x1y2: 1, x2y1: 1, x2y2: 1 },
  }]);
  assertNear(row!.loss, Math.log1p(Math.exp(-1)), "loss");
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

Deno.test("kto reports margins from the means of the two kinds of rows", () => {
  const loss = create("kto", { beta: 0.5 });
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

Deno.test("options out of range or unknown are errors that name the option", () => {
  const bad: [string, Record<string, unknown>, string][] = [
    ["dpo", { label_smoothing: 0.5 }, "label_smoothing"],
    ["dpo", { label_smoothing: -0.1 }, "label_smoothing"],
    ["dpo", { label_smoothing: 0.1, loss_type: "hinge" }, "label_smoothing"],
    ["dpo", { label_smoothing: 0.1, loss_type: "ipo" }, "label_smoothing"],
    ["dpo", { beta: 0 }, "beta"],
    ["dpo", { beta: "0.1" }, "beta"],
    ["dpo", { pref_ftx: -1 }, "pref_ftx"],
    ["dpo", { loss_type: "sppo_hard" }, "loss_type"],
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
    const { message } = assertThrows(() => create(name, options), TypeError);
    const found = /options don't fit: (?:unknown option )?(\w+)/.exec(message);
    assertEquals(found?.[1], field, message);
  }
});

Deno.test("orpo stays finite where rounding puts a mean log-probability at or above 0", () => {
  for (const certain of [0, 1e-9]) {
    const [row] = evaluateLoss(create("orpo"), [{
      policy: { chosen: certain, rejected: -20 },
      length: { chosen: 1, rejected: 10 },
    }]);
    assert(Number.isFinite(row!.loss) && Number.isFinite(row!.gradient.chosen));
    assertNear(row!.gradient.chosen!, -1, "gradient of the SFT part");
  }
});

Deno.test("evaluateLoss() refuses a row without one of the loss's sequences or the label kto needs", () => {
  const length = { chosen: 1, rejected: 1 };
  assertThrows(
    () => evaluateLoss(create("dpo"), [{ policy: { chosen: -1, rejected: -1 }, length }]),
    TypeError,
    'reference of sequence "chosen" in row 0',
  );
  const y = { y: -1, kl: -1 };
  assertThrows(
    () => evaluateLoss(create("kto"), [{ policy: y, reference: y, length: { y: 1, kl: 1 } }]),
    TypeError,
    "desirable",
  );
});

Deno.test("every option of every loss has a description, and every loss but pt and sft takes pref_ftx", () => {
  for (const plugin of losses) {
    for (const [name, option] of Object.entries(plugin.options.shape)) {
      assert((option as z.ZodType).description, `${plugin.name}.${name} lacks a description`);
    }
    assertEquals("pref_ftx" in plugin.options.shape, !["pt", "sft"].includes(plugin.name));
  }
});

Deno.test("dpo with sigmoid_norm is the sigmoid of log-ratios per token, by hand", () => {
  const loss = create("dpo", { loss_type: "sigmoid_norm", beta: 0.5 });
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
