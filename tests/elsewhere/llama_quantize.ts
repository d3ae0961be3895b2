// llama.cpp's own quantisation of GGUF files: `deno run -A llama_quantize.ts FOLDER_OF_NODE_MODULES JSON`, where JSON is a list of {from, to, type}: paths, and the
// number of the mixture (llama.h, enum llama_ftype). Prints a JSON list of what the function returned, 0 where it worked.
const [modules, asked] = Deno.args;
const folder = `${modules}/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64/`;
const name = [...Deno.readDirSync(folder)].map((entry) => entry.name).find((name) =>
  /^libllama(\.v[\d.]+)?\.so$/.test(name)
);
const { symbols } = Deno.dlopen(`${folder}${name}`, {
  // a structure that is returned goes where the first argument points to
  llama_model_quantize_default_params: { parameters: ["buffer"], result: "void" },
  llama_model_quantize: { parameters: ["buffer", "buffer", "buffer"], result: "u32" },
  llama_backend_init: { parameters: [], result: "void" },
});
const text = (path: string) => new TextEncoder().encode(`${path}\0`);
symbols.llama_backend_init();
const results = JSON.parse(asked ?? "").map(
  ({ from, to, type }: { from: string; to: string; type: number }) => {
    const params = new Uint8Array(256), view = new DataView(params.buffer);
    symbols.llama_model_quantize_default_params(params);
    view.setInt32(0, 1, true); // threads
    view.setInt32(4, type, true);
    return symbols.llama_model_quantize(text(from), text(to), params);
  },
);
console.log(JSON.stringify(results));
