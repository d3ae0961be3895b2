/** Figures of the docs that the project itself can count: rows that come along, goldens, sizes of files, versions of packages. */
import { gunzipSync } from "node:zlib";

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

import project from "../deno.json" with { type: "json" };
import { templates } from "../plugins/templates/mod.ts";
import { STEPS } from "../tasks/synth/draft.ts";

const ROOT = new URL("../", import.meta.url).pathname;

const read = (path: string) => Deno.readTextFileSync(join(ROOT, path));
const kilobytes = (path: string) => Math.round(Deno.statSync(join(ROOT, path)).size / 1000);
const count = (text: string) => text.trim().split("\n").length;

function lines(path: string): number {
  return count(
    path.endsWith(".gz")
      ? new TextDecoder().decode(gunzipSync(Deno.readFileSync(join(ROOT, path))))
      : read(path),
  );
}

// deno-lint-ignore no-explicit-any -- goldens of any shape
const golden = (path: string): any => JSON.parse(read(`fixtures/goldens/${path}`));

/** Page, words around a figure, and what the figure is. */
const FIGURES: readonly [page: string, words: RegExp, figure: () => number][] = [
  ["README.md", /Templates: (\S+) by name/, () => templates.filter(({ name }) => name !== "auto").length],
  ["README.md", /TRACE \((\S+) instructions, shipped\)/, () => lines("fixtures/trace/trace_eval.jsonl.gz")],
  ["README.md", /of (\S+) held-out instructions/, () => lines("fixtures/constraints/data/heldout.jsonl")],
  ["docs/benchmarks.md", /`trace` +\| (\S+), come/, () => lines("fixtures/trace/trace_eval.jsonl.gz")],
  ["docs/benchmarks.md", /`ifeval` +\| (\S+), come/, () => lines("fixtures/ifeval/gpt4_responses.jsonl.gz")],
  [
    "docs/benchmarks.md",
    /`constraints` \| (\S+), come/,
    () => lines("fixtures/constraints/data/heldout.jsonl"),
  ],
  ["docs/datasets.md", /goldens\/datasets: (\S+) sets/, () => golden("datasets/datasets.json").cases.length],
  ["docs/dependencies.md", /Of the (\S+) templates of/, () => golden("jinja/jinja.json").cases.length],
  ["docs/dependencies.md", /linux-x64\.so`, (\S+) kB/, () => kilobytes("kernels/native/linux-x64.so")],
  ["docs/dependencies.md", /grids_data\.ts`, (\S+) kB/, () => kilobytes("formats/simd/grids_data.ts")],
  ["docs/ifeval.md", /goldens\/ifeval` keeps (\S+) texts/, () => golden("ifeval/python.json").rows.length],
  [
    "docs/ifbench.md",
    /goldens\/ifbench` keeps (\S+) responses/,
    () => golden("ifbench/verdicts.json").length,
  ],
  ["docs/ifeval.md", /texts and (\S+) of the responses/, () => golden("ifeval/verdicts.json").length],
  ["docs/synth.md", /the (\S+) that come along/, () => lines("tasks/synth/data/seeds.jsonl")],
  ["docs/templates.md", /0\.9\.5 on (\S+) conversations/, conversations],
  ["docs/templates.md", /the (\S+) templates and/, () => golden("jinja/jinja.json").cases.length],
  ["docs/templates.md", /and (\S+) format specifications/, () => golden("jinja/formats.json").cases.length],
];

function conversations(): number {
  const runs: { cases: unknown[] }[] = golden("templates/templates.json").runs;
  return runs.reduce((sum, { cases }) => sum + cases.length, 0);
}

Deno.test("figures of the docs are what the project counts", () => {
  const faults = FIGURES.flatMap(([page, words, figure]) => {
    const found = words.exec(read(page))?.[1], counted = figure();
    return found !== undefined && Number(found.replaceAll(",", "")) === counted
      ? []
      : [`${page}, ${words}: ${found}, counted ${counted}`];
  });
  assertEquals(faults, []);
});

Deno.test("docs/dependencies.md names every package of deno.json, by its version", () => {
  const page = read("docs/dependencies.md");
  const rows = new Map(
    [...page.matchAll(/^\| ([^|]+) \| ([\d., ]+) \| /gm)].flatMap(([, names = "", versions = ""]) => {
      const each = versions.split(", ");
      return names.trim().split(", ").map((name, i) => [name, each[i]?.trim()] as const);
    }),
  );
  const packages = new Map(
    Object.values(project.imports).flatMap((target) => {
      const [, name, version] = /^npm:\/?((?:@[^/]+\/)?[^@/]+)@([\d.]+)/.exec(target) ?? [];
      return name === undefined ? [] : [[name, version] as const];
    }),
  );
  assert(packages.size > 20);
  assertEquals(Object.fromEntries([...rows].sort()), Object.fromEntries([...packages].sort()));
});

Deno.test("docs/synth.md names every step, in the order in which drafts take them", () => {
  const [, table = ""] = read("docs/synth.md").split("| step | judge | rules |");
  const cells = table.split("\n\n")[0]?.matchAll(/^\| ([^|]+) \|/gm) ?? [];
  const names = [...cells].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name)
  );
  assertEquals(names, [...STEPS]);
});
