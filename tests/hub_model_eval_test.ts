/** An evaluation of a model on the hub is one of its commit: when a branch moves, old answers aren't taken for the new weights'. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { PROJECT_FOLDER, runDeno } from "./helpers/deno_process.ts";
import { COMMIT, CONVERTED_COMMIT as MOVED, FakeHub } from "./helpers/fake_hub.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";

const MODEL = join(PROJECT_FOLDER, "fixtures/constraints/model");
const ID = "tiny/model";
const folder = temporaryFolder();

Deno.test({
  name:
    "eval: a model of the hub whose main moved is refused in the folder of the commit before, and isn't in the cache",
  // six processes
  ignore: !Deno.env.has("TEST_ALL"),
  async fn() {
    const names = [...Deno.readDirSync(MODEL)].filter(({ isFile }) => isFile).map(({ name }) => name);
    const files = new Map(names.map((name) => [name, Deno.readFileSync(join(MODEL, name))]));
    let main = COMMIT;
    await using hub = new FakeHub(files, {
      answer: ({ pathname }) => {
        const [, commit] = /\/revision\/([0-9a-f]{40})$/.exec(pathname) ?? [];
        if (!pathname.endsWith("/revision/main") && commit === undefined) return undefined;
        const repository = { _id: "1", id: ID, author: "tiny", lastModified: "2024-01-01T00:00:00.000Z" };
        return Response.json({ ...repository, sha: commit ?? main });
      },
    }, { name: ID, converted: files });
    const cache = join(folder, "hub");
    const environment = {
      HF_ENDPOINT: hub.endpoint,
      HF_HUB_CACHE: cache,
      DINOTUNE_CACHE: join(folder, "kept"),
    };
    const file = join(folder, "eval.yaml"), out = join(folder, "out");
    await Deno.writeTextFile(
      file,
      `evaluator:\n  type: constraints\n  max_samples: 2\n  out_dir: ${out}\n  model:\n    type: local\n` +
        `    args: {model: ${ID}}\n    run_args: {max_tokens: 8}\n`,
    );
    const evaluate = async (given: string[] = [], more: Record<string, string> = {}) => {
      const env = { OMP_NUM_THREADS: "1", ...environment, ...more };
      const { code, stdout, stderr } = await runDeno(["run", "-A", "tasks/eval.ts", file, ...given], { env });
      return { code, text: `${stderr}\n${stdout}` };
    };

    const first = await evaluate();
    assertEquals(first.code, 0, first.text);
    assertStringIncludes(first.text, `note: ${ID} is commit ${COMMIT} of the hub`);
    const yaml = await Deno.readTextFile(join(out, "run.yaml"));
    assertStringIncludes(yaml, `\n  revision: ${COMMIT}\n`);
    const answers = await Deno.readTextFile(join(out, "items.jsonl"));

    // what the hub said last is known without it
    const offline = await evaluate([], { HF_HUB_OFFLINE: "1" });
    assertEquals(offline.code, 0, offline.text);
    const unasked = await evaluate([`out_dir=${join(folder, "unasked")}`]);
    assertStringIncludes(unasked.text, "2 of 2 answers come from the response cache");

    main = MOVED;
    const moved = await evaluate();
    assertEquals(moved.code, 1, moved.text);
    assertStringIncludes(
      moved.text,
      `Cannot continue in ${out} as it holds 2 answers of a run of the model model at commit ${COMMIT} (now ${MOVED}): ` +
        `model.args.model=${ID}@${COMMIT} model.args.name=model continues them; else choose another out_dir`,
    );
    assertEquals(await Deno.readTextFile(join(out, "items.jsonl")), answers);
    const other = await evaluate([`out_dir=${join(folder, "other")}`]);
    assertEquals(other.code, 0, other.text);
    assertEquals(other.text.includes("from the response cache"), false, other.text);
    const named = await evaluate([`model.args.model=${ID}@${COMMIT}`, "model.args.name=model"]);
    assertEquals(named.code, 0, named.text);
    assertEquals(await Deno.readTextFile(join(out, "items.jsonl")), answers);
  },
});
