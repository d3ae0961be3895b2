/**
 * Writes a working plugin, its test and a YAML file that uses it, to begin from.
 *
 * ```sh
 * deno task new loss margin              # margin.ts, margin_test.ts and margin.yaml in this folder
 * deno task new judge ../mine/brevity    # in another folder, which may lie outside of the project
 * ```
 * Kinds: loss, dataset, judge, benchmark, template, endpoint, model, trainer. Prints the files and how to run them.
 * @module
 */
import { basename, dirname, join, relative, resolve } from "@std/path";
import { fileURLToPath } from "node:url";

import project from "../deno.json" with { type: "json" };
import { makeFolder } from "../formats/atomic.ts";
import { didYouMean } from "../formats/did_you_mean.ts";
import { exists } from "../formats/exists.ts";
import { isWithin } from "../formats/is_within.ts";
import { isName } from "../plugins/kinds/shape_fault.ts";
import { shellQuote, taskCommand } from "./common/process/command.ts";
import { parseArguments } from "./common/cli/arguments.ts";
import { print } from "./common/cli/print.ts";
import { runTask } from "./common/cli/run_task.ts";

/** Kinds that a plugin can be begun of. */
export const NEW_KINDS = [
  "loss",
  "dataset",
  "judge",
  "benchmark",
  "template",
  "endpoint",
  "model",
  "trainer",
] as const;

const CHECKOUT = fileURLToPath(new URL("../", import.meta.url)).replace(/[\\/]$/, "");
/** The files to begin from, a folder a kind; `my_plugin` stands for the name. */
const TEMPLATES = join(CHECKOUT, "tasks/new");
const TINY_MODEL = join(CHECKOUT, "fixtures/constraints/model");

const HELP = `deno task new KIND NAME

Writes NAME.ts, NAME_test.ts, NAME.yaml; NAME may have a folder in front of it.
Kinds: ${NEW_KINDS.join(", ")}

  deno task new loss margin
  deno task new benchmark ../mine/sums
  deno task new model mine/my_family

Then:  deno task plugins NAME.yaml   shows its options
       docs/plugins.md               says what is asked of each kind`;

/** Files that were written. */
export interface NewPlugin {
  /** Absolute paths. */
  files: string[];
  /** Commands to type next, and what each does. */
  next: { command: string; what: string }[];
  /** Further notes. */
  notes: string[];
}

/**
 * Writes the files of a new plugin; either all or none.
 * @param kind One of {@linkcode NEW_KINDS}
 * @param path Name of the plugin, with a folder in front of it if it isn't to be `folder`
 * @param folder Folder that a relative path starts from
 * @throws {RangeError} If the kind is unknown, the name isn't one or a built-in plugin's, or a file of it is there already
 */
export async function newPlugin(kind: string, path: string, folder: string): Promise<NewPlugin> {
  const known = knownKind(kind, path);
  const target = resolve(folder, dirname(path)), name = nameIn(path, known);
  await refuseTaken(known, name);
  const files = await filledTemplates(known, name, target);
  const isOutside = !isWithin(target, CHECKOUT);
  const config = isOutside ? configOf(target) : null;
  if (isOutside && config === null) {
    files.set(join(target, "deno.json"), `${JSON.stringify(ownConfig(), null, 2)}\n`);
  }
  const yaml = join(target, `${name}.yaml`);
  const text = String(files.get(yaml));
  const [written, task = "train"] = /deno task (\w+) .*/.exec(text) ?? [];
  const use = taskCommand(task, [yaml]);
  // among the project's own files the short form works
  if (isOutside && written !== undefined) files.set(yaml, text.replace(written, () => use));
  await writeNew(files);
  const test = join(target, `${name}_test.ts`);
  return {
    files: [...files.keys()],
    next: [
      {
        command: isOutside
          ? `(cd ${shellQuote(target)} && deno test ${shellQuote(basename(test))})`
          : `deno test ${shellQuote(test)}`,
        what: "its test",
      },
      { command: use, what: "use it" },
    ],
    notes: config === null || Deno.readTextFileSync(config).includes(project.name) ? [] : [
      `${config} has to name the package for tests and editors: ${JSON.stringify(ownConfig())}`,
    ],
  };
}

