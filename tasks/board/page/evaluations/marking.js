// A person's mark on a verdict of the judge.
import { post } from "../api.js";
import { el } from "../dom.js";

/** Buttons for it. @param {{run: string, id: string, constraint: number, chosen: "right" | "wrong" | "none", control: boolean, fault}} verdict */
export function marking({ run, id, constraint, chosen, control, fault }) {
  const box = el("div", { class: "marking", role: "group", "aria-label": "Is this verdict right?" });
  function draw(now) {
    box.replaceChildren(
      ...["right", "wrong"].map((label) =>
        el("button", {
          type: "button",
          "aria-pressed": String(now === label),
          disabled: !control,
          title: control ? "" : "The board only reads: start it with --control",
          onclick: async () => {
            try {
              const { labels } = await post("label", {
                run,
                id,
                constraint,
                label: now === label ? "none" : label,
              });
              draw(labels.find((one) => one.constraint === constraint)?.label ?? "none");
            } catch (error) {
              fault(error);
            }
          },
        }, label)
      ),
    );
  }
  draw(chosen);
  return box;
}
