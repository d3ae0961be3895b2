// The page's item browser. Everything of an item is set as text, never as markup.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const { chunk, scale } = JSON.parse(byId("page").textContent);
  const rows = [...document.querySelectorAll("script.index")].flatMap((part) => JSON.parse(part.textContent));
  const list = byId("rows"),
    detail = byId("detail"),
    search = byId("search"),
    filter = byId("filter"),
    count = byId("count");
  const names = {
    pass: "passed",
    part: "in part",
    fail: "failed",
    unscored: "unscored",
    unanswered: "no answer",
  };
  const PAGE = 200;
  const chunks = new Map();
  let shown = [], limit = PAGE, current = -1, turn = 0;

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const load = (n) => {
    if (!chunks.has(n)) {
      chunks.set(
        n,
        (async () => {
          const bytes = Uint8Array.from(atob(byId("chunk-" + n).textContent.trim()), (c) => c.charCodeAt(0));
          const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
          return JSON.parse(await new Response(stream).text());
        })(),
      );
      // what was looked at long ago is unpacked again when needed
      if (chunks.size > 40) chunks.delete(chunks.keys().next().value);
    }
    return chunks.get(n);
  };
  const itemAt = async (i) => (await load(Math.floor(i / chunk)))[i % chunk];

  const draw = () => {
    list.replaceChildren(
      ...shown.slice(0, limit).map((i) => {
        const [id, status, , preview] = rows[i];
        const row = element("button", "row");
        row.type = "button";
        row.append(
          element("span", "dot " + status),
          element("span", "id", id),
          element("span", "text", preview),
        );
        row.title = names[status];
        row.setAttribute("aria-current", String(i === current));
        row.onclick = () => open(i);
        return row;
      }),
    );
    if (shown.length > limit) {
      const more = element("button", "more", "Show more");
      more.type = "button";
      more.onclick = () => {
        limit += PAGE;
        draw();
      };
      list.append(more);
    }
    count.textContent = shown.length === rows.length
      ? rows.length + " items"
      : shown.length + " of " + rows.length + " items";
  };

  const select = async () => {
    const mine = ++turn;
    const wanted = search.value.trim().toLowerCase();
    const pool = rows.map((_, i) => i).filter((i) => filter.value === "all" || rows[i][1] === filter.value);
    let found = pool;
    if (wanted !== "") {
      found = [];
      count.textContent = "searching";
      for (const i of pool) {
        if (
          rows[i][0].toLowerCase() === wanted ||
          JSON.stringify(await itemAt(i)).toLowerCase().includes(JSON.stringify(wanted).slice(1, -1))
        ) found.push(i);
        if (mine !== turn) return;
      }
    }
    shown = found;
    limit = PAGE;
    draw();
  };

  const chipOf = (verdict) => {
    if (verdict === null || verdict.score === null) return element("span", "chip", "unscored");
    const full = verdict.score >= scale;
    const text = scale === 1 && (verdict.score === 1 || verdict.score === 0)
      ? (full ? "met" : "not met")
      : Number(verdict.score.toFixed(2)) + " / " + scale;
    return element("span", "chip " + (full ? "pass" : verdict.score > 0 ? "part" : "fail"), text);
  };

  const open = async (i) => {
    current = i;
    const item = await itemAt(i);
    if (current !== i) return;
    const [id, status] = rows[i];
    const title = element("div", "title");
    title.append(element("span", "", "Item " + id), element("span", "chip " + status, names[status]));
    for (const [by, name] of Object.entries(item.groups)) {
      title.append(element("span", "chip", by + ": " + name));
    }
    const parts = [title, element("h3", "", "Prompt")];
    for (const message of item.messages) {
      if (item.messages.length > 1) parts.push(element("div", "role", message.role));
      parts.push(element("pre", "", message.content));
    }
    if (item.thought) {
      const thought = element("details", "thought");
      thought.append(element("summary", "", "Thought (not scored)"), element("pre", "", item.thought));
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
      parts.push(element("pre", "", item.response === "" ? "(empty)" : item.response));
      if (item.outcome === "length") parts.push(element("p", "hint", "The answer was cut at max_tokens."));
    }
    parts.push(element("h3", "", "Verdicts"));
    item.constraints.forEach((constraint, c) => {
      const line = element("div", "verdict");
      const chip = element("div", "");
      chip.append(chipOf(constraint.verdict));
      const text = element("div", "");
      text.append(element("div", "", constraint.text));
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
      parts.push(line);
    });
    if (item.overall && item.overall.score !== null) {
      const line = element("div", "verdict");
      const chip = element("div", "");
      chip.append(chipOf(item.overall));
      line.append(chip, element("div", "", "overall"));
      parts.push(line);
    }
    if (item.error && item.response !== null) parts.push(element("p", "hint", item.error));
    if (item.raw) parts.push(element("h3", "", "Judge's own text"), element("pre", "raw", item.raw));
    detail.replaceChildren(...parts);
    for (const row of list.querySelectorAll(".row")) row.setAttribute("aria-current", "false");
    const at = shown.indexOf(i);
    if (at >= 0 && list.children[at]) list.children[at].setAttribute("aria-current", "true");
  };

  let timer;
  search.oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(select, 150);
  };
  filter.onchange = select;
  document.addEventListener("keydown", (event) => {
    if (
      event.target === search || event.target === filter ||
      (event.key !== "ArrowDown" && event.key !== "ArrowUp")
    ) return;
    if (!list.contains(document.activeElement)) return;
    const at = shown.indexOf(current) + (event.key === "ArrowDown" ? 1 : -1);
    if (at < 0 || at >= shown.length) return;
    event.preventDefault();
    open(shown[at]);
    if (list.children[at]) list.children[at].focus();
  });
  select().then(() => {
    if (shown.length > 0) open(shown[0]);
  });
})();
