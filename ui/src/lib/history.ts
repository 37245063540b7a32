// Numbers of the last minutes that only this page remembers, as the pipelines' rates. Pure.

export class History {
  #points = new Map<string, [number, number][]>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(name: string, time: number, value: number): void {
    const points = this.#points.get(name) ?? [];
    points.push([time, value]);
    if (points.length > this.#most) points.shift();
    this.#points.set(name, points);
  }

  of(name: string): [number, number][] {
    return [...(this.#points.get(name) ?? [])];
  }
}
