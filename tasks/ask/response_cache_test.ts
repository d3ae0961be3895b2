import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";

import { exists } from "../../formats/exists.ts";
import { damagesOf } from "../../tests/helpers/damages.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import type { Endpoint } from "../../plugins/kinds/endpoint.ts";
import { inFolder, rowsConfig, rowsText, runConfig } from "../../tests/helpers/evaluation_run.ts";
import { completionResponse, mockServer } from "../bench/eval/mock_server.ts";
import { planRun } from "../eval/plan/plan.ts";
import { openCache, ResponseCache } from "./response_cache.ts";

const answer = { outcome: "stop" as const, text: "yes", promptTokens: 1, completionTokens: 1 };
const endpoint = (more: Partial<Endpoint>): Endpoint => ({
  model: "m",
  complete: () => Promise.resolve(answer),
  close: () => Promise.resolve(),
  ...more,
});

Deno.test("ResponseCache: servers elsewhere only where it is asked for, an age, fresh, removal, dates", () => {
  let now = Date.UTC(2026, 10, 20, 10);
  using cache = new ResponseCache(":memory:", { maxAge: 3600, now: () => now });
  cache.put("k", "m", answer);
  assertEquals(cache.find("k"), { answer, made: "2026-11-20T10:00:00.000Z" });
  now += 3600_000;
  assertEquals(cache.get("k"), answer);
  now += 1;
  assertEquals(cache.get("k"), undefined, "older than max_age");
  cache.put("k", "m", answer);
  cache.remove("k");
  assertEquals(cache.get("k"), undefined);

  const own = endpoint({ onThisMachine: true }), other = endpoint({ onThisMachine: false });
  using auto = new ResponseCache(":memory:", { servers: false });
  using asked = new ResponseCache(":memory:");
  const serves = (cache: ResponseCache) => [own, other, endpoint({})].map((e) => cache.serves(e));
  assertEquals([serves(auto), serves(asked)], [[true, false, false], [true, true, true]]);
  assertEquals(asked.serves(endpoint({ cacheable: false, onThisMachine: true })), false);
  assertEquals(openCache({ cache: false }), null);
});

Deno.test("a kept answer that isn't as it was written is asked for again; a damaged file says what to do, and one of earlier versions is read", async () => {
  await inFolder((folder) => {
    const path = join(folder, "kept.sqlite");
    const text = "never 7.25";
    {
      using cache = new ResponseCache(path);
      cache.put("k", "m", { ...answer, text });
    }
    const change = (sql: string, ...values: string[]) => {
      using database = new DatabaseSync(path);
      database.prepare(sql).run(...values);
    };
    const found = () => {
      using cache = new ResponseCache(path);
      return cache.get("k");
    };
    assertEquals(found(), { ...answer, text });
    change("UPDATE answers SET answer = replace(answer, '7.25', '7.24')");
    assertEquals(found(), undefined);
    for (const other of ["", "{}", "[1]", "null", JSON.stringify({ ...answer, text: 1 }), "{"]) {
      change("UPDATE answers SET answer = ?", other);
      assertEquals(found(), undefined, other);
    }
    {
      using cache = new ResponseCache(path);
      cache.put("k", "m", { ...answer, text });
      assertEquals(cache.get("k")?.text, text);
    }
    change("UPDATE answers SET answer = ?", JSON.stringify(answer));
    assertEquals(found(), answer, "without a sum");
    const whole = Deno.readFileSync(path);
    for (const { what, bytes } of damagesOf(whole, [0]).filter((_, i) => [0, 1, 5, 7].includes(i))) {
      for (const end of ["-wal", "-shm"]) if (exists(path + end)) Deno.removeSync(path + end);
      Deno.writeFileSync(path, bytes);
      try {
        // emptied it is a new file, and a page that nothing reads may be damaged
        assertEquals(found(), bytes.length === 0 ? undefined : answer, what);
      } catch (error) {
        assert(error instanceof RangeError, `${what}: ${error}`);
        assertStringIncludes(error.message, `Cannot use ${path} as a cache of answers: `);
        assertStringIncludes(error.message, "; remove the file, or set cache: false");
      }
    }
    return Promise.resolve();
  });
});

Deno.test("cache: a folder is named as one, and nobody is told to remove it", async () => {
  await inFolder((folder) => {
    const { message } = assertThrows(() => new ResponseCache(folder), RangeError);
    assertEquals(
      message,
      `Cannot use ${folder} as a cache of answers: it is a folder, and a file is needed; name a file in it, or set cache: false`,
    );
    return Promise.resolve();
  });
});

Deno.test("cache: {max_age: 7d} in a configuration; ages that aren't any are refused", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(1));
    const age = (text: string) => {
      const { cache } = rowsConfig(folder, "http://127.0.0.1:9/v1", [
        `cache={path: x.sqlite, max_age: ${text}}`,
      ]);
      return (cache as { max_age: number }).max_age;
    };
    assertEquals([age("7d"), age("36h"), age("90"), age("1.5m")], [604_800, 129_600, 90, 90]);
    for (const wrong of ["7 days", "-1", "0", "x"]) {
      let message = "";
      try {
        age(wrong);
      } catch (error) {
        message = (error as Error).message;
      }
      assert(/max_age|cache/.test(message), `${wrong}: ${message}`);
    }
  });
});

