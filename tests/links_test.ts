import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { join } from "@std/path";

import project from "../deno.json" with { type: "json" };
import { deadLinks } from "./_links.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Goldens are other programs' texts, and this test and its parts name what doesn't exist. */
const SELF = /^(fixtures\/goldens\/|tests\/(_links|links_test|imports_test)\.ts)/;

/** Texts that name files; data isn't one. */
const READ = /\.(ts|md|c|h|js|css|html|py|sh)$|^\.ci\/\w+$/;

/** Every file and folder of the checkout, and the texts that can point to one. */
function readTexts(): { paths: Set<string>; texts: Map<string, string> } {
  const paths = new Set<string>(), texts = new Map<string, string>();
  const visit = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, folder))) {
      if (/^\.(git|DS_Store)$|^(node_modules|saves|coverage)$/.test(name)) continue;
      const path = folder ? `${folder}/${name}` : name;
      paths.add(path);
      if (isDirectory) visit(path);
      else if (READ.test(path) && !SELF.test(path)) {
        texts.set(path, Deno.readTextFileSync(join(ROOT, path)));
      }
    }
  };
  visit("");
  return { paths, texts };
}

Deno.test("every link, linkcode and file name in docs and comments leads somewhere", () => {
  const { paths, texts } = readTexts();
  assertEquals(deadLinks(texts, paths), []);
});

Deno.test("deadLinks() finds dead pages, headings, symbols, members and file names", () => {
  const texts = new Map([
    [
      "docs/a.md",
      "# A\n[gone](b.md) [no such part](#nowhere) [right](#a)\nsee `kernels/gone.ts`\n```sh\ndeno test -A kernels/x_test.ts # one\ndeno test -A docs/a.md\n```\n",
    ],
    [
      "kernels/x.ts",
      "/** {@linkcode Gone}, {@linkcode X.gone}, {@linkcode X.here}; see gone.ts */\nclass X { here = 1 }\n",
    ],
    ["kernels/native/src/x.c", "/* kernels/x.ts, kernels/KIND/x.ts and kernels/native/src/gone.h */\n"],
  ]);
  assertEquals(deadLinks(texts, new Set(texts.keys())), [
    "docs/a.md:2 links to docs/b.md, which doesn't exist",
    "docs/a.md:2 links to #nowhere of docs/a.md, which has no such heading",
    "docs/a.md:5 tests kernels/x_test.ts, which doesn't exist",
    "docs/a.md:3 names the file kernels/gone.ts, which doesn't exist",
    "kernels/x.ts:1 links to Gone, which the file neither declares nor imports",
    "kernels/x.ts:1 links to X.gone, and X has no gone",
    "kernels/x.ts:1 names the file gone.ts, which doesn't exist",
    "kernels/native/src/x.c:1 names the file kernels/native/src/gone.h, which doesn't exist",
  ]);
});

Deno.test("NOTICE names works of others where they lie", () => {
  const { paths } = readTexts();
  const named = [...Deno.readTextFileSync(join(ROOT, "NOTICE")).matchAll(/(?:fixtures|plugins)\/[\w./-]*\w/g)]
    .map(([path]) => path);
  assertEquals([named.length > 4, named.filter((path) => !paths.has(path))], [true, []]);
});

Deno.test("docs/architecture.md names every verb and every room", () => {
  const page = Deno.readTextFileSync(join(ROOT, "docs/architecture.md"));
  const folders = (room: string) =>
    [...Deno.readDirSync(join(ROOT, room))].filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
  const verbs = Object.values(project.tasks).flatMap(({ command }) =>
    /tasks\/(\w+\.ts)/.exec(command)?.[1] ?? []
  )
    .filter((name) => name !== "doc_lint.ts");
  const rooms = [
    ...["tasks", "kernels"].flatMap((room) => folders(room).map((name) => `${room}/${name}/`)),
    ...folders("formats"),
  ];
  assertEquals([...verbs, ...rooms].filter((name) => !page.includes(name)), []);
  // of rooms that are cut into ideas each one, in a row of their own or by its name in the room's row
  const unnamed = [
    "kernels/engine",
    "kernels/engine/generate",
    "kernels/ops",
    "plugins/kinds",
    "plugins/trainers/local",
    "tasks/common",
    "tasks/eval",
    "tasks/serve",
    "tasks/train",
    "tasks/train/data",
    "tasks/train/outputs",
  ].flatMap((room) => {
    const [top, second] = room.split("/");
    const rows = page.split("\n").filter((line) => line.includes(`\`${top}/${second}/`));
    return folders(room).filter((name) =>
      !rows.some((row) => row.includes(`\`${room}/${name}/\``) || row.includes(`\`${name}/\``))
    ).map((name) => `${room}/${name}/`);
  });
  assertEquals(unnamed, []);
});
