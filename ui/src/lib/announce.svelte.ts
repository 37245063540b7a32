// What a screen reader is told of counts that change: the newest message, at most one in five seconds.

const QUIET_MS = 5000;

class Announcer {
  text = $state('');
  #last = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(text: string): void {
    clearTimeout(this.#timer);
    const wait = Math.max(0, this.#last + QUIET_MS - Date.now());
    this.#timer = setTimeout(() => {
      this.#last = Date.now();
      this.text = text;
    }, wait);
  }
}

export const announcer = new Announcer();

class Toast {
  text = $state('');
  #timer: ReturnType<typeof setTimeout> | undefined;

  show(text: string): void {
    this.text = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.text = ''), 2500);
  }
}

/** A short confirmation that goes away by itself. */
export const toast = new Toast();

export async function copy(text: string, what = 'Copied'): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast.show(what);
  } catch {
    toast.show('The browser forbids copying here');
  }
}
