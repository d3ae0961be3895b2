/**
 * Finds what docs and comments point to and isn't there: links between pages, `{@linkcode}`s, names of files.
 * @module
 */
import { dirname, join, normalize } from "@std/path";

/** The texts of a repository by path from its root, with `/`. */
export type Texts = ReadonlyMap<string, string>;

/** Links that lead nowhere, one sentence each with file and line; empty when all is well. */
export function deadLinks(texts: Texts, paths: ReadonlySet<string>): string[] {
  return [...texts].flatMap(([path, text]) =>
    !/\.(ts|md)$/.test(path) ? deadRoomFiles(path, text, paths) : path.endsWith(".md")
      ? [
        ...deadPageLinks(path, text, texts, paths),
        ...deadTests(path, text, paths),
        ...deadFileNames(path, text, 0, paths),
      ]
      : comments(text).flatMap(({ comment, offset }) => [
        ...deadSymbols(path, text, { comment, offset }, texts),
        ...deadFileNames(path, comment, lineOf(text, offset) - 1, paths),
      ])
  );
}

/** Comments of a TypeScript source. Text in quotes that looks like one isn't told apart, and rarely exists. */
function comments(text: string): { comment: string; offset: number }[] {
  return [...text.matchAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g)]
    .map((match) => ({ comment: match[0], offset: match.index }));
}

const lineOf = (text: string, offset: number) => text.slice(0, offset).split("\n").length;

/** `[words](target)`: the page or file must exist, and a heading must have the anchor. */
function deadPageLinks(path: string, text: string, texts: Texts, paths: ReadonlySet<string>): string[] {
  const plain = text.replaceAll(/```[\s\S]*?```/g, (code) => code.replaceAll(/[^\n]/g, " "));
  return [...plain.matchAll(/\]\(([^)\s]+)\)/g)].flatMap((match) => {
    const [target = "", anchor] = (match[1] ?? "").split("#");
    if (/^[a-z]+:/.test(target)) return [];
    const file = target === "" ? path : normalize(join(dirname(path), target)).replace(/\/$/, "");
    const place = `${path}:${lineOf(plain, match.index)}`;
    if (!paths.has(file)) return [`${place} links to ${file}, which doesn't exist`];
    if (anchor === undefined || !file.endsWith(".md")) return [];
    const headings = [...(texts.get(file) ?? "").matchAll(/^#+ (.*)$/gm)].map((heading) =>
      slug(heading[1] ?? "")
    );
    return headings.includes(anchor)
      ? []
      : [`${place} links to #${anchor} of ${file}, which has no such heading`];
  });
}

/** Files and folders of `deno test` commands, from the root. */
function deadTests(path: string, text: string, paths: ReadonlySet<string>): string[] {
  return [...text.matchAll(/\bdeno test -A ((?:[\w.-]+\/)+[\w.-]+)/g)].flatMap((match) =>
    paths.has(match[1] ?? "") ? [] : [
      `${path}:${lineOf(text, match.index)} tests ${match[1]}, which doesn't exist`,
    ]
  );
}

/** A heading's anchor as GitHub makes it. */
function slug(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}

/** `{@linkcode Name}` or `{@linkcode Name.member}`: declared in the same file or imported by it. */
function deadSymbols(
  path: string,
  source: string,
  { comment, offset }: { comment: string; offset: number },
  texts: Texts,
): string[] {
  return [...comment.matchAll(/\{@link(?:code|plain)?\s+([^}\s]+)[^}]*\}/g)].flatMap((match) => {
    const [name = "", member] = (match[1] ?? "").split(".");
    const place = `${path}:${lineOf(source, offset + match.index)}`;
    const home = declares(source, name) ? source : imported(path, source, name, texts);
    if (home === undefined) return [`${place} links to ${name}, which the file neither declares nor imports`];
    if (member === undefined || home === "") return [];
    return new RegExp(`\\b${member}\\b\\s*[?(:<=]`).test(home)
      ? []
      : [`${place} links to ${name}.${member}, and ${name} has no ${member}`];
  });
}

function declares(source: string, name: string): boolean {
  return new RegExp(`\\b(?:class|interface|type|function\\*?|const|let|enum|namespace)\\s+${name}\\b`).test(
    source,
  );
}

/** The source that declares an imported name; "" for one of a package; undefined where it isn't imported. */
function imported(path: string, source: string, name: string, texts: Texts): string | undefined {
  const statement = [...source.matchAll(/^(?:import|export)\s+(?:type\s+)?([^;"]*?)\s*from\s+"([^"]+)"/gm)]
    .find((match) => new RegExp(`\\b${name}\\b`).test(match[1] ?? "") || (match[1] ?? "").startsWith("*"));
  if (statement === undefined) return undefined;
  const target = statement[2] ?? "";
  if (!target.startsWith(".")) return "";
  return texts.get(normalize(join(dirname(path), target))) ?? "";
}

/** `NAME.ts`, `ARCH/config.json`: any of several. */
const STAND_IN = /(^|\/)[A-Z]{2,}(\/|\.)/;
const FILE_NAME = /(?<![\w@/.\\-])(?:[\w@.-]+\/)*[\w@-][\w@.-]*\.(?:ts|md|py|sh)\b(?![\w/])/g;

/** `rooms/file.ts` in prose: from the root, from the file's own folder, or a file's name anywhere. */
function deadFileNames(path: string, prose: string, line: number, paths: ReadonlySet<string>): string[] {
  const known = (name: string) =>
    [name, normalize(join(dirname(path), name)), `shared/${name}`].some((candidate) =>
      paths.has(candidate)
    ) ||
    [...paths].some((candidate) => candidate.endsWith(`/${name}`));
  const plain = prose.replaceAll(
    /```[\s\S]*?```|\]\([^)\s]*\)|https?:\/\/\S+|`[^`\n]*[*{}<$ ][^`\n]*`/g,
    (part) => part.replaceAll(/[^\n]/g, " "),
  );
  return [...plain.matchAll(FILE_NAME)].flatMap((match) => {
    const name = match[0].replace(/^\.\//, "");
    return name.startsWith("..") || STAND_IN.test(name) || OTHERS.has(name) || known(name)
      ? []
      : [`${path}:${line + lineOf(plain, match.index)} names the file ${name}, which doesn't exist`];
  });
}

const ROOM_FILE =
  /(?<![\w./@-])(?:\.ci|docs|fixtures|formats|kernels|plugins|tasks|tests)\/(?:[\w-]+\/)*[\w.-]*\.[a-z0-9]+\b/g;

/** `rooms/file.ext` anywhere in a script, a source of C, a page or a style, from the root. */
function deadRoomFiles(path: string, text: string, paths: ReadonlySet<string>): string[] {
  return [...text.matchAll(ROOM_FILE)].flatMap((match) =>
    paths.has(match[0]) || STAND_IN.test(match[0])
      ? []
      : [`${path}:${lineOf(text, match.index)} names the file ${match[0]}, which doesn't exist`]
  );
}

/** Files that the product writes, and files of other projects, each where a comment names it as such. */
const OTHERS: ReadonlySet<string> = new Set([
  "report.md",
  "x_test.ts", // stand-ins in CONTRIBUTING.md
  "_name.ts",
  "README.md",
  "data/README.md", // LLaMA-Factory's
  "src/llamafactory/data/template.py",
  "src/llamafactory/data/processor/supervised.py",
  "generation/logits_process.py", // transformers'
  "modeling_rope_utils.py",
  "peft/tuners/tuners_utils.py",
  "ggml/docs/gguf.md",
  "docs/OperatorKernels.md", // ONNX Runtime's
]);
