// A key of a training file: a field for its type, its default, its help.
import { breakable, el } from "../dom.js";

/**
 * Makes a row of the form.
 * @param {{required: boolean, secret: boolean, set: (key: string, value: unknown) => void}} options `set` gets what was given;
 * undefined: the default
 */
export function keyRow(key, property, { required, secret, set }) {
  const id = `key-${key}`, help = `help-${key}`;
  const { input, read, show } = fieldFor(property);
  const fault = el("p", { class: "wrong", role: "alert", hidden: true });
  input.id = id;
  if (secret) Object.assign(input, { type: "password", autocomplete: "new-password" });
  input.setAttribute("aria-describedby", help);
  // its help tells so too
  if (required) input.setAttribute("aria-required", "true");
  input.onchange = () => {
    const given = read();
    const isWrong = given instanceof Error;
    fault.hidden = !isWrong;
    fault.textContent = isWrong ? given.message : "";
    input.setAttribute("aria-invalid", String(isWrong));
    if (!isWrong) set(key, given);
  };
  return {
    node: el(
      "div",
      { class: "key" },
      el("label", { htmlFor: id }, breakable(key)),
      input,
      fault,
      el("p", { id: help, class: "note" }, property.description ?? ""),
    ),
    show,
  };
}

/** A menu where there are few values, else text that is read as JSON where it isn't a plain text. */
function fieldFor(property) {
  const byDefault = property.default === undefined || property.default === null
    ? ""
    : JSON.stringify(property.default);
  const choices = choicesOf(property);
  if (choices !== null) {
    const input = el(
      "select",
      null,
      new Option(byDefault === "" ? "default" : `default: ${byDefault}`, ""),
      choices.map((choice) => new Option(String(choice), JSON.stringify(choice))),
    );
    return {
      input,
      read: () => input.value === "" ? undefined : JSON.parse(input.value),
      show: (value) => input.value = value === undefined ? "" : JSON.stringify(value),
    };
  }
  const types = typesOf(property);
  const input = el("input", { type: "text", autocomplete: "off", spellcheck: false, placeholder: byDefault });
  const read = () => {
    const text = input.value.trim();
    if (text === "") return undefined;
    const plain = types.has("string") || types.size === 0;
    try {
      const parsed = JSON.parse(text);
      if (typeof parsed === "string" || types.size === 0 || types.has(kindOf(parsed))) return parsed;
      if (plain) return text;
    } catch {
      if (plain) return text;
    }
    return new Error(`${[...types].join(" or ")} is needed: current value is ${text}`);
  };
  return {
    input,
    read,
    show: (value) =>
      input.value = value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value),
  };
}

function kindOf(value) {
  return Array.isArray(value) ? "array" : typeof value;
}

function partsOf(property) {
  return property.anyOf?.flatMap(partsOf) ?? [property];
}

function choicesOf(property) {
  const values = partsOf(property).map((part) =>
    part.enum ??
      (part.const !== undefined
        ? [part.const]
        : part.type === "boolean"
        ? [true, false]
        : part.type === "null"
        ? [null]
        : null)
  );
  return values.includes(null) || values.flat().length === 0 ? null : [...new Set(values.flat())];
}

function typesOf(property) {
  const types = partsOf(property).flatMap(({ type }) => type ?? []);
  return new Set(
    types.map((type) => type === "integer" ? "number" : type).filter((type) => type !== "null"),
  );
}
