/**
 * Input-output preference optimisation (Zhang et al. 2024, "IOPO: Empowering LLMs with Complex Instruction Following via
 * Input-Output Preference Optimization"). y1 fits x1, y2 fits x2; with R_ij = log π(y_j|x_i) − log π_ref(y_j|x_i):
 *
 * - full: f(R11 + R22 − R12 − R21)
 * - without_output_preference: mean of f(R11 − R21) and f(R22 − R12)
 * - without_input_preference: mean of f(R11 − R12) and f(R22 − R21)
 * - first_group_only: f(2 R11 − R12 − R21)
 *
 * where f(d) is the comparison at z = β d: sigmoid −(1−ε) log σ(z) − ε log σ(−z), hinge, or robust as in DPO.
 * @module
 */
import { z } from "zod";

import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { defineLoss, type LossInputs } from "../kinds/loss.ts";
import {
  betaOption,
  comparison,
  comparisonAtZero,
  labelSmoothingOption,
  prefFtxOption,
  REWARD_METRICS,
  rewardMetrics,
  smoothingFits,
  smoothingMessage,
  withFtx,
} from "./_preference.ts";
import { mean, type Scalar } from "../../kernels/tape.ts";

type Sequence = "x1y1" | "x1y2" | "x2y1" | "x2y2";

const differences = {
  full: (r11, r12, r21, r22) => [r11.plus(r22).minus(r12).minus(r21)],
  without_output_preference: (r11, r12, r21, r22) => [r11.minus(r21), r22.minus(r12)],
  without_input_preference: (r11, r12, r21, r22) => [r11.minus(r12), r22.minus(r21)],
  first_group_only: (r11, r12, r21) => [r11.times(2).minus(r12).minus(r21)],
} satisfies Record<string, (r11: Scalar, r12: Scalar, r21: Scalar, r22: Scalar) => Scalar[]>;

const Options = z.strictObject({
  beta: betaOption,
  loss_type: z.enum(["sigmoid", "hinge", "robust"]).default("sigmoid").describe("form of the comparison"),
  label_smoothing: labelSmoothingOption,
  variant: z.enum(["full", "without_output_preference", "without_input_preference", "first_group_only"])
    .default("full").describe("which log-ratios are compared: the method itself or one of its ablations"),
  pref_ftx: prefFtxOption,
}).refine(smoothingFits, smoothingMessage);

/** The plugin `iopo`; formula above. */
const iopo: Plugin<"loss", typeof Options> = definePlugin({
  kind: "loss",
  name: "iopo",
  version: "1",
  description: "Input-output preference optimisation on quadruples x1, y1, x2, y2, with a reference",
  options: Options,
  create({ beta, loss_type: form, label_smoothing: smoothing, variant, pref_ftx }) {
    return defineLoss({
      shape: "iopo",
      sequences: { x1y1: ["x1", "y1"], x1y2: ["x1", "y2"], x2y1: ["x2", "y1"], x2y2: ["x2", "y2"] },
      needsReference: true,
      normalize: "examples",
      ...(pref_ftx === 0 && { initialLoss: comparisonAtZero(form) }),
      loss(inputs) {
        const { x1y1, x1y2, x2y1, x2y2 } = inputs.R;
        const terms = differences[variant](x1y1, x1y2, x2y1, x2y2);
        const loss = mean(terms.map((difference) => comparison(difference.times(beta), form, smoothing)));
        return {
          loss: withFtx(loss, pref_ftx, inputs, ["x1y1", "x2y2"]),
          metrics: metrics(inputs, beta),
        };
      },
    });
  },
});
export default iopo;

/** The authors' names: v1 is y1 over y2 given x1, v2 is y2 over y1 given x2. Names without a suffix are their means. */
function metrics({ policy, reference, R }: LossInputs<Sequence, true>, beta: number): Record<string, number> {
  const v1 = rewardMetrics(beta * R.x1y1.value, beta * R.x1y2.value);
  const v2 = rewardMetrics(beta * R.x2y2.value, beta * R.x2y1.value);
  const all: Record<string, number> = {};
  for (const name of REWARD_METRICS) all[`${name}_v1`] = v1[name];
  for (const name of REWARD_METRICS) all[`${name}_v2`] = v2[name];
  for (const name of REWARD_METRICS) all[name] = (v1[name] + v2[name]) / 2;
  for (const [name, sequence] of LOGPS) {
    all[`logps/${name}`] = policy[sequence].value;
    all[`logps/ref_${name}`] = reference[sequence].value;
  }
  return all;
}

/** The authors' names of the sequences. */
const LOGPS: readonly [name: string, sequence: Sequence][] = [
  ["chosen_v1", "x1y1"],
  ["rejected_v1", "x1y2"],
  ["chosen_v2", "x2y2"],
  ["rejected_v2", "x2y1"],
];
