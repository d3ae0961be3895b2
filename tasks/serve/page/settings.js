// The settings of the page: what is sent with each question.

const field = (id) => document.getElementById(id);

function number(id) {
  const { value } = field(id);
  return value.trim() === "" ? undefined : Number(value);
}

/** The server's key, "" without one. */
export const key = () => field("key").value.trim();

/** Messages in front of a conversation: the system text, if there is one. */
export function systemMessages() {
  const content = field("system").value.trim();
  return content === "" ? [] : [{ role: "system", content }];
}

/** Fields of a request; what is left empty is the server's to choose. */
export const sampling = () => ({
  temperature: number("temperature"),
  max_tokens: number("max-tokens"),
  seed: number("seed"),
});

/** Shows the settings, or hides them. */
export function toggleSettings() {
  const settings = field("settings");
  settings.hidden = !settings.hidden;
  field("settings-button").setAttribute("aria-expanded", String(!settings.hidden));
}

/** Shows the settings where they are hidden. */
export function showSettings() {
  if (field("settings").hidden) toggleSettings();
}

/** Whether every setting is one that its field takes; else shows the one that isn't. */
export function settingsHold() {
  const wrong = field("settings").querySelector("input:invalid");
  if (wrong === null) return true;
  showSettings();
  return wrong.reportValidity();
}