Deno.test("cache: a word that is no path is refused, and a plan makes no file", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(1));
    for (const cache of ["atuo", "yes", "constructor", "None"]) {
      assertThrows(() => openCache({ cache }), RangeError, `current value is "${cache}"; write ./${cache}`);
      assertThrows(() => openCache({ cache }, false, { make: false }), RangeError, "cache needs auto");
    }
    const cache = join(folder, "new", "kept");
    for (const asked of [cache, `{path: ${cache}}`]) {
      const config = rowsConfig(folder, "http://127.0.0.1:9/v1", [`cache=${asked}`]);
      assertEquals((await planRun(config, builtinRegistry(), () => "")).cached, 0);
    }
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["rows.jsonl"]);
    openCache({ cache })![Symbol.dispose]();
    assert(Deno.statSync(cache).isFile);
  });
});

Deno.test("a model that answers otherwise behind the same name: kept answers are reported with their date, --fresh and max_age ask", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(4));
    let version = "first";
    await using server = mockServer({
      respond: ({ body }) =>
        body.model === "writer" ? completionResponse(`the ${version} answer`) : undefined,
    });
    const said: string[] = [];
    const go = async (out: string, fresh = false, ...more: string[]) => {
      const config = rowsConfig(folder, server.base, [`out_dir=${join(folder, out)}`, ...more]);
      said.length = 0;
      const before = server.log.length;
      const { results } = await runConfig(config, { fresh, say: (line) => said.push(line) });
      const released = JSON.parse(await Deno.readTextFile(join(config.out_dir, "rows_writer.json")));
      return {
        text: released.result[0].generated,
        asked: server.log.length - before,
        cached: results!.cached,
        config,
      };
    };
    const today = () => new Date().toISOString().slice(0, 10), before = today();
    assertEquals((await go("a")).text, "the first answer");
    // a run over midnight makes them on one of two days, or on both
    const days = new RegExp(`made (${before}|${today()})`);
    version = "second";
    const kept = await go("b");
    assertEquals([kept.text, kept.asked, kept.cached.answers], ["the first answer", 0, 4]);
    assertStringIncludes(said.join("\n"), "4 of 4 answers come from the response cache, made ");
    assertMatch(said.join("\n"), days);
    assertStringIncludes(said.join("\n"), "Verdicts of grader come from the response cache");
    const report = await Deno.readTextFile(join(kept.config.out_dir, "report.md"));
    assertStringIncludes(report, "4 answers and 4 judgements come from the response cache, made ");
    assertMatch(report, days);
    assertEquals((await go("c", true)).text, "the second answer");
    version = "third";
    // what --fresh asked for is kept
    assertEquals((await go("d")).text, "the second answer");
    assertEquals(
      (await go(
        "e",
        false,
        "cache={path: none.sqlite, max_age: 0.001}",
        `cache.path=${join(folder, "cache.sqlite")}`,
      )).text,
      "the third answer",
    );
    assertEquals((await go("f", false, "cache=false")).cached, {
      answers: 0,
      judgements: 0,
      oldest: null,
      newest: null,
    });
  });
});

Deno.test("by default, answers of a server elsewhere aren't kept", async () => {
  const address = Deno.networkInterfaces().find(({ family, address }) =>
    family === "IPv4" && !address.startsWith("127.")
  )?.address;
  if (address === undefined) return;
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(3));
    const kept = { cacheFolder: join(folder, "cache") };
    for (const [host, second] of [[address, 6], ["127.0.0.1", 0]] as const) {
      let asked = 0;
      await using server = mockServer({ hostname: "0.0.0.0", respond: () => (asked++, undefined) });
      const base = server.base.replace("0.0.0.0", host).replace("127.0.0.1", host);
      const go = (out: string) =>
        runConfig(rowsConfig(folder, base, [`out_dir=${join(folder, host, out)}`, "cache=auto"]), kept);
      await go("a");
      assertEquals(asked, 6);
      await go("b");
      assertEquals(asked - 6, second, host);
    }
    assertEquals([...Deno.readDirSync(kept.cacheFolder)].map(({ name }) => name), ["responses.sqlite"]);
  });
});

Deno.test("cache: a full disk and a folder that can't be made aren't told to remove the file", async () => {
  await inFolder((folder) => {
    const file = join(folder, "a file");
    Deno.writeTextFileSync(file, "");
    const { message } = assertThrows(() => new ResponseCache(join(file, "r.sqlite")), RangeError);
    assertStringIncludes(message, "; name a file in a folder that may be written to, or set cache: false");
    const path = join(folder, "r.sqlite");
    using cache = new ResponseCache(path);
    using database = new DatabaseSync(path);
    // the words of SQLite 3.53 on a full tmpfs, by a trigger, as a limit of pages is a connection's own
    database.exec(
      "CREATE TRIGGER full BEFORE INSERT ON answers BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
    );
    const full = assertThrows(() => cache.put("k", "m", answer), RangeError);
    assertStringIncludes(
      full.message,
      "is full; free some space, name a file on another disk, or set cache: false",
    );
    return Promise.resolve();
  });
});
