// Each language by its own name, which is the same in every language.
import type { Language } from '../lib/i18n/i18n.svelte';

export const languageNames: Record<Language, string> = { en: 'English', ko: '한국어' };
