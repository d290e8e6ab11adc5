// What the browser shows and knows around the page: the title of tab and history, the language, the colour of its bars, the manifest.
import type { Language } from './i18n/i18n.svelte';
import { within } from './direction';
import { t } from './i18n/i18n.svelte';

/** `--paper` of app.css. */
const PAPER = { light: '#fbfaf7', dark: '#151413' };

/** Names the tab after what is open: “Albums · PicUp”. */
export function entitle(what?: string): void {
  const title = what ? `${within(what)} · ${t('app.name')}` : t('app.name');
  if (document.title !== title) document.title = title;
}

/** The document says which language it is in, and installs under a description in that language. */
export function speak(language: Language): void {
  document.documentElement.lang = language;
  document.querySelector('meta[name=description]')?.setAttribute('content', t('app.description'));
  const manifest = language === 'en' ? '/manifest.webmanifest' : `/manifest.${language}.webmanifest`;
  document.querySelector('link[rel=manifest]')?.setAttribute('href', manifest);
}

/** Bars around the page take its colour: that of the chosen appearance, or of the system's. */
export function paint(theme: 'system' | 'light' | 'dark'): void {
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name=theme-color]')) {
    const own = meta.media.includes('dark') ? 'dark' : 'light';
    meta.content = PAPER[theme === 'system' ? own : theme];
  }
}
