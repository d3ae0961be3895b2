/**
 * Text and addresses as a C interface wants them.
 * @module
 */

/** UTF-8 with a zero behind it. @throws {TypeError} If the text has a zero inside: the library would read a part of it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) {
    throw new TypeError(
      `Cannot pass text with a zero character to ONNX Runtime: current value is ${JSON.stringify(text)}`,
    );
  }
  return outside(new TextEncoder().encode(`${text}\0`));
}

/** A copy whose address never changes: V8 keeps small arrays on its own heap and moves them unless their buffer came first. */
function outside(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(new ArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

/** A path as ORTCHAR_T: UTF-16 on Windows, bytes elsewhere. */
export function cPath(path: string): Uint8Array<ArrayBuffer> {
  if (Deno.build.os !== "windows") return cString(path);
  cString(path);
  const units = Uint16Array.from(
    { length: path.length + 1 },
    (_, i) => i < path.length ? path.charCodeAt(i) : 0,
  );
  return outside(new Uint8Array(units.buffer));
}

/** Text at an address; "" at null. */
export function stringAt(pointer: Deno.PointerValue): string {
  return pointer ? new Deno.UnsafePointerView(pointer).getCString() : "";
}

/** Address of an array's data, for a place in another array. The array must be kept referenced. */
function addressOf(array: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(array));
}

/** An array of pointers to text. */
export class CStrings {
  /** Referenced as long as their addresses are. */
  readonly #texts: readonly Uint8Array<ArrayBuffer>[];
  readonly pointers: BigUint64Array<ArrayBuffer>;

  constructor(readonly names: readonly string[]) {
    this.#texts = names.map(cString);
    this.pointers = pointerArray(this.#texts.map(addressOf));
  }

  get length(): number {
    return this.#texts.length;
  }
}

/** Addresses as an array; never without an element, so that it has an address itself. */
export function pointerArray(addresses: readonly bigint[]): BigUint64Array<ArrayBuffer> {
  const array = new BigUint64Array(new ArrayBuffer(8 * Math.max(1, addresses.length)));
  array.set(addresses);
  return array;
}
