/**
 * The arrows between files, and the rules that they follow (docs/architecture.md): tasks → plugins → kernels/engine → kernels,
 * formats used by all and using none, kinds of plugins reached only by contract or registry, no circles.
 * @module
 */
import { dirname, join, relative } from "@std/path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { PROJECT_FOLDER, runDeno } from "./deno_process.ts";

/** `from` imports `to`; paths from the root of the repository, with `/`. */
export interface Arrow {
  from: string;
  to: string;
  /** True if `to` isn't loaded with `from`: only its types are used, or it is imported when it is first needed. */
  late?: boolean;
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Paths of all files below `root` that are of the project, TypeScript's unless said otherwise, from there on, with `/`. */
export function sourceFiles(root: string = ROOT, folder = "", extension = ".ts"): string[] {
  return [...Deno.readDirSync(join(root, folder))].flatMap(({ name, isDirectory }) => {
    const path = folder ? `${folder}/${name}` : name;
    if (isDirectory) {
      return /^(\.|node_modules|saves|coverage|findings)/.test(name)
        ? []
        : sourceFiles(root, path, extension);
    }
    return path.endsWith(extension) ? [path] : [];
  });
}

const read = new Map<string, Promise<Arrow[]>>();

/** Every import between files of the repository, types and dynamic ones included, as Deno itself resolves them; read once an isolate. */
export function readArrows(root: string = ROOT): Promise<Arrow[]> {
  const arrows = read.get(root) ?? resolveArrows(root);
  read.set(root, arrows);
  return arrows;
}

async function resolveArrows(root: string): Promise<Arrow[]> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const lines = sourceFiles(root).map((path) =>
      `import ${JSON.stringify(pathToFileURL(join(root, path)).href)};`
    );
    await Deno.writeTextFile(entry, lines.join("\n"));
    const config = join(PROJECT_FOLDER, "deno.json");
    const { code: exit, stdout, stderr } = await runDeno(["info", "--json", "--config", config, entry]);
    if (exit !== 0) throw new Error(`Cannot read the imports: ${stderr}`);
    const { modules } = JSON.parse(stdout) as { modules: InfoModule[] };
    const pathOf = (url: string) => relative(root, fileURLToPath(url)).replaceAll("\\", "/");
    return modules.filter(({ local, specifier }) =>
      local !== entry && specifier.startsWith(pathToFileURL(root).href)
    )
      .flatMap(({ specifier, dependencies = [] }) =>
        dependencies.flatMap(({ code, type, isDynamic = false }) => [
          { to: code?.specifier, late: isDynamic },
          { to: type?.specifier, late: true },
        ]).flatMap(({ to, late }) =>
          to?.startsWith("file:") ? [{ from: pathOf(specifier), to: pathOf(to), late }] : []
        )
      );
  } finally {
    await Deno.remove(entry);
  }
}

interface InfoModule {
  specifier: string;
  local?: string;
  dependencies?: { code?: { specifier?: string }; type?: { specifier?: string }; isDynamic?: boolean }[];
}

/** Files that are loaded with a file. */
export function loadedWith(path: string, arrows: readonly Arrow[]): Set<string> {
  const loaded = new Set([path]), now = arrows.filter(({ late }) => !late);
  for (const each of loaded) for (const { from, to } of now) if (from === each) loaded.add(to);
  return loaded;
}

/** Imports that break the rules, one sentence each with both files; empty when none does. */
export function importFaults(all: readonly Arrow[]): string[] {
  const arrows = withoutTests(all);
  const faults = arrows.flatMap(({ from, to }) => {
    const rule = brokenRule(from, to);
    return rule ? [`${from} imports ${to}: ${rule}`] : [];
  });
  for (const { from, to } of all) {
    if (/(^|\/)_[^/]*$/.test(to) && dirname(from) !== dirname(to)) {
      faults.push(`${from} imports ${to}: a file whose name begins with _ is imported only from its folder`);
    }
  }
  for (const circle of circles(arrows)) faults.push(`a circle of files: ${circle.join(" → ")}`);
  for (const [folder, within] of Map.groupBy(arrows, ({ from, to }) => sharedFolder(from, to))) {
    if (folder === "") continue; // brokenRule() says which way is down; what `tasks/new` copies imports as a user's plugin does
    const child = (path: string) => path.split("/").slice(0, depthOf(folder) + 1).join("/");
    for (const circle of circles(within.map(({ from, to }) => ({ from: child(from), to: child(to) })))) {
      if (circle.every((path) => path.endsWith(".ts"))) continue; // of files, told above
      const ties = within.filter(({ from, to }) =>
        circle.includes(child(from)) && circle.includes(child(to))
      );
      const shown = ties.slice(0, 6).map(({ from, to }) => `${from} imports ${to}`);
      faults.push(`a circle of rooms: ${circle.join(" → ")} (${shown.join("; ")})`);
    }
  }
  return [...new Set(faults)].sort();
}

