// The keys that walk over the grid: arrows, pages, and both ends. What they lead to is loaded if need be, so that they lead
// on beyond what is in the page; they give only where to go, and the grid goes there.
import type { GridModel } from '../lib/layout/grid';
import type { Sequence } from '../lib/timeline/entries';
import { nearestBeside, nearestTo, spotOf, type Found } from './nearest';

export interface Ground {
  model(): GridModel;
  sequence(): Sequence;
  top(): number;
  viewHeight(): number;
  /** Resolves when the model knows what was loaded. */
  drawn(): Promise<void>;
}

/** Where a key leads, and by how much the page is turned. */
export interface Step {
  id: string;
  turn: number;
}

/** A day that was loaded may turn out shorter than thought, and another one be in its place. */
const TRIES = 5;
const KEYS = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End'];

export const isWalk = (key: string) => KEYS.includes(key);

/** Where `key` leads from `id`, or from the upper edge of the view when no picture has the focus. */
export async function walk(ground: Ground, key: string, id: string | undefined): Promise<Step | undefined> {
  const sequence = ground.sequence();
  if (key === 'Home' || key === 'End') return still((await sequence.end(key === 'Home' ? 1 : -1))?.id);
  if (key.startsWith('Page')) return page(ground, key === 'PageDown' ? 1 : -1, id);
  if (id === undefined) return still(await at(ground, 0, ground.top() + ground.model().heading));
  if (key === 'ArrowLeft' || key === 'ArrowRight') return still((await sequence.neighbour(id, key === 'ArrowLeft' ? -1 : 1))?.id);
  return still(await beside(ground, id, key === 'ArrowDown' ? 1 : -1));
}

const still = (id: string | undefined) => (id === undefined ? undefined : { id, turn: 0 });

async function beside(ground: Ground, id: string, down: 1 | -1): Promise<string | undefined> {
  return loaded(ground, down, (model) => {
    const place = model.placeOf(id);
    if (!place) return undefined;
    const reach = 2 * ground.viewHeight();
    const [top, bottom] = [place.top - (down === -1 ? reach : 0), place.top + place.height + (down === 1 ? reach : 0)];
    const blocks = model.blocksIn(top, bottom);
    const from = spotOf(blocks, model.heading, id);
    return from && nearestBeside(blocks, model.heading, from, down);
  });
}

async function page(ground: Ground, down: 1 | -1, id: string | undefined): Promise<Step | undefined> {
  const { heading } = ground.model();
  const turn = down * Math.max(80, ground.viewHeight() - heading - 60);
  const place = id === undefined ? undefined : ground.model().placeOf(id);
  const spot = id === undefined || !place ? undefined : spotOf(ground.model().blocksIn(place.top, place.top + place.height), heading, id);
  const x = spot ? spot.left + spot.width / 2 : 0;
  const y = spot ? spot.top + spot.height / 2 : ground.top() + heading;
  const found = await at(ground, x, Math.min(ground.model().height, Math.max(0, y + turn)));
  return found === undefined ? undefined : { id: found, turn };
}

async function at(ground: Ground, x: number, y: number): Promise<string | undefined> {
  return loaded(ground, 1, (model) => {
    const reach = ground.viewHeight();
    return nearestTo(model.blocksIn(y - reach, y + reach), model.heading, x, y);
  });
}

async function loaded(ground: Ground, side: 1 | -1, find: (model: GridModel) => Found | undefined): Promise<string | undefined> {
  for (let tries = 0; tries < TRIES; tries++) {
    const found = find(ground.model());
    if (!found || found.id !== undefined) return found?.id;
    await ground.sequence().end(side, found.block);
    await ground.drawn();
  }
  return undefined;
}
