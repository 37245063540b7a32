// Svelte's own settings: runes everywhere, and its accessibility warnings kept on.
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default { preprocess: vitePreprocess(), compilerOptions: { runes: true } };
