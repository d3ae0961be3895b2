import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { OrtBinding, OrtMemory, OrtSession, OrtTensor, RunOptions } from "./mod.ts";
import { integer, node, type SmallModel } from "./_test_model.ts";
import {
  BOOL,
  FLOAT,
  floatsOf,
  INT64,
  library,
  libraryTest,
  openProduct,
  openSmall,
  tensorOver,
} from "./_sessions.ts";

libraryTest("OrtSession.run() writes into the arrays that it is given, and reads theirs", () => {
  using session = openProduct();
  assertEquals([session.inputNames, session.outputNames], [["x", "w"], ["y", "s"]]);
  using x = tensorOver([1, 2, 3, 4], [2, 2]);
  using w = tensorOver([1, -1, 1, 2], [2, 2]);
  const array = new Float32Array(6).fill(9);
  using y = OrtTensor.over(library!, array.subarray(1, 5), [2, 2], "f32");
  session.run({ x, w }, { y });
  // [1 2; 3 4]·[1 −1; 1 2], with what lies beside it as it was.
  assertEquals([...array], [9, 3, 3, 7, 5, 9]);
  (x.data as Float32Array).set([0, 1]);
  session.run({ w, x }, { y });
  assertEquals([...array], [9, 1, 2, 7, 5, 9]);
});

libraryTest("OrtTensor.over() takes every element type, by its size in bytes", () => {
  const bytes = {
    f32: [0, 0, 0x40, 0x40],
    f16: [0, 0x42],
    bf16: [0x40, 0x40],
    f64: [0, 0, 0, 0, 0, 0, 8, 0x40],
    i8: [3],
    u8: [3],
    i16: [3, 0],
    u16: [3, 0],
    i32: [3, 0, 0, 0],
    u32: [3, 0, 0, 0],
    i64: [3, 0, 0, 0, 0, 0, 0, 0],
    u64: [3, 0, 0, 0, 0, 0, 0, 0],
    bool: [1],
  };
  const codes = {
    f32: 1,
    u8: 2,
    i8: 3,
    u16: 4,
    i16: 5,
    i32: 6,
    i64: 7,
    bool: 9,
    f16: 10,
    f64: 11,
    u32: 12,
    u64: 13,
    bf16: 16,
  };
  for (const [type, expected] of Object.entries(bytes)) {
    const to = codes[type as keyof typeof codes];
    const cast = { ...node("Cast", ["x"], ["y"]), attribute: [integer("to", to)] };
    using session = openSmall({ nodes: [cast], inputs: [["x", FLOAT, [1]]], outputs: [["y", to, [1]]] });
    using x = tensorOver([3], [1]);
    const array = new Uint8Array(expected.length);
    using y = OrtTensor.over(library!, array, [1], type as keyof typeof bytes);
    session.run({ x }, { y });
    assertEquals([...array], expected, type);
    using binding = new OrtBinding(session).bindInput("x", x).bindOutput("y", new OrtMemory(library!, "Cpu"));
    binding.run();
    using made = binding.outputs().y!;
    assertEquals([made.type, made.shape, [...made.bytes()]], [type, [1], expected]);
  }
});

libraryTest("tensors without sizes and without elements pass", () => {
  using session = openSmall({
    nodes: [node("Shape", ["x"], ["n"]), node("ReduceSum", ["x"], ["t"])],
    inputs: [["x", FLOAT, ["T", 3]]],
    outputs: [["n", INT64, [2]], ["t", FLOAT, [1, 1]]],
  });
  using x = OrtTensor.over(library!, new Float32Array(0), [0, 3], "f32");
  const shape = new BigInt64Array(2), total = new Float32Array([5]);
  using n = OrtTensor.over(library!, shape, [2], "i64");
  using t = OrtTensor.over(library!, total, [1, 1], "f32");
  session.run({ x }, { n, t });
  assertEquals([[...shape], [...total]], [[0n, 3n], [0]]);
  using not = openSmall({
    nodes: [node("Not", ["b"], ["c"])],
    inputs: [["b", BOOL, []]],
    outputs: [["c", BOOL, []]],
  });
  const answer = new Uint8Array(1);
  using b = OrtTensor.over(library!, new Uint8Array(1), [], "bool");
  using c = OrtTensor.over(library!, answer, [], "bool");
  not.run({ b }, { c });
  assertEquals([...answer], [1]);
});

