// How a run is, in a word and in steps.
import { el } from "./dom.js";
import { duration } from "./format.js";

/** Classes of the chip by state. */
const CLASSES = { running: "run", finished: "pass", stopped: "" };

/** The state as a chip. */
export function stateChip(state) {
  return el("span", { class: `chip ${CLASSES[state]}` }, state);
}

/** Progress of a run in words. */
export function progressText({ step, totalSteps, secondsLeft }) {
  const steps = totalSteps ? `${step ?? 0} of ${totalSteps}` : `${step ?? 0} steps`;
  return secondsLeft === null ? steps : `${steps}, ${duration(secondsLeft)} left`;
}
