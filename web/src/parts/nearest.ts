// Where an arrow key leads from one picture: to the next or last in order, or to the one most nearly above or below.

/** Tiles stand in the page in their order; rows beyond the edge are there too, so there is always one to go to. */
export function nearestTile(container: HTMLElement, from: HTMLElement, key: string): HTMLElement | undefined {
  const tiles = [...container.querySelectorAll<HTMLElement>('[data-asset]')];
  const at = tiles.indexOf(from);
  if (key === 'ArrowLeft') return tiles[at - 1];
  if (key === 'ArrowRight') return tiles[at + 1];
  const down = key === 'ArrowDown' ? 1 : -1;
  const start = from.getBoundingClientRect();
  const middle = start.left + start.width / 2;
  let best: { tile: HTMLElement; cost: number } | undefined;
  for (const tile of tiles) {
    const box = tile.getBoundingClientRect();
    const away = down * (box.top - start.top);
    if (away < 10) continue;
    const aside = Math.max(0, box.left - middle, middle - box.right);
    const cost = away * 3 + aside;
    if (!best || cost < best.cost) best = { tile, cost };
  }
  return best?.tile;
}