libraryTest("what the library refuses is thrown, and says what it was", () => {
  assertThrows(
    () => new OrtSession(library!, new Uint8Array(9), { threads: 1 }),
    Error,
    "Cannot make a session: ",
  );
  assertThrows(() => new OrtSession(library!, "/none/m.onnx", { threads: 1 }), Error, "no such file");
  const unknown: SmallModel = { nodes: [node("Nonesuch", [], ["y"])], outputs: [["y", FLOAT, [1]]] };
  assertThrows(() => openSmall(unknown), Error, "Nonesuch");
  const long = { "session.set_denormal_as_zero": "1".repeat(100_000) };
  assertThrows(
    () => openProduct({ config: long }),
    Error,
    'Cannot set "session.set_denormal_as_zero" of a session',
  );
  assertThrows(() => openProduct({ config: { "a\0b": "1" } }), TypeError, "zero character");
  assertThrows(() => openProduct({ provider: "cuda" }), Error, 'Cannot use the execution provider "cuda"');
  using session = openProduct();
  using x = tensorOver([1, 2], [1, 2]);
  using w = tensorOver([1, 2, 3, 4], [2, 2]);
  using y = tensorOver([0, 0], [1, 2]);
  assertThrows(() => session.run({ x }, { y }), Error, "Cannot run a model: ");
  using wide = tensorOver([1, 2, 3], [1, 3]);
  assertThrows(() => session.run({ x: wide, w }, { y }), Error, "Got: 3 Expected: 2");
  using long2 = tensorOver([0, 0, 0, 0], [2, 2]);
  assertThrows(() => session.run({ x, w }, { y: long2 }), Error, "(ONNX Runtime: ");
  assertThrows(() => session.run({ x, w }, { z: y }), Error, "z");
  assertThrows(() => tensorOver([1, 2], [1, 3]), TypeError, "over 8 bytes: as f32 it needs 12");
  assertThrows(() => tensorOver([1, 2], [1, 1.5]), TypeError, "sizes are whole numbers");
  using binding = new OrtBinding(session);
  assertThrows(
    () => binding.bindInput("z", x),
    RangeError,
    'Cannot bind the input "z": the session has x, w',
  );
  assertThrows(
    () => binding.bindOutput("x", y),
    RangeError,
    'Cannot bind the output "x": the session has y, s',
  );
  assertThrows(() => new OrtMemory(library!, "Nowhere"), Error, 'Cannot name the memory "Nowhere"');
});

libraryTest("what was disposed of can't be used, and disposing of it again is nothing", () => {
  const session = openProduct(),
    x = tensorOver([1, 2], [1, 2]),
    y = tensorOver([0, 0], [1, 2]),
    binding = new OrtBinding(session);
  for (const it of [binding, x, session]) for (let times = 0; times < 2; times++) it.dispose();
  assertThrows(() => session.run({ x: y, w: y }, { y }), Error, "Cannot use a session: it was disposed of");
  assertThrows(() => x.pointer, Error, "Cannot use a tensor of shape [1,2]: it was disposed of");
  assertThrows(() => binding.run(), Error, "Cannot use a session");
  y.dispose();
});

libraryTest("OrtBinding leaves outputs where they were made, and the next run reads them there", () => {
  using session = openProduct();
  using x = tensorOver([1, 2], [1, 2]);
  using w = tensorOver([2, 0, 0, 3], [2, 2]);
  using memory = new OrtMemory(library!, "Cpu");
  using binding = new OrtBinding(session).bindInput("x", x).bindInput("w", w);
  using sum = tensorOver([0, 0], [1, 2]);
  binding.bindOutput("s", sum).bindOutput("y", memory);
  binding.run();
  let made = binding.outputs();
  assertEquals([floatsOf(made.s!), floatsOf(made.y!), floatsOf(sum)], [[2, 4], [2, 6], [2, 4]]);
  assertEquals([made.y!.memory, made.y!.data, made.y!.shape], ["Cpu", null, [1, 2]]);
  for (let step = 0; step < 2; step++) {
    const before = made;
    binding.bindInput("x", made.y!).bindOutput("y", memory);
    binding.run();
    binding.synchronizeOutputs();
    made = binding.outputs();
    for (const tensor of Object.values(before)) tensor.dispose();
  }
  // x·diag(2, 3) three times; s is twice what went into the last.
  assertEquals([floatsOf(made.y!), floatsOf(sum)], [[8, 54], [8, 36]]);
  for (const tensor of Object.values(made)) tensor.dispose();
  binding.clear();
  assertThrows(() => binding.run(), Error, "Cannot run a model");
});

/** y = x + trips, one by one. */
const count = () =>
  openSmall({
    nodes: [{
      opType: "Loop",
      input: ["trips", "", "x"],
      output: ["y"],
      attribute: [{
        name: "body",
        type: 5,
        g: {
          name: "body",
          node: [node("Add", ["v", "one"], ["next"]), node("Identity", ["go"], ["going"])],
          input: [["i", INT64], ["go", BOOL], ["v", FLOAT]].map(([name, elemType]) => ({
            name: name as string,
            type: { tensorType: { elemType: elemType as number, shape: {} } },
          })),
          output: [["going", BOOL], ["next", FLOAT]].map(([name, elemType]) => ({
            name: name as string,
            type: { tensorType: { elemType: elemType as number, shape: {} } },
          })),
          initializer: [{ name: "one", dims: [], dataType: FLOAT, floatData: [1] }],
        },
      }],
    }],
    inputs: [["trips", INT64, []], ["x", FLOAT, []]],
    outputs: [["y", FLOAT, []]],
  });

libraryTest(
  "a run in the background leaves the thread free, can be stopped, and keeps what it uses",
  async () => {
    const session = count(), trips = new BigInt64Array(1), options = new RunOptions(library!);
    const n = OrtTensor.over(library!, trips, [], "i64"), x = tensorOver([0.5], []), y = tensorOver([0], []);
    const binding = new OrtBinding(session).bindInput("trips", n).bindInput("x", x).bindOutput("y", y);
    for (
      const run of [
        () => session.runInBackground({ trips: n, x }, { y }, options),
        () => binding.runInBackground(options),
      ]
    ) {
      trips[0] = 1_000_000_000_000n;
      const endless = run();
      assertThrows(() => session.dispose(), Error, "Cannot dispose of a session: a run in the background");
      assertThrows(() => x.dispose(), Error, "Cannot dispose of a tensor of shape []: a run");
      options.stop();
      await assertRejects(() => endless, Error, "Cannot run a model");
      options.renew();
      trips[0] = 20n;
      await run();
      assertEquals(floatsOf(y), [20.5]);
    }
    for (const it of [session, binding, options, n, x, y]) it.dispose();
  },
);
