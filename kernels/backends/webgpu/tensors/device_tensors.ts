/**
 * Tensors of a device: made of values, read back, written again. Frozen matrices lie there in float16 where their values allow it.
 * @module
 */
import { checkUploaded, checkWritten, elements, type HostArray } from "../../../backend.ts";
import { extentOf } from "../../indices.ts";
import type { Device } from "../device/device.ts";
import { type Half, toHalf } from "../device/half.ts";
import { loaded } from "./load.ts";
import { GpuTensor } from "../device/tensor.ts";
import type { WebGpuBackend } from "../webgpu_backend.ts";

/**
 * The backend's methods about tensors.
 * @param half Counts frozen matrices, and those of them in float16
 * @throws {TypeError} (of `write`) If the tensor was uploaded as frozen, in float16
 */
export function deviceTensors(
  device: Device,
  half: Half,
): Pick<WebGpuBackend, "upload" | "uploadPieces" | "download" | "write" | "zeros" | "parts"> {
  return {
    upload: (data, shape, { frozen = false } = {}) => {
      device.check();
      checkUploaded(data.length, shape);
      if (!frozen || !(data instanceof Float32Array)) {
        const tensor = GpuTensor.allocate(device.memory, shape, data instanceof Int32Array ? "i32" : "f32");
        write(device, tensor, data);
        return tensor;
      }
      const values = shape.length === 2 ? halved(data, half) : null;
      const tensor = GpuTensor.lasting(device.memory, shape, values !== null);
      if (values) device.write(tensor.buffer, values);
      else write(device, tensor, data);
      return tensor;
    },
    uploadPieces: (pieces, shape) => {
      device.check();
      return loaded(device, pieces, shape, half);
    },
    download: async (tensor, ahead) => {
      const { place, bytes, type, shape, half } = tensor as GpuTensor,
        data = await device.read(place, bytes, ahead);
      if (half) return Float32Array.from(new Float16Array(data, 0, elements(shape)));
      return type === "i32" ? new Int32Array(data) : new Float32Array(data);
    },
    write: (tensor, data) => {
      device.check();
      if ((tensor as GpuTensor).half) {
        throw new TypeError(`Cannot write to a tensor of shape [${tensor.shape}]: it was uploaded as frozen`);
      }
      write(device, tensor as GpuTensor, data);
    },
    zeros: (shape, type = "f32") => {
      device.check();
      const tensor = GpuTensor.allocate(device.memory, shape, type);
      if (type === "i32") tensor.extent = { least: 0, most: 0 };
      clear(device, tensor);
      return tensor;
    },
    parts: {
      zeros: (shape) => {
        device.check();
        const tensor = GpuTensor.lasting(device.memory, shape, false);
        clear(device, tensor);
        return tensor;
      },
      of: (whole, first, shape) => GpuTensor.partOf(whole as GpuTensor, first, shape),
      clear: (whole) => {
        device.check();
        clear(device, whole as GpuTensor);
      },
    },
  };
}

/** A frozen matrix in float16; null where it stays in float32. */
function halved(data: Float32Array<ArrayBuffer>, half: Half): ReturnType<typeof toHalf> {
  half.frozen++;
  const values = toHalf(data, half.storage);
  if (values) half.kept++;
  return values;
}

function clear(device: Device, tensor: GpuTensor): void {
  const encoder = device.gpu.createCommandEncoder();
  encoder.clearBuffer(tensor.buffer, tensor.place.offset, Math.max(4, tensor.bytes));
  device.gather(encoder.finish(), { dispatches: 1, operations: 0 });
}

function write(device: Device, tensor: GpuTensor, data: HostArray): void {
  checkWritten(data.length, tensor.shape);
  if (data instanceof Int32Array) tensor.extent = extentOf(data);
  device.write(tensor.buffer, data, tensor.place.offset);
}
