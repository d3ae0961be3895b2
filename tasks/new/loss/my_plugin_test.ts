import assert from "node:assert/strict";

import { Registry } from "@dinotune/dinotune";
import { checkLossGradient, evaluateLoss } from "@dinotune/dinotune/losses";
import plugin from "./my_plugin.ts";

const registry = new Registry([plugin]);

Deno.test("my_plugin: gradients equal central differences, all sequences are used", () => {
  assert.deepEqual(checkLossGradient(registry.create("loss", "my_plugin")).unused, []);
});

Deno.test("my_plugin: one row by hand", () => {
  const loss = registry.create("loss", "my_plugin", { beta: 0.5, gamma: 1 });
  // R is 4 for the chosen and -2 for the rejected answer: z = 0.5 * 6 - 1 = 2, and -log σ(2) = log(1 + e^-2)
  const [row] = evaluateLoss(loss, [{
    policy: { chosen: -6, rejected: -12 },
    reference: { chosen: -10, rejected: -10 },
    length: { chosen: 3, rejected: 3 },
  }]);
  assert.ok(row && Math.abs(row.loss - Math.log1p(Math.exp(-2))) < 1e-12);
});
