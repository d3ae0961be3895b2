/**
 * Prints the bytes that the arenas of two sessions hold before, between and behind a run of each: with an arena each, with a shared
 * one, and once more. A process of its own, since threads of one share what is shared.
 * @module
 */
import { openLibrary, OrtAllocator, OrtMemory, OrtSession, OrtTensor } from "./mod.ts";
import { node, smallModel } from "./_test_model.ts";

const { library, reason } = openLibrary();
if (!library) throw new Error(reason);
const FLOAT = 1, ROWS = 1024, COLS = 16;

/** Three operators, so that two results stand between them: 64 kB each. */
const CHAIN = smallModel({
  nodes: [
    node("Add", ["x", "x"], ["a"]),
    node("MatMul", ["a", "w"], ["b"]),
    node("MatMul", ["b", "w"], ["y"]),
  ],
  inputs: [["x", FLOAT, ["T", COLS]], ["w", FLOAT, [COLS, COLS]]],
  outputs: [["y", FLOAT, ["T", COLS]]],
});
const ones = (rows: number) =>
  OrtTensor.over(library, new Float32Array(rows * COLS).fill(1), [rows, COLS], "f32");
const x = ones(ROWS), w = ones(COLS), y = ones(ROWS), memory = new OrtMemory(library, "Cpu");

const held = (arena: true | "shared"): number[][] => {
  using first = new OrtSession(library, CHAIN, { threads: 1, arena });
  using second = new OrtSession(library, CHAIN, { threads: 1, arena });
  using ofFirst = new OrtAllocator(first, memory);
  using ofSecond = new OrtAllocator(second, memory);
  const bytes = () => [ofFirst.heldBytes, ofSecond.heldBytes], before = bytes();
  first.run({ x, w }, { y });
  const between = bytes();
  second.run({ x, w }, { y });
  return [before, between, bytes()];
};

console.log(JSON.stringify([held(true), held("shared"), held("shared"), (y.data as Float32Array)[0]]));
