// Numbers as the page shows them.

/** About four digits, whatever the size. */
export function short(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e5 || (size > 0 && size < 1e-3)) return value.toExponential(2);
  return Number(value.toPrecision(4)).toString();
}

/** Seconds as h:mm:ss. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.round(seconds), two = (n) => String(n).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** A size in the unit that leaves one to four digits before the point. */
export function bytes(value) {
  if (value === null || value === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const unit = value < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  return `${Number((value / 2 ** (10 * unit)).toPrecision(3))} ${units[unit]}`;
}

/** A value of a curve. */
export function valueOf(name, value) {
  return name === "memory" ? bytes(value) : short(value);
}

/** A place on the horizontal axis. */
export function placeOf(over, value) {
  return over === "time" ? duration(value) : over === "tokens" ? compact(value) : String(Math.round(value));
}

export function compact(value) {
  return Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

const TITLES = {
  loss: "Loss",
  eval_loss: "Loss of the evaluation",
  reward: "Reward",
  "rewards/margins": "Reward margin",
  "rewards/accuracies": "Reward accuracy",
  learning_rate: "Learning rate",
  grad_norm: "Gradient norm",
  throughput: "Tokens a second",
  memory: "Memory",
};

/** A curve's title; names without one stand for themselves. */
export function titleOf(name) {
  return TITLES[name] ?? name;
}

/** Names of curves, those that everyone looks for first. */
export function ordered(names) {
  const known = Object.keys(TITLES);
  const place = (name) => known.indexOf(name) < 0 ? known.length : known.indexOf(name);
  return [...names].sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
}