/** A kind that a plugin can be begun of. */
type NewKind = typeof NEW_KINDS[number];

/** The kind. @throws {RangeError} If there is none of that name */
function knownKind(kind: string, path: string): NewKind {
  const known = NEW_KINDS.find((one) => one === kind);
  if (known !== undefined) return known;
  if (NEW_KINDS.some((one) => one === path)) {
    throw new RangeError(
      `Cannot begin a plugin of the kind "${kind}" as the kind comes first: write deno task new ${path} ${kind}`,
    );
  }
  throw new RangeError(
    `Cannot begin a plugin of the kind "${kind}"${didYouMean(kind, NEW_KINDS)}: kinds are ${
      NEW_KINDS.join(", ")
    }`,
  );
}

/** The name at a path's end. @throws {RangeError} If no plugin may have it */
function nameIn(path: string, kind: NewKind): string {
  if (/[\\/]$/.test(path)) {
    throw new RangeError(
      `Cannot name a plugin ${
        JSON.stringify(path)
      } as a name is needed behind the folder: ${path}my_${kind}, for example`,
    );
  }
  const name = basename(path).replace(/\.ts$/, "");
  if (isName(name)) return name;
  throw new RangeError(
    `Cannot name a plugin ${JSON.stringify(name)} as lower case letters, digits, "_", "-" and "." are needed${
      likeName(name)
    }`,
  );
}

/** @throws {RangeError} If a built-in plugin has the name, which would keep the new one from every run */
async function refuseTaken(kind: NewKind, name: string): Promise<void> {
  // all plugins, which help doesn't wait for
  const { builtinRegistry } = await import("../plugins/builtins.ts");
  if (!builtinRegistry().has(kind, name)) return;
  throw new RangeError(
    `Cannot name a plugin ${
      JSON.stringify(name)
    } as a built-in ${kind} has that name: my_${name}, for example`,
  );
}

/** Contents of a new plugin's files by path: those to begin from, and a model's tiny one. */
async function filledTemplates(
  kind: NewKind,
  name: string,
  target: string,
): Promise<Map<string, Uint8Array<ArrayBuffer> | string>> {
  const files = new Map<string, Uint8Array<ArrayBuffer> | string>(), templates = join(TEMPLATES, kind);
  const words = { my_plugin: name, CHECKOUT, RUNS: runsFolder(target), FOLDER: target };
  for (const from of filesIn(templates)) {
    const text = filled(await Deno.readTextFile(from), words);
    files.set(join(target, filled(relative(templates, from), words)), text);
  }
  if (kind !== "model") return files;
  for (const from of filesIn(TINY_MODEL)) {
    const bytes = await Deno.readFile(from), to = join(target, `${name}_model`, relative(TINY_MODEL, from));
    const isConfig = basename(from) === "config.json";
    files.set(to, isConfig ? withModelType(new TextDecoder().decode(bytes), name) : bytes);
  }
  return files;
}

/** Writes files that aren't there yet. @throws {RangeError} If one is; none is written then */
async function writeNew(files: ReadonlyMap<string, Uint8Array<ArrayBuffer> | string>): Promise<void> {
  const taken = [...files.keys()].filter(exists);
  if (taken.length > 0) {
    throw new RangeError(
      `Cannot write ${taken.join(", ")} as it is there already: take another name or remove it`,
    );
  }
  for (const [file, content] of files) {
    makeFolder(dirname(file));
    if (typeof content === "string") await Deno.writeTextFile(file, content, { createNew: true });
    else await Deno.writeFile(file, content, { createNew: true });
  }
}

