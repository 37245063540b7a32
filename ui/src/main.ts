// Starts the console.

import { mount } from 'svelte';
import './app.css';
import App from './App.svelte';

// The token has become a cookie by now; left in the address it would go along with every copied link.
const address = new URL(location.href);
if (address.searchParams.has('token')) {
  address.searchParams.delete('token');
  history.replaceState(null, '', address);
}

const target = document.getElementById('app');
if (!target) throw new Error('bug: index.html has no element `app`');
mount(App, { target });
