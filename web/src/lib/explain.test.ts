import { expect, it } from 'vitest';
import { ProblemError } from './api';
import { explain } from './explain';
import { en } from './i18n/en';

it('says of a refusal that is not PicUp’s own who can lift it', () => {
  const problem = { status: 413, title: 'Request Entity Too Large', detail: '', type: 'about:blank' };
  expect(explain(new ProblemError(problem)).title).toBe(en['error.refusedBefore']);
  const own = { ...problem, type: 'urn:picup:too-large', title: 'Too large', detail: 'At most 1 MB.' };
  expect(explain(new ProblemError(own))).toEqual({ title: 'Too large', detail: 'At most 1 MB.' });
});
