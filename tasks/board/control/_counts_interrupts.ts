/** A process for processes_test.ts: it ends a while after the first Ctrl-C, with their number as its exit code. */
let heard = 0;
Deno.addSignalListener("SIGINT", () => {
  console.log(++heard);
  if (heard === 1) setTimeout(() => Deno.exit(heard), 1000);
});
setTimeout(() => Deno.exit(99), 120_000);
console.log("listens");
