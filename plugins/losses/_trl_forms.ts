/**
 * Forms of a pair's loss that TRL's DPOTrainer has beside the comparisons of `_preference.ts`. With the rewards c = β·R_chosen,
 * r = β·R_rejected, their margin z = c − r, and ε = label smoothing:
 *
 * - exo_pair: σ(z)(log σ(z) − log(1−ε)) + σ(−z)(log σ(−z) − log ε), ε > 0 (Ji et al. 2024, arXiv 2402.00856, eq. 16)
 * - nca_pair: −log σ(c) − ½ log σ(−c) − ½ log σ(−r) (Chen et al. 2024, arXiv 2402.05369)
 * - bco_pair: −log σ(c) − log σ(−r), without a shift of the rewards, as TRL 1.16 has it (Jung et al. 2024, arXiv 2404.04656)
 * - sppo_hard: (R_chosen − 1/(2β))² + (R_rejected + 1/(2β))² (Wu et al. 2024, arXiv 2405.00675, with P = 1 and 0)
 * - apo_zero: σ(−c) + σ(r) (D'Oosterlinck et al. 2024, arXiv 2408.06266, eq. 7)
 * - apo_down: σ(c) + σ(−z) (the same, eq. 8)
 * @module
 */
import { logSigmoid, type Scalar, sigmoid } from "../../kernels/tape.ts";

/** What a form is computed from: log-ratios of both answers in nats, β > 0 and ε in [0, 0.5). */
export interface FormInputs {
  chosen: Scalar;
  rejected: Scalar;
  beta: number;
  smoothing: number;
}

/** The forms by TRL's names. */
export const trlForms = {
  exo_pair({ chosen, rejected, beta, smoothing }: FormInputs): Scalar {
    const z = chosen.minus(rejected).times(beta), against = z.neg();
    const right = sigmoid(z).times(logSigmoid(z).minus(Math.log1p(-smoothing)));
    return right.plus(sigmoid(against).times(logSigmoid(against).minus(Math.log(smoothing))));
  },
  nca_pair({ chosen, rejected, beta }: FormInputs): Scalar {
    const [c, r] = [chosen.times(beta), rejected.times(beta)];
    return logSigmoid(c).plus(logSigmoid(c.neg()).plus(logSigmoid(r.neg())).times(0.5)).neg();
  },
  bco_pair({ chosen, rejected, beta }: FormInputs): Scalar {
    return logSigmoid(chosen.times(beta)).plus(logSigmoid(rejected.times(-beta))).neg();
  },
  sppo_hard({ chosen, rejected, beta }: FormInputs): Scalar {
    const target = 0.5 / beta;
    return chosen.minus(target).square().plus(rejected.plus(target).square());
  },
  apo_zero({ chosen, rejected, beta }: FormInputs): Scalar {
    return sigmoid(chosen.times(-beta)).plus(sigmoid(rejected.times(beta)));
  },
  apo_down({ chosen, rejected, beta }: FormInputs): Scalar {
    return sigmoid(chosen.times(beta)).plus(sigmoid(rejected.minus(chosen).times(beta)));
  },
} as const;

/** Name of one of {@linkcode trlForms}. */
export type TrlForm = keyof typeof trlForms;

/** True of the name of one of {@linkcode trlForms}. */
export function isTrlForm(name: string): name is TrlForm {
  return Object.hasOwn(trlForms, name);
}
