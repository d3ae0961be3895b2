/**
 * Test files run beside each other in one process, and one after the other in its threads: what belongs to the process or the
 * machine isn't changed by a test, not even for a moment.
 */
import { assertEquals } from "@std/assert";

const root = new URL("../", import.meta.url).pathname;

/** Changes of what all test files share, with the way around them. */
const SHARED: readonly (readonly [name: string, pattern: RegExp, instead: string])[] = [
  [
    "environment",
    /Deno\.env\.(set|delete)\(|process\.env(\.\w+|\[[^\]]+\])\s*=[^=]/,
    "a child process, or an argument",
  ],
  ["current folder", /\bchdir\(/, "absolute paths, or a child process"],
  ["mask of new files", /\bumask\([^)]/, "a child process"],
  [
    "exit code",
    /Deno\.exitCode\s*=[^=]|process\.exitCode\s*=[^=]/,
    "taskHere(), or a child process",
  ],
  ["signals", /\b(add|remove)SignalListener\(|process\.on\(/, "a child process"],
  [
    "fixed port",
    /\b(listen|listenTls|serve|startBoard|startServer|mockServer)\(\{[^}]*\bport: [1-9]|"--port",? "?[1-9]/,
    "port 0",
  ],
  ["fixed name of a temporary file", /["'`]\/(var\/)?tmp\/[^"'`]*["'`]\)/, "Deno.makeTempDir()"],
];

/** Lines of a file that change what is shared. */
function changes(text: string): string[] {
  return text.split("\n").flatMap((line, i) =>
    SHARED.flatMap(([name, pattern, instead]) =>
      pattern.test(line) ? [`${i + 1}: ${name}: use ${instead}`] : []
    )
  );
}

function* tests(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(root + folder)) {
    const path = folder + name;
    if (isDirectory && !/^\.|^node_modules$|^saves$/.test(name)) yield* tests(`${path}/`);
    else if (/_test\.ts$/.test(name) || /^tests\/.*\.ts$/.test(path)) yield path;
  }
}

Deno.test("no test changes what all tests of a process share: environment, current folder, signals, fixed ports", () => {
  const found = [...tests("")].filter((path) => path !== "tests/shared_state_test.ts").flatMap((path) =>
    changes(Deno.readTextFileSync(root + path)).map((line) => `${path}:${line}`)
  );
  assertEquals(found, []);
});

Deno.test("the search for shared state finds each kind of it, and nothing in what children get", () => {
  const faults = [
    'Deno.env.set("A", "1");',
    'Deno.env.delete("A");',
    "process.env.A = value;",
    "Deno.chdir(folder);",
    "process.chdir(folder);",
    "Deno.umask(0o77);",
    "Deno.exitCode = 1;",
    'Deno.addSignalListener("SIGINT", stop);',
    'process.on("SIGINT", stop);',
    "Deno.listen({ port: 8000 });",
    'Deno.serve({ hostname: "127.0.0.1", port: 8000 }, answer);',
    'args: ["serve", "--port", "8000"],',
    'Deno.writeTextFileSync("/tmp/x.json")',
  ];
  assertEquals(faults.filter((line) => changes(line).length !== 1), []);
  const fine = [
    'env: { A: "1" },',
    "cwd: folder,",
    "Deno.umask()",
    "port: 0",
    '"--port", "0"',
    "process.env.A === value",
  ];
  assertEquals(fine.flatMap(changes), []);
});