/**
 * Where the YAML file of a plugin in `folder` has its run: beside it, but in the checkout in `saves`: among the project's code no run may
 * write, and elsewhere in it `deno fmt --check` and git would see a run's files.
 */
export function runsFolder(folder: string): string {
  return isWithin(folder, CHECKOUT) ? join(CHECKOUT, "saves") : folder;
}

/**
 * A text to begin from with its words replaced, each once: a folder may be called RUNS. Paths are quoted where YAML would read something
 * else, but for those in comments.
 */
function filled(text: string, words: Readonly<Record<string, string>>): string {
  const plain = (part: string) =>
    part.replaceAll(/my_plugin|CHECKOUT|RUNS|FOLDER/g, (word) => words[word] ?? word);
  return text.replaceAll(/^#.*$|(?:CHECKOUT|RUNS|FOLDER)\/[\w./]+|my_plugin/gm, (part) => {
    const whole = plain(part);
    return part.startsWith("#") || /^[\p{L}\p{N}_./\\ -]+$/u.test(whole) ? whole : JSON.stringify(whole);
  });
}

/** A hint with the nearest name that a plugin may have; "" where nothing of the name is left. */
function likeName(name: string): string {
  const like = name.toLowerCase().replaceAll(/[^a-z0-9_.-]+/g, "_").replaceAll(/^[_.-]+|[_.-]+$/g, "");
  return like === "" ? "" : `: ${like}, for example`;
}

/** The zod that the project checks options with; a plugin's schema must be of the same. */
const ZOD = "npm:zod@4.6.7";

/** Settings that a folder outside of the checkout needs, so that `@dinotune/dinotune` is this checkout there, and looks like it. */
function ownConfig(): Record<"links" | "imports" | "compilerOptions" | "fmt" | "exclude", unknown> {
  const { name, version } = project;
  return {
    links: [CHECKOUT],
    imports: { [name]: `jsr:${name}@^${version}`, [`${name}/`]: `jsr:/${name}@^${version}/`, zod: ZOD },
    // the sources that a plugin imports are checked by the options of the folder they are imported from
    compilerOptions: project.compilerOptions,
    fmt: { lineWidth: project.fmt.lineWidth },
    // what the written YAML files make
    exclude: ["*_run/"],
  };
}

/** The nearest deno.json of a folder or of those that it lies in; null where there is none. */
function configOf(folder: string): string | null {
  for (const name of ["deno.json", "deno.jsonc"]) if (exists(join(folder, name))) return join(folder, name);
  const above = dirname(folder);
  return above === folder ? null : configOf(above);
}

function withModelType(config: string, name: string): string {
  return `${JSON.stringify({ ...JSON.parse(config), model_type: name }, null, 2)}\n`;
}

function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1).flatMap((entry) =>
    entry.isDirectory ? filesIn(join(folder, entry.name)) : [join(folder, entry.name)]
  );
}

if (import.meta.main) {
  await runTask(async () => {
    const words = Deno.args.filter((arg) => !arg.startsWith("-"));
    const { flags } = parseArguments(
      Deno.args.filter((arg) => arg.startsWith("-")),
      { help: "this text" },
      0,
      false,
    );
    if (flags.has("help")) return print(HELP);
    const [kind, path, ...more] = words;
    if (kind === undefined || path === undefined || more.length > 0) {
      throw new RangeError(
        `Cannot begin a plugin as a kind and a name are needed, such as deno task new loss margin: current value is ${
          words.join(" ") || "nothing"
        }; kinds are ${NEW_KINDS.join(", ")}`,
      );
    }
    // a task runs in the project's folder, whichever folder it was called in
    const { files, next, notes } = await newPlugin(kind, path, Deno.env.get("INIT_CWD") ?? Deno.cwd());
    print(files.join("\n"));
    for (const note of notes) print(`note: ${note}`);
    print("\nNext:");
    for (const { command, what } of next) print(`  ${command}\n      ${what}`);
  });
}
