// An item of an evaluation: prompt, thought, response, a verdict a constraint, the judge's own text. Everything is set as text, never
// as markup. report.html and the board show it alike.

/** An element with a class and a text, both optional. */
export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** An element with a text of a person or a model, which runs in the direction of its own first letter. */
export function written(tag, className, text) {
  const made = element(tag, className, text);
  made.dir = "auto";
  return made;
}

/** Ends of an item for people. */
export const NAMES = {
  pass: "passed",
  part: "in part",
  fail: "failed",
  unscored: "unscored",
  unanswered: "no answer",
};

function chipOf(verdict, scale) {
  if (verdict === null || verdict.score === null) return element("span", "chip", "unscored");
  const full = verdict.score >= scale;
  const text = scale === 1 && (verdict.score === 1 || verdict.score === 0)
    ? (full ? "met" : "not met")
    : Number(verdict.score.toFixed(2)) + " / " + scale;
  return element("span", "chip " + (full ? "pass" : verdict.score > 0 ? "part" : "fail"), text);
}

/**
 * Elements that show an item.
 * @param {{id: string, status: string, scale: number, mark?: (constraint: number) => Node | null}} options `mark` makes what stands
 * below a verdict
 */
export function itemView(item, { id, status, scale, mark }) {
  const title = element("div", "title");
  title.append(element("span", "", "Item " + id), element("span", "chip " + status, NAMES[status]));
  for (const [by, name] of Object.entries(item.groups)) {
    title.append(element("span", "chip", by + ": " + name));
  }
  const parts = [title, element("h3", "", "Prompt")];
  for (const message of item.messages) {
    if (item.messages.length > 1) parts.push(element("div", "role", message.role));
    parts.push(written("pre", "", message.content));
  }
  if (item.thought) {
    const thought = element("details", "thought");
    thought.append(element("summary", "", "Thought (not scored)"), written("pre", "", item.thought));
    parts.push(thought);
  }
  parts.push(element("h3", "", "Response"));
  if (item.response === null) {
    const why = {
      context_length: "The prompt is longer than the model's context.",
      content_filter: "A policy of the server held the answer back.",
      thought_only: "The model thought and gave no answer.",
    }[item.outcome] || "There is no answer yet.";
    parts.push(element("p", "hint", why + (item.error ? " " + item.error : "")));
  } else {
    parts.push(written("pre", "", item.response === "" ? "(empty)" : item.response));
    if (item.outcome === "length") parts.push(element("p", "hint", "The answer was cut at max_tokens."));
  }
  parts.push(element("h3", "", "Verdicts"));
  item.constraints.forEach((constraint, c) => {
    const line = element("div", "verdict");
    const chip = element("div", "");
    chip.append(chipOf(constraint.verdict, scale));
    const text = element("div", "");
    text.append(written("div", "", constraint.text));
    const extra = Object.entries(constraint.readings).map(([name, v]) =>
      name + ": " + (v === null || v.score === null ? "unscored" : v.score)
    );
    if (constraint.rule) {
      const kwargs = JSON.stringify(constraint.rule.kwargs);
      extra.unshift(constraint.rule.id + (kwargs === "{}" ? "" : " " + kwargs));
    }
    for (const member of item.members) {
      extra.push(member.judge + ": " + (member.scores[c] === null ? "unscored" : member.scores[c]));
    }
    if (constraint.verdict && constraint.verdict.reason) extra.push(constraint.verdict.reason);
    if (extra.length > 0) text.append(element("div", "why", extra.join("; ")));
    line.append(chip, text);
    const more = mark?.(c);
    if (more) text.append(more);
    parts.push(line);
  });
  if (item.overall && item.overall.score !== null) {
    const line = element("div", "verdict");
    const chip = element("div", "");
    chip.append(chipOf(item.overall, scale));
    line.append(chip, element("div", "", "overall"));
    parts.push(line);
  }
  if (item.error && item.response !== null) parts.push(element("p", "hint", item.error));
  if (item.raw) parts.push(element("h3", "", "Judge's own text"), written("pre", "raw", item.raw));
  return parts;
}
