// One question to the program and its answer as state. A new question aborts the one before.

import { aborted } from './api.ts';

export class Load<A> {
  /** The last answer. It stays while a new one is on its way, so that nothing jumps. */
  data = $state.raw<A>();
  error = $state.raw<Error>();
  loading = $state(false);
  #abort: AbortController | undefined;

  /** Asks, and gives back what stops it: the value an effect returns. */
  run(ask: (signal: AbortSignal) => Promise<A>): () => void {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.loading = true;
    void this.#settle(ask, abort);
    return () => abort.abort();
  }

  clear(): void {
    this.#abort?.abort();
    this.data = undefined;
    this.error = undefined;
    this.loading = false;
  }

  async #settle(ask: (signal: AbortSignal) => Promise<A>, abort: AbortController): Promise<void> {
    try {
      const answer = await ask(abort.signal);
      if (abort.signal.aborted) return;
      this.data = answer;
      this.error = undefined;
      this.loading = false;
    } catch (error) {
      if (abort.signal.aborted || aborted(error)) return;
      this.error = error as Error;
      this.loading = false;
    }
  }
}
