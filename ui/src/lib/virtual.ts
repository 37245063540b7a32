// Where the rows of a long list are, so that only those in sight are in the page. Heights may differ; pure.

export class Offsets {
  #heights: number[] = [];
  #tops: number[] = [0];
  /** Rows from here on have tops that must be counted again. */
  #dirty = 0;
  #usual: number;

  constructor(usual: number) {
    this.#usual = usual;
  }

  get length(): number {
    return this.#heights.length;
  }
  get total(): number {
    return this.top(this.length);
  }

  /** Rows are added at the end or taken away there; `reset` forgets what was measured. */
  resize(length: number, reset = false): void {
    if (reset) {
      this.#heights = [];
      this.#dirty = 0;
    }
    while (this.#heights.length < length) this.#heights.push(this.#usual);
    this.#heights.length = length;
    this.#dirty = Math.min(this.#dirty, length);
  }

  /** Tells whether anything changed. */
  measure(index: number, height: number): boolean {
    if (index >= this.length || Math.abs((this.#heights[index] ?? 0) - height) < 0.5) return false;
    this.#heights[index] = height;
    this.#dirty = Math.min(this.#dirty, index);
    return true;
  }

  top(index: number): number {
    for (let i = this.#dirty; i < index; i += 1) this.#tops[i + 1] = this.#tops[i]! + this.#heights[i]!;
    this.#dirty = Math.max(this.#dirty, index);
    return this.#tops[index] ?? 0;
  }

  /** The row at a distance from the top of the list. */
  at(distance: number): number {
    this.top(this.length);
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#tops[middle + 1]! <= distance) low = middle + 1;
      else high = middle;
    }
    return Math.min(low, Math.max(0, this.length - 1));
  }

  /** First and one past the last row to be shown, with some to spare on both sides. */
  window(scrolled: number, height: number, spare: number): [number, number] {
    if (!this.length) return [0, 0];
    const first = Math.max(0, this.at(scrolled) - spare);
    const last = Math.min(this.length, this.at(scrolled + height) + 1 + spare);
    return [first, last];
  }
}
