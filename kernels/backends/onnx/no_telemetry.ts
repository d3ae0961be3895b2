/**
 * ONNX Runtime from 1.29 on sends usage data to its makers unless this variable is set before the library is loaded. Nothing that
 * runs here should be told to anyone, so it is off; a person who wants it sets the variable to 0. Must be imported before
 * `onnxruntime-node`.
 * @module
 */
if (Deno.env.get("ORT_DISABLE_TELEMETRY") === undefined) Deno.env.set("ORT_DISABLE_TELEMETRY", "1");