/** Leaves out tests, what only tests use (`_name.ts`), and folders that show or check the project from outside. */
function withoutTests(arrows: readonly Arrow[]): Arrow[] {
  const outside = (path: string) => /^(tests|docs|examples|fixtures)\/|_(test|bench)\.ts$/.test(path);
  const importers = Map.groupBy(arrows, ({ to }) => to);
  const helpers = new Set<string>();
  const isFileOfTests = (path: string) => outside(path) || helpers.has(path);
  for (let before = -1; before !== helpers.size;) {
    before = helpers.size;
    for (const [path, from] of importers) {
      if (/(^|\/)_[^/]*\.ts$/.test(path) && from.every((arrow) => isFileOfTests(arrow.from))) {
        helpers.add(path);
      }
    }
  }
  return arrows.filter(({ from, to }) => !isFileOfTests(from) && from !== to);
}

function brokenRule(from: string, to: string): string | undefined {
  if (/^(tests|docs|examples|fixtures)\//.test(to)) return "sources don't use what shows or checks them";
  const [high, low] = [floorOf(to), floorOf(from)];
  if (high > low) {
    return "imports go from tasks to plugins to kernels/engine to kernels, and formats use only formats";
  }
  if (low !== PLUGINS || high !== PLUGINS) return undefined;
  const [own, other] = [roomOf(from), roomOf(to)];
  if (own === other || other === "plugins/kinds" || from === "plugins/builtins.ts") return undefined;
  if (own === "plugins/kinds") return "plugins/kinds imports no plugin";
  if (to === "plugins/registry.ts") return undefined;
  return "a plugin reaches another kind by its contract in plugins/kinds or through the registry";
}

const PLUGINS = 3;

function floorOf(path: string): number {
  if (path.startsWith("formats/")) return 0;
  if (path.startsWith("kernels/engine/")) return 2;
  if (path.startsWith("kernels/")) return 1;
  return path.startsWith("plugins/") ? PLUGINS : 4;
}

const depthOf = (folder: string): number => folder === "" ? 0 : folder.split("/").length;

/** The deepest folder that both files lie in: there one of its rooms, a folder or a file, imports another; "" for the root. */
function sharedFolder(from: string, to: string): string {
  const parts = from.split("/").slice(0, -1), other = to.split("/").slice(0, -1);
  const differ = parts.findIndex((part, i) => part !== other[i]);
  return parts.slice(0, differ === -1 ? parts.length : differ).join("/");
}

/** The folder below the top one that a file lies in; a file at the top of a folder is a room of its own. */
function roomOf(path: string): string {
  const parts = path.split("/");
  return parts.length > 2 ? parts.slice(0, 2).join("/") : path;
}

/** Strongly connected components of more than one node (Tarjan 1972). */
function circles(arrows: readonly Arrow[]): string[][] {
  const next = Map.groupBy(arrows, ({ from }) => from);
  const order = new Map<string, number>(), low = new Map<string, number>();
  const stack: string[] = [], found: string[][] = [];
  const visit = (node: string): number => {
    const index = order.size;
    order.set(node, index), stack.push(node);
    let least = index;
    for (const { to } of next.get(node) ?? []) {
      if (!order.has(to)) least = Math.min(least, visit(to));
      else if (stack.includes(to)) least = Math.min(least, low.get(to) ?? order.get(to) ?? index);
    }
    low.set(node, least);
    if (least === index) {
      const circle = stack.splice(stack.indexOf(node));
      if (circle.length > 1) found.push(circle.sort());
    }
    return least;
  };
  for (const node of next.keys()) if (!order.has(node)) visit(node);
  return found;
}

/** True for a file of tests, by its path in the repository. */
export function isFileOfTests(path: string): boolean {
  return /_test\.ts$|(^|[\\/])tests[\\/]/.test(path);
}

/** Paths of the `_name.ts` that tests alone import, directly or through each other: parts of tests. */
export function partsOfTests(arrows: readonly Arrow[]): Set<string> {
  const parts = new Set<string>();
  const importers = [...Map.groupBy(arrows, ({ to }) => to)].filter(([to]) => /(^|\/)_[^/]*$/.test(to));
  for (let before = -1; before < parts.size;) {
    before = parts.size;
    for (const [to, from] of importers) {
      if (from.every((arrow) => isFileOfTests(arrow.from) || parts.has(arrow.from))) parts.add(to);
    }
  }
  return parts;
}
