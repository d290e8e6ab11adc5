// The page's language: one catalogue per language with the same keys, chosen by the person or else by the browser.
import { en, type Catalogue, type Message, type MessageKey } from './en';
import { ko } from './ko';
import { readNote, writeNote } from '../notes';
import { within } from '../direction';

export type Language = 'en' | 'ko';
export type { MessageKey };
export type Params = Record<string, string | number>;

const catalogues: Record<Language, Catalogue> = { en, ko };
const NOTE = 'language';

/** The first language of `preferred` that the page speaks. */
export function chooseLanguage(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const language = tag.toLowerCase().split('-')[0];
    if (language === 'en' || language === 'ko') return language;
  }
  return 'en';
}

/** Fills a message's `{name}` places; a message of several forms is chosen by `params.count`. */
export function format(language: Language, message: Message, params: Params = {}): string {
  const pattern = typeof message === 'string' ? message : formFor(language, message, Number(params['count'] ?? 0));
  return pattern.replace(/\{(\w+)\}/g, (place, name: string) => {
    const value = params[name];
    if (value === undefined) return place;
    return typeof value === 'number' ? numberFormat(language).format(value) : within(value);
  });
}

function formFor(language: Language, forms: Exclude<Message, string>, count: number): string {
  const form = new Intl.PluralRules(language).select(count);
  return (form === 'one' ? forms.one : undefined) ?? forms.other;
}

const numberFormats = new Map<Language, Intl.NumberFormat>();
function numberFormat(language: Language): Intl.NumberFormat {
  let made = numberFormats.get(language);
  if (!made) numberFormats.set(language, (made = new Intl.NumberFormat(language)));
  return made;
}

const saved = readNote(NOTE);
let chosen = $state<Language>(
  saved === 'en' || saved === 'ko' ? saved : chooseLanguage(globalThis.navigator?.languages ?? []),
);

/** The browser's own variety of a language, so that an English page in Dublin writes dates as Dublin does. */
export function localeFor(language: Language, preferred: readonly string[]): string {
  return preferred.find((tag) => tag.toLowerCase().split('-')[0] === language) ?? language;
}

export const i18n = {
  /** For dates and numbers. */
  get locale(): string {
    return localeFor(chosen, globalThis.navigator?.languages ?? []);
  },
  get language(): Language {
    return chosen;
  },
  set language(next: Language) {
    chosen = next;
    writeNote(NOTE, next);
  },
};

/** The message of that key in the page's language. Reading it in markup follows a change of language. */
export function t(key: MessageKey, params?: Params): string {
  return format(chosen, catalogues[chosen][key], params);
}
