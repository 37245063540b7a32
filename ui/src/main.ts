// Starts the console.

import { mount } from 'svelte';
import './app.css';
import App from './App.svelte';
import { forgetToken } from './lib/token.ts';

forgetToken();
const target = document.getElementById('app');
if (!target) throw new Error('bug: index.html has no element `app`');
mount(App, { target });
