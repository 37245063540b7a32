// Completions below a box: what is offered, which is chosen, and the keys that move through them.

export interface Offer {
  text: string;
  note?: string;
  /** What is written when it is taken, unless that is the text. */
  insert?: string;
}

const MOST = 10;

export class Offers {
  readonly id: string;
  all = $state.raw<Offer[]>([]);
  chosen = $state(-1);
  readonly #first: number;

  /** `first` is what is chosen before any arrow: 0 where Tab takes the first, -1 where Enter sends. */
  constructor(id: string, first = -1) {
    this.id = id;
    this.#first = first;
  }

  show(all: Offer[]): void {
    this.all = all.slice(0, MOST);
    this.chosen = all.length ? this.#first : -1;
  }

  close(): void {
    this.show([]);
  }

  get current(): Offer | undefined {
    return this.all[this.chosen];
  }

  /** Arrows move, from the last to none; Escape closes, or leaves the box. True when the key meant that. */
  moved(event: KeyboardEvent, box: HTMLElement): boolean {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Escape') {
      event.stopPropagation();
      if (this.all.length) this.close();
      else box.blur();
      return true;
    }
    if (!step || !this.all.length) return false;
    event.preventDefault();
    const places = this.all.length + 1;
    this.chosen = ((this.chosen + step + 1 + places) % places) - 1;
    return true;
  }

  /** What a box says of its list. */
  get aria() {
    return {
      role: 'combobox',
      'aria-autocomplete': 'list',
      'aria-expanded': this.all.length > 0,
      'aria-controls': this.id,
      'aria-activedescendant': this.chosen >= 0 ? `${this.id}-${this.chosen}` : undefined,
    } as const;
  }
}

/** The word that ends at the caret, of such letters. */
export function wordBefore(area: HTMLTextAreaElement, letters: RegExp): string {
  return letters.exec(area.value.slice(0, area.selectionStart))?.[0] ?? '';
}

/** The text with that word replaced; the caret follows once the page shows it. */
export function withWord(area: HTMLTextAreaElement, letters: RegExp, offer: Offer): string {
  const word = offer.insert ?? offer.text;
  const at = area.selectionStart;
  const start = at - wordBefore(area, letters).length;
  const text = area.value.slice(0, start) + word + area.value.slice(at);
  putCaret(area, start + word.length);
  return text;
}

export function putCaret(box: HTMLTextAreaElement | HTMLInputElement, at: number): void {
  requestAnimationFrame(() => {
    box.focus();
    box.setSelectionRange(at, at);
  });
}
