// The real photographs that `scripts/fetch-samples` brings, and a video made on the spot.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const CACHE = join(homedir(), '.cache', 'picup-tools');

/** `count` different photographs of ordinary size, the same ones at every run. */
export function photographs(count: number): string[] {
  const samples = existsSync(CACHE) ? readdirSync(CACHE).filter((name) => name.startsWith('samples-')).sort().at(-1) : undefined;
  if (samples === undefined) throw new Error('no sample photographs: run scripts/fetch-samples first');
  const folder = join(CACHE, samples, 'photographs');
  const seen = new Set<string>();
  const found = readdirSync(folder)
    .filter((name) => /\.jpe?g$/i.test(name))
    .sort()
    .map((name) => join(folder, name))
    .filter((path) => {
      const { size } = statSync(path);
      const hash = size > 60_000 && size < 3_000_000 ? sha256(path) : '';
      if (hash === '' || seen.has(hash)) return false;
      seen.add(hash);
      return true;
    });
  if (found.length < count) throw new Error(`only ${found.length} sample photographs of ordinary size in ${folder}`);
  return found.slice(0, count);
}

export function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Four seconds of a test picture in H.264, as phones make. */
export function makeVideo(folder: string): string {
  const path = join(folder, 'moving.mp4');
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25:duration=4'];
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-movflags', '+faststart'];
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...picture, ...coding, path]);
  return path;
}
