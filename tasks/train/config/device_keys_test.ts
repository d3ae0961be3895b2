import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { faultWith, resolvedConfig } from "./_resolved.ts";

Deno.test("keys of this project's own devices are said to do nothing with trainer: torch", () => {
  const { notes } = resolvedConfig("trainer: torch\nbackend: onnx\nprovider: cpu\nfp16: true\n");
  for (const key of ["backend", "provider", "fp16"]) {
    assertEquals(notes.filter((note) => note.startsWith(`${key}: `)).length, 1, key);
    assert(notes.some((note) => note.startsWith(`${key}: not used with trainer: torch`)), key);
  }
  assert(
    !resolvedConfig("trainer: torch\n").notes.some((note) => note.includes("not used with trainer: torch")),
  );
  assert(!resolvedConfig("backend: onnx\n").notes.some((note) => note.includes("trainer: torch")));
});

Deno.test("each of transformers' optimizers is taken, or refused with what to take; where there are no kernels AdamW alone is", () => {
  const golden = new URL("../../../fixtures/goldens/llamafactory/config_keys.json", import.meta.url);
  const { choices } = (JSON.parse(Deno.readTextFileSync(golden)).keys as { key: string; choices: string[] }[])
    .find(({ key }) => key === "optim")!;
  const others = ["adafactor", "sgd", "adagrad", "rmsprop"];
  const adamw = [
    "adamw_torch",
    "adamw_torch_fused",
    "adamw_torch_xla",
    "adamw_torch_npu_fused",
    "adamw_apex_fused",
  ];
  for (const optim of choices) {
    const line = `optim: ${optim}\n`;
    if ([...others, ...adamw].includes(optim)) {
      assertEquals(resolvedConfig(line).config.optim, optim);
    } else {
      assertStringIncludes(faultWith(line), `Cannot use optim: ${optim} as it isn't there: use adamw_torch`);
    }
  }
  for (const optim of others) {
    const on = (place: string) => faultWith(`optim: ${optim}\n${place}`);
    assertStringIncludes(on("backend: webgpu\n"), `Cannot use optim: ${optim} with backend: webgpu`);
    assertStringIncludes(on("backend: webgpu\n"), "use backend: onnx, or adamw_torch");
    assertStringIncludes(
      on("provider: cuda\ncuda_tensors: device\n"),
      `Cannot use optim: ${optim} with cuda_tensors: device`,
    );
    for (const place of ["trainer: torch\n", "provider: cuda\n", "backend: onnx\n", "backend: reference\n"]) {
      assertEquals(resolvedConfig(`optim: ${optim}\n${place}`).config.optim, optim);
    }
  }
  // of a finished model nothing is stepped
  for (const place of ["backend: webgpu\n", "trainer: torch\n"]) {
    const finished = ["do_train=false", "do_eval=true", "eval_dataset=e"];
    assertEquals(resolvedConfig(`optim: sgd\n${place}`, ...finished).config.optim, "sgd");
  }
  assertStringIncludes(faultWith("adam_epsilon: 0\n"), "a number > 0");
  for (const place of ["backend: webgpu\n", "provider: cuda\ncuda_tensors: device\n", "trainer: torch\n"]) {
    for (const optim of adamw) assertEquals(resolvedConfig(`optim: ${optim}\n${place}`).config.optim, optim);
  }
});

Deno.test("number types are of provider: cuda, and say where they do nothing", () => {
  const of = (more: string) => {
    const { config: { bf16, fp16, tf32 }, notes } = resolvedConfig(more);
    return {
      values: [bf16, fp16, tf32],
      notes: notes.filter((note) => /^(bf16|fp16|tf32|cuda_tensors):/.test(note)),
    };
  };
  const cuda = "backend: onnx\nprovider: cuda\n",
    why = "not used, as float32 is used throughout, which this number type only approximates";
  assertEquals(of(`${cuda}bf16: true\ntf32: true\ncuda_tensors: device\n`), {
    values: [true, false, true],
    notes: [],
  });
  assertEquals(of(`provider: cuda\nfp16: true\ntf32: false\n`), { values: [false, true, false], notes: [] });
  // A file of LLaMA-Factory's says bf16; on a CPU that is no difference to an earlier run.
  assertEquals(of("bf16: true\ntf32: true\n"), {
    values: [false, false, null],
    notes: [`bf16: ${why}`, `tf32: ${why}`],
  });
  assertEquals(of("backend: webgpu\nbf16: true\n").notes, [`bf16: ${why}`]);
  assertEquals(of("cuda_tensors: device\n").notes, [
    "cuda_tensors: not used, as it is of provider: cuda alone",
  ]);
  assertStringIncludes(
    of(`${cuda}finetuning_type: full\nbf16: true\n`).notes.join(),
    "bf16: not used with finetuning_type: full",
  );
  assertStringIncludes(
    of("trainer: torch\nbf16: true\nfp16: true\n").notes.join(),
    "fp16: not used with trainer: torch",
  );
  assertStringIncludes(
    faultWith(`${cuda}bf16: true\nfp16: true\n`),
    "Cannot use fp16: true with bf16: true: frozen matrices have one form; remove one of them",
  );
  assertEquals(resolvedConfig("bf16: true\nfp16: true\nbackend: webgpu\n").config.fp16, true);
  assertStringIncludes(faultWith(`${cuda}cuda_tensors: gpu\n`), "cuda_tensors");
});
