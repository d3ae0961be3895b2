// Starting trainings from a form of all keys.
import { get } from "../api.js";
import { el } from "../dom.js";
import { startButtons } from "./dry_run.js";
import { makeJobList } from "./jobs.js";
import { trainingFile } from "./training_file.js";
import { TrainingForm } from "./training_form.js";

/** The page; `?run=ID` begins with a run's values, `&resume=1` goes on where it stopped. */
export function newPage({ params, news }) {
  const form = new TrainingForm(() => {
    buttons.changed();
    file.show();
  });
  const buttons = startButtons({ file: () => Object.fromEntries(form.values), fault: news.fault });
  const file = trainingFile(form, (given, name) => {
    form.fill(given);
    buttons.hint(`The values are those of ${name}.`);
  }, buttons.wrong);

  /** A run's values for another training, or for going on with it. */
  function valuesOf({ config, folder }, example) {
    const resumes = params.get("resume") === "1";
    return {
      ...form.ownValues(config),
      output_dir: resumes ? folder : example.output_dir,
      ...(resumes && { resume_from_checkpoint: true }),
    };
  }

  const jobs = makeJobList(news);
  // what comes in above would move a button away from under a finger
  jobs.node.hidden = true;
  Promise.all([get("control/form"), params.has("run") ? get("run", { run: params.get("run") }) : null])
    .then(([found, run]) => {
      form.build(found);
      form.fill(run === null ? found.start : valuesOf(run, found.start));
    }).catch(news.fault).finally(() => jobs.node.hidden = false);
  jobs.show();
  return {
    node: el(
      "div",
      { class: "split form" },
      form.node,
      el(
        "div",
        { class: "card side" },
        el("h2", null, "Given"),
        file.shown,
        buttons.node,
        buttons.result,
        file.buttons,
        el("h2", null, "Started here"),
        jobs.node,
      ),
    ),
    title: "New training",
    close: news.listen(() => jobs.show()),
  };
}
