/**
 * Places of lines in a file, kept small: 20 bytes each.
 * @module
 */
/** Places of the lines of one step, one slot per item. */
export class LinePlaces {
  #offsets = new Float64Array(1024);
  #lengths = new Uint32Array(1024);
  #keys = new Float64Array(1024);
  /** Slots whose step was finished: earlier versions wrote a line without a key where a judge couldn't be asked. */
  count = 0;

  clear(): void {
    this.#offsets = new Float64Array(1024);
    this.#lengths = new Uint32Array(1024);
    this.#keys = new Float64Array(1024);
    this.count = 0;
  }

  set(slot: number, offset: number, length: number, key: string): void {
    if (slot >= this.#offsets.length) {
      const size = Math.max(slot + 1, 2 * this.#offsets.length);
      this.#offsets = enlarged(this.#offsets, new Float64Array(size));
      this.#lengths = enlarged(this.#lengths, new Uint32Array(size));
      this.#keys = enlarged(this.#keys, new Float64Array(size));
    }
    const isFinished = this.#lengths[slot] !== 0 && !Number.isNaN(this.#keys[slot]), now = short(key);
    this.count += Number(!Number.isNaN(now)) - Number(isFinished);
    this.#offsets[slot] = offset;
    this.#lengths[slot] = length;
    this.#keys[slot] = now;
  }

  /** Place of a slot's line; undefined when there is none. */
  get(slot: number | undefined): { offset: number; length: number } | undefined {
    if (slot === undefined) return undefined;
    const length = this.#lengths[slot] ?? 0;
    return length === 0 ? undefined : { offset: this.#offsets[slot]!, length };
  }

  has(slot: number | undefined, key: string): boolean {
    return slot !== undefined && (this.#lengths[slot] ?? 0) > 0 && this.#keys[slot] === short(key);
  }
}

function enlarged<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** 52 bits of a key, which is a hash; NaN, which equals nothing, for "". */
function short(key: string): number {
  return parseInt(key.slice(0, 13), 16);
}
