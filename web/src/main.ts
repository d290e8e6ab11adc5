// Where the page begins.
import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import { setHooks } from './lib/api';
import { connection } from './lib/connection.svelte';
import { session } from './lib/session/session.svelte';

setHooks({
  renew: () => session.renew(),
  lost: () => connection.report(),
  reachable: (signal) => connection.reachable(signal),
});

mount(App, { target: document.body });
