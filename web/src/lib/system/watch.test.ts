import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { setHooks } from '../api';
import { SystemWatch } from './watch.svelte';

/** A page that is hidden and shown, and a server that answers with a number. */
class World extends EventTarget {
  hidden = false;
  asked = 0;
  answer: () => Response = () => Response.json({ state: 'good', number: this.asked });

  constructor() {
    super();
    vi.stubGlobal('document', this);
    vi.stubGlobal('fetch', async () => {
      this.asked += 1;
      return this.answer();
    });
  }

  turn(hidden: boolean) {
    this.hidden = hidden;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

const next = () => vi.advanceTimersByTimeAsync(10_000);
const settled = () => vi.advanceTimersByTimeAsync(0);

describe('the watch over the whole', () => {
  let world: World;
  beforeEach(() => {
    vi.useFakeTimers();
    world = new World();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('looks at once and every ten seconds, until nobody looks any more', async () => {
    const watch = new SystemWatch();
    const stop = watch.start();
    await settled();
    expect(watch.report).toEqual({ state: 'good', number: 1 });
    expect(watch.heardAt).toEqual(new Date());
    await next();
    await next();
    expect(world.asked).toBe(3);
    stop();
    await next();
    world.turn(false);
    await next();
    expect(world.asked).toBe(3);
  });

  it('asks nothing while the page is hidden, and at once when it is seen again', async () => {
    const watch = new SystemWatch();
    const stop = watch.start();
    await settled();
    world.turn(true);
    await next();
    await next();
    expect(world.asked).toBe(1);
    world.turn(false);
    await settled();
    expect(world.asked).toBe(2);
    stop();
  });

  it('keeps what it knows when a look fails, says so, and goes on', async () => {
    const watch = new SystemWatch();
    const stop = watch.start();
    await settled();
    const heard = watch.heardAt;
    const well = world.answer;
    world.answer = () => Response.json({ title: 'No', status: 500, type: 'urn:picup:internal', detail: '' }, { status: 500 });
    await next();
    expect(watch.error).toMatchObject({ status: 500 });
    expect(watch.report).toMatchObject({ number: 1 });
    expect(watch.heardAt).toBe(heard);
    world.answer = well;
    await next();
    expect(watch.error).toBeUndefined();
    expect(watch.report).toMatchObject({ number: 3 });
    stop();
  });

  it('waits for a server that is away instead of asking on and on', async () => {
    let back: () => void = () => undefined;
    setHooks({
      renew: async () => false,
      lost: () => undefined,
      reachable: () => new Promise((resolve) => (back = resolve)),
    });
    const watch = new SystemWatch();
    const stop = watch.start();
    await settled();
    const well = world.answer;
    world.answer = () => {
      throw new TypeError('away');
    };
    await next();
    await next();
    expect(world.asked).toBe(2);
    expect(watch.error).toBeUndefined();
    world.answer = well;
    back();
    await settled();
    expect(watch.report).toMatchObject({ number: 3 });
    stop();
  });
});
