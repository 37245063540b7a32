// Starts the page of pipelines alone.

import { mount } from 'svelte';
import './app.css';
import Lean from './Lean.svelte';
import { forgetToken } from './lib/token.ts';

forgetToken();
const target = document.getElementById('app');
if (!target) throw new Error('bug: index.html has no element `app`');
mount(Lean, { target });
