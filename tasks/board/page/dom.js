// Making elements. Texts of runs, models and judges come in as text nodes only: nothing here reads markup.

/**
 * Makes an element.
 * @param {string} tag
 * @param {Record<string, unknown> | null} props `class`, `on…` listeners, `style` as an object, else properties or attributes
 * @param {...(Node | string | number | null | undefined | false | Array<unknown>)} children
 */
export function el(tag, props, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(made.style, value);
    else if (name === "class") made.className = value;
    else if (name in made && !name.includes("-")) made[name] = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(
    ...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return made;
}

/** A table. Cells are texts or nodes. */
export function table({ caption, columns, rows, left = 1 }) {
  const cell = (tag, content, i) =>
    el(tag, { class: i < left ? "left" : "", scope: tag === "th" ? "col" : null }, content);
  return el(
    "div",
    { class: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    el(
      "table",
      null,
      el("caption", { class: "unseen" }, caption),
      el("thead", null, el("tr", null, columns.map((title, i) => cell("th", title, i)))),
      el("tbody", null, rows.map((row) => el("tr", null, row.map((content, i) => cell("td", content, i))))),
    ),
  );
}

/**
 * Replaces what an element holds; what has the focus in it and stands at the same place afterwards, or has the same `data-keep`,
 * keeps it.
 */
export function refill(box, ...children) {
  const focused = box.contains(document.activeElement) ? document.activeElement : null;
  const keep = focused?.dataset.keep, way = [];
  for (let node = focused; node && node !== box; node = node.parentElement) {
    way.unshift([...node.parentElement.children].indexOf(node));
  }
  box.replaceChildren(...children.flat(3));
  if (focused === null || focused === box) return;
  const there = keep === undefined
    ? way.reduce((node, i) => node?.children[i], box)
    : [...box.querySelectorAll("[data-keep]")].find(({ dataset }) => dataset.keep === keep);
  there?.focus({ preventScroll: true });
}

/** A name that may go on in the next line behind a stroke. */
export function breakable(name) {
  return name.split(/(?<=_)/).flatMap((part) => [part, el("wbr", null)]);
}

/** An input with its label around it. */
export function field(label, input) {
  return el("label", { class: "field" }, el("span", null, label), input);
}

/** A menu: texts by value. */
export function select(options, value, onchange) {
  const made = el(
    "select",
    { onchange: () => onchange(made.value) },
    Object.entries(options).map(([name, text]) => new Option(text, name)),
  );
  made.value = value;
  return made;
}

/** Offers a file to save. */
export function save(name, blob) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Calls a function when it hasn't been asked for a while. */
export function later(ms, what) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => what(...args), ms);
  };
}

/** Gives turns, one a frame, so that drawing much doesn't keep what moves from being drawn. */
export function oneAFrame() {
  let last = Promise.resolve();
  return () => last = last.then(() => new Promise((turn) => requestAnimationFrame(turn)));
}
