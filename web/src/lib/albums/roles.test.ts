import { expect, test } from 'vitest';
import type { AlbumRole } from '../api/types';
import { contributes, manages, mayGive, mayTakeOut } from './roles';

const ROLES: AlbumRole[] = ['viewer', 'contributor', 'manager', 'owner'];

test('each role may what it may', () => {
  expect(ROLES.map(contributes)).toEqual([false, true, true, true]);
  expect(ROLES.map(manages)).toEqual([false, false, true, true]);
  expect(ROLES.map((role) => mayTakeOut(role, true))).toEqual([false, true, true, true]);
  expect(ROLES.map((role) => mayTakeOut(role, false))).toEqual([false, false, true, true]);
  expect(ROLES.map((role) => mayGive(role, 'viewer'))).toEqual([false, false, true, true]);
  expect(ROLES.map((role) => mayGive(role, 'manager'))).toEqual([false, false, false, true]);
});
