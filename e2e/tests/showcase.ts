// The photographs on the README's pictures: free ones, from two Debian packages and one from PyPI, fetched only when those
// pictures are made (`npm run screenshots`). Whose they are stands in docs/images/README.md.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';

const FOLDER = join(homedir(), '.cache', 'picup-tools', 'showcase-1');
const PACKAGES = ['lomiri-wallpapers-16.04', 'lomiri-wallpapers-20.04'];
const WHEEL = 'scikit-image==0.24.0';
const UNPACK = `
import glob, zipfile
with zipfile.ZipFile(glob.glob('*.whl')[0]) as wheel:
    for name in ('coffee.png', 'chelsea.png', 'rocket.jpg'):
        open(name, 'wb').write(wheel.read('skimage/data/' + name))
`;
const WALLPAPERS = 'usr/share/backgrounds';

/** What to show, newest first, and when it was last changed: the day it stands under. */
const PHOTOS: [file: string, at: string][] = [
  [`${WALLPAPERS}/picosdeeuropa_by_Aitzol_Berasategi.jpg`, '2026-10-11T15:42:10'],
  [`${WALLPAPERS}/aitzgorri_by_Aitzol_Berasategi.jpg`, '2026-10-11T14:10:44'],
  [`${WALLPAPERS}/friends_by_Aitzol_Berasategi.jpg`, '2026-10-11T11:05:02'],
  [`${WALLPAPERS}/life_by_Aitzol_Berasategi.jpg`, '2026-10-11T10:31:27'],
  ['coffee.png', '2026-09-26T09:15:00'],
  ['chelsea.png', '2026-09-26T09:02:00'],
  [`${WALLPAPERS}/Picture_0B_by_freespace.jpg`, '2026-09-26T08:47:00'],
  [`${WALLPAPERS}/seeding_by_Clements_Engelhardt.jpg`, '2026-05-17T19:58:31'],
  [`${WALLPAPERS}/Kleiber_by_Lukas_Baubkus.jpg`, '2026-05-16T08:12:09'],
  [`${WALLPAPERS}/Wine_by_Jakkub_Mede.jpg`, '2025-12-31T22:40:00'],
  [`${WALLPAPERS}/Picture_1A_by_freespace.jpg`, '2025-12-30T16:20:00'],
  [`${WALLPAPERS}/sunset_by_Aitzol_Berasategi.jpg`, '2025-08-23T20:51:13'],
  [`${WALLPAPERS}/Bridge_by_Sander_Klootwijk.jpg`, '2025-08-22T13:37:55'],
  [`${WALLPAPERS}/Dragonfly_by_Bolly.jpg`, '2025-08-20T17:04:41'],
  ['rocket.jpg', '2025-02-11T23:03:00'],
];

/** The showcase's photographs as files in `folder`, each with its time. */
export function showcase(folder: string): string[] {
  if (!existsSync(FOLDER)) fetchAll();
  return PHOTOS.map(([file, at]) => {
    const copy = join(folder, basename(file));
    copyFileSync(join(FOLDER, file), copy);
    const time = new Date(`${at}Z`);
    utimesSync(copy, time, time);
    return copy;
  });
}

function fetchAll(): void {
  const work = `${FOLDER}.partial`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const run = (command: string, ...rest: string[]) => execFileSync(command, rest, { cwd: work, stdio: 'pipe' });
  run('apt-get', 'download', '-q', ...PACKAGES);
  for (const name of PACKAGES) run('sh', '-c', `dpkg-deb -x ${name}_*.deb .`);
  run('pip', 'download', '-q', '--no-deps', '--only-binary', ':all:', WHEEL);
  run('python3', '-c', UNPACK);
  renameSync(work, FOLDER);
}
