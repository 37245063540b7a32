// How the console is built: relative addresses, so that it works behind any path prefix, and names that carry
// the hash of their content, so that the server lets browsers keep them for ever.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  // By its place: the page in lean/ has another root.
  plugins: [svelte({ configFile: new URL('svelte.config.js', import.meta.url).pathname })],
  build: {
    target: 'es2022',
    // The page's policy forbids inline scripts, and Vite's polyfill for module preloading would be one.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  server: {
    // `npm run dev` beside a running program: `OUTRIGGER=http://127.0.0.1:7070 npm run dev`.
    proxy: { '/api': process.env.OUTRIGGER ?? 'http://127.0.0.1:7070' },
  },
});
