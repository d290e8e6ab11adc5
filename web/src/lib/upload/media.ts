// Which files are worth sending: photos and videos, by what the browser says they are or else by their name's ending. What a
// file really is, the server finds out from its content.
export type SkipReason = 'empty' | 'kind';

/** Endings that browsers know no type for. */
const ENDINGS = new Set(
  ('jpg jpeg jpe mpo png apng gif webp avif heic heif hif tif tiff bmp jxl jp2 svg ' +
    'dng cr2 cr3 crw nef nrw arw srf sr2 orf rw2 raf pef srw rwl 3fr fff iiq mrw x3f raw ' +
    'mp4 m4v mov qt 3gp 3g2 mkv webm avi mts m2ts ts mpg mpeg mp2 wmv flv ogv insv lrv').split(' '),
);

/** Why a file is not sent; nothing for one that is. */
export function reasonToSkip(file: { name: string; size: number; type: string }): SkipReason | undefined {
  const ending = /\.([^.]+)$/.exec(file.name)?.[1]?.toLowerCase() ?? '';
  if (!/^(image|video)\//.test(file.type) && !ENDINGS.has(ending)) return 'kind';
  return file.size === 0 ? 'empty' : undefined;
}
