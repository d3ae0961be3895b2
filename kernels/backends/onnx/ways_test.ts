/** The two ways to ONNX Runtime, and tensors that stay with a provider: by the CPU's, as a CUDA device gets them. */
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";

import { runDeno } from "../../../tests/helpers/deno_process.ts";
import { packExamples } from "../../engine/packs/pack.ts";
import { Engine } from "../../engine/engine.ts";
import { idsExample, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { GraphBuilder } from "../../graph.ts";
import { linear } from "../../ops/products/products.ts";
import { referenceBackend } from "../reference/mod.ts";
import { openLibrary, ORT_VERSION } from "./c_api/mod.ts";
import { cWay } from "./c_way.ts";
import { javascriptWay } from "./javascript_way.ts";
import { onnxBackend, type OnnxOptions } from "./mod.ts";
import type { SessionSettings } from "./sessions.ts";

const { library, reason } = openLibrary(), ignore = library === null;
const because = reason === null ? "" : `: ${reason}`;

/** Log-probabilities and gradients of a step, and the trained values after it. */
async function step(given: OnnxOptions, body?: "stack") {
  const { config, weights } = tinyModel("qwen2"),
    { modules, initial } = tinyAdapter("qwen2", config);
  const tuning = { type: "lora", modules, dropout: 0.1 } as const;
  const options = { config, tuning, checkpointing: true, ...(body && { body }) };
  const engine = new Engine(
    onnxBackend({ threads: 1, loops: false, ...given }),
    options,
    (n) => weights[n]!,
    initial,
  );
  const pack = packExamples([idsExample({ y: [[3, 4, 5, 6], [7, 8, 9]], z: [[3, 4, 5, 9], [8]] })]);
  const logps = await engine.forward(pack, { adapter: true, keep: true, dropoutStep: 1 });
  await engine.backward(Float64Array.from(logps, (_, i) => 1 - 0.3 * i));
  const gradients = (await engine.parameters.gradients()).map((g) => [...g]);
  await engine.dispose();
  return { logps: [...logps], gradients };
}

Deno.test({
  name:
    `a training step gives the same bits through either way, and with tensors that stay with the provider${because}`,
  ignore,
  async fn() {
    const blocks = await step({});
    assert(blocks.gradients.some((g) => g.some((v) => Math.abs(v) > 1e-3)), "gradients aren't zero");
    assertEquals(await step({ way: javascriptWay("test") }), blocks);
    assertEquals(await step({ memory: "provider" }), blocks);
    // One program with constants and an If, which the CPU's own way doesn't take.
    const stack = await step({}, "stack");
    assertEquals(await step({ way: javascriptWay("test") }, "stack"), stack);
    assertEquals(await step({ memory: "provider" }, "stack"), stack);
  },
});

Deno.test({
  name:
    `tensors in a provider's memory take, keep and give values, and no other backend's pass for theirs${because}`,
  ignore,
  async fn() {
    const backend = onnxBackend({ memory: "provider" }), host = onnxBackend();
    assertEquals([backend.hostMemory, backend.keepsTensors], [false, true]);
    const given = Float32Array.of(1, -2, 3), tensor = backend.upload(given, [3, 1]);
    given.fill(9);
    assertEquals([...await backend.download(tensor)], [1, -2, 3]);
    backend.write(tensor, Float32Array.of(4, 5, 6));
    assertEquals([...await backend.download(tensor)], [4, 5, 6]);
    const zeros = backend.zeros([2, 2], "i32"), none = backend.zeros([0, 4]);
    assertEquals([await backend.download(zeros), await backend.download(none)], [
      new Int32Array(4),
      new Float32Array(0),
    ]);
    for (const place of [backend, host, referenceBackend()]) {
      assertThrows(
        () => place.write(place.zeros([3, 1]), new Float32Array(2)),
        TypeError,
        "Cannot write 2 elements to a tensor of shape [3,1]",
      );
      assertThrows(() => place.upload(new Float32Array(2), [3]), TypeError, "that shape has 3");
    }
    for (const [one, other] of [[backend, host], [host, backend]] as const) {
      assertThrows(
        () => one.write(other.zeros([1]), new Float32Array(1)),
        TypeError,
        "another backend made it",
      );
    }
    tensor.dispose();
    await assertRejects(async () => await backend.download(tensor), Error, "it was disposed of");
    await backend.dispose();
    assertThrows(
      () => onnxBackend({ memory: "provider", way: javascriptWay("test") }),
      RangeError,
      "that needs the library's C interface and cpu or cuda",
    );
  },
});

Deno.test({
  name: `onnxBackend() says which way it takes, and why not the other${because}`,
  ignore,
  async fn() {
    const end = "cpu, 3 threads", { description } = onnxBackend({ threads: 3 });
    assertEquals(description, `onnxruntime ${ORT_VERSION} through its C interface, ${end}`);
    const script = `import { onnxBackend } from "${new URL("mod.ts", import.meta.url)}";
      console.log(onnxBackend({ threads: 3 }).description);`;
    const told = async (wish: string) => {
      const env = { DINOTUNE_ONNX: wish };
      return (await runDeno(["run", "-A", "--no-check", "--ext=ts", "-"], { env, input: script })).all;
    };
    const [binding, wrong] = await Promise.all([told("binding"), told("c")]);
    assertStringIncludes(
      binding,
      `onnxruntime ${ORT_VERSION} through its binding for JavaScript (DINOTUNE_ONNX asks for it), ${end}`,
    );
    assertStringIncludes(wrong, 'DINOTUNE_ONNX is "binding" or unset: current value is "c"');
  },
});

Deno.test("the CUDA provider is told whether products may be TF32, by NVIDIA's own variable, and the description says so", async () => {
  const variable = "NVIDIA_TF32_OVERRIDE", told: unknown[] = [], variables = new Map<string, string>();
  const env = {
    get: (name: string) => variables.get(name),
    set: (name: string, value: string) => void variables.set(name, value),
    delete: (name: string) => void variables.delete(name),
  };
  const way = {
    ...javascriptWay("test"),
    providers: ["cuda", "cpu"] as const,
    makeSession: (_: unknown, { providerOptions }: SessionSettings) => {
      told.push(providerOptions);
      return Promise.resolve({ run: () => Promise.resolve(), dispose: () => Promise.resolve() });
    },
  };
  const g = new GraphBuilder(), x = g.input("x", [1, 1]), graph = g.finish(g.run(linear, { x, w: x }));
  for (const value of ["1", "0", null]) {
    if (value === null) variables.delete(variable);
    else variables.set(variable, value);
    const backend = onnxBackend({ provider: "cuda", way, env });
    await backend.compile(graph, "test");
    assertEquals(backend.description.endsWith(", products in TF32"), value === "1");
  }
  assertEquals(variables.get(variable), "0");
  await onnxBackend({ way, env }).compile(graph, "test");
  assertEquals(told, [{ use_tf32: "1" }, { use_tf32: "0" }, { use_tf32: "0" }, undefined]);
  // Asked for: this program's own 0 doesn't stand against it, a person's does.
  assert(onnxBackend({ provider: "cuda", way, env, tf32: true }).description.endsWith(", products in TF32"));
  assertEquals(variables.get(variable), undefined);
  for (const [value, tf32] of [["0", true], ["1", false]] as const) {
    variables.set(variable, value);
    const message = `Cannot use tf32: ${tf32} beside the variable ${variable}: current value is ${value}`;
    assertThrows(() => onnxBackend({ provider: "cuda", way, env, tf32 }), RangeError, message);
    onnxBackend({ provider: "cuda", way, env, tf32: !tf32 });
  }
});

Deno.test({
  name: `programs of a backend on the CPU share an arena${because}`,
  ignore,
  async fn() {
    const { api } = library!, entries: string[] = [];
    const text = (bytes: unknown) => new TextDecoder().decode(bytes as Uint8Array).replace("\0", "");
    const spy: typeof api.AddSessionConfigEntry = (options, key, value) => {
      entries.push(`${text(key)} ${text(value)}`);
      return api.AddSessionConfigEntry(options, key, value);
    };
    const way = cWay({ ...library!, api: { ...api, AddSessionConfigEntry: spy } });
    const backend = onnxBackend({ way, threads: 1 }), g = new GraphBuilder();
    const { y } = g.run(linear, { x: g.input("x", ["T", 2]), w: g.input("w", [3, 2]) });
    const program = await backend.compile(g.finish({ y }), "shared");
    await program.dispose();
    await backend.dispose();
    assert(entries.includes("session.use_env_allocators 1"), entries.join());
  },
});
