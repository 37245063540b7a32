// Light or dark: what the system prefers, unless the reader chose; the choice is kept in this browser.

const KEY = 'outrigger-theme';
type Choice = 'light' | 'dark' | 'system';

const prefersDark = window.matchMedia('(prefers-color-scheme: dark)');

class Theme {
  choice = $state<Choice>(stored());
  #systemDark = $state(prefersDark.matches);

  constructor() {
    prefersDark.addEventListener('change', (event) => (this.#systemDark = event.matches));
  }

  get dark(): boolean {
    return this.choice === 'dark' || (this.choice === 'system' && this.#systemDark);
  }

  toggle(): void {
    this.choice = this.dark ? 'light' : 'dark';
    try {
      localStorage.setItem(KEY, this.choice);
    } catch {
      // Storage may be forbidden; then the choice lasts as long as the page.
    }
  }

  /** Called in an effect, so that the page follows. */
  apply(): void {
    document.documentElement.dataset['theme'] = this.dark ? 'dark' : 'light';
  }
}

function stored(): Choice {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system';
  }
}

export const theme = new Theme();
