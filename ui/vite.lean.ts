// How the page of pipelines is built for programs without a lake: the same settings, another entry.
import { mergeConfig } from 'vite';
import console from './vite.config.ts';

export default mergeConfig(console, { root: 'lean', build: { outDir: '../dist-lean', emptyOutDir: true } });
