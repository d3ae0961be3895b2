import { assertEquals } from "@std/assert";

import { TypedKeys } from "./typed_keys.ts";

function typed(): { keys: TypedKeys; given: () => string; stops: () => number } {
  let stops = 0, text = "";
  const keys = new TypedKeys((more) => text += more, () => stops++);
  const given = () => {
    const all = text;
    text = "";
    return all;
  };
  return { keys, given, stops: () => stops };
}
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("keys are held back while no line is asked for, and come a line at a time", () => {
  const { keys, given, stops } = typed();
  keys.push(bytes("one\ntwo\r\nthr"));
  assertEquals(given(), "");
  keys.open();
  assertEquals(given(), "one\r");
  keys.open();
  assertEquals(given(), "two\r");
  keys.open();
  assertEquals(given(), "thr");
  keys.push(bytes("ee\x1b[D\r"));
  assertEquals(given(), "ee\x1b[D\r");
  keys.push(bytes("dropped\rtoo\x03kept"));
  assertEquals(stops(), 1);
  keys.open();
  assertEquals(given(), "kept");
});

Deno.test("Ctrl-Z is passed by, as the editor would stop itself alone by it", () => {
  const { keys, given, stops } = typed();
  keys.open();
  keys.push(bytes("a\x1ab\x1a"));
  keys.push(bytes("\x1a\r"));
  assertEquals([given(), stops()], ["ab\r", 0]);
});

Deno.test("a pasted text is one text: its lines go on, and what is in it gives no orders", () => {
  const whole = bytes("\x1b[200~你 a\\\r\rb\x03\x04c\td\n\x1b[201~e\r");
  // the terminal may give it in parts of any size
  for (const size of [1, 2, 3, 7, whole.length]) {
    const { keys, given, stops } = typed();
    const lines: string[] = [];
    for (let i = 0; i < whole.length; i += size) keys.push(whole.subarray(i, i + size));
    for (let i = 0; i < 4; i++) {
      keys.open();
      lines.push(given());
    }
    assertEquals(
      [lines, stops()],
      [["你 a\\\\\r", "\\\r", "bc\td\\\r", "e\r"], 0],
      `${size} bytes at a time`,
    );
  }
});
