// Where the page begins.
import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import { setHooks } from './lib/api';
import { connection } from './lib/connection.svelte';
import { t } from './lib/i18n/i18n.svelte';
import { notices } from './lib/notices.svelte';
import { session } from './lib/session/session.svelte';
import { shared } from './pwa/shared.svelte';
import { keepShell } from './pwa/shell';

setHooks({
  renew: () => session.renew(),
  lost: () => connection.report(),
  reachable: (signal) => connection.reachable(signal),
});

mount(App, { target: document.body });
keepShell(() => notices.say(t('update.ready'), undefined, { label: t('update.reload'), run: () => location.reload() }));
void shared.take();
