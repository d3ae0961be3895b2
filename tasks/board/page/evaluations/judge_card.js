// What is known of a judge.
import { table } from "../dom.js";
import { short } from "../format.js";

const ofConstraints = (count) => `${count} constraint${count === 1 ? "" : "s"}`;

/** Its answers, and how far it agrees with marks or labels; shares in percent. */
export function judgeCard({ judge, answers, unjudged, constraints, unscored, agreement, seconds }) {
  const share = (value) => value === null ? "–" : `${(100 * value).toFixed(1)} %`;
  const rows = [
    ["judge", judge],
    ["judged answers", `${answers} with ${ofConstraints(constraints)}`],
    ...(unjudged === 0 ? [] : [["answers it hasn't judged", `${unjudged}, in no number below`]]),
    ["constraints it left unscored", share(unscored)],
    ["seconds an answer", short(seconds)],
    ...(agreement === null ? [["compared with", "nothing yet: mark verdicts right or wrong"]] : [
      ["compared with", `${agreement.reference}, ${ofConstraints(agreement.constraints)}`],
      ["same verdict", share(agreement.accuracy)],
      ["Cohen's kappa", short(agreement.kappa)],
      ["too kind", share(agreement.tooKind)],
      ["too strict", share(agreement.tooStrict)],
    ]),
  ];
  return table({ caption: "Judge card", left: 2, columns: ["of the judge", "value"], rows });
}
