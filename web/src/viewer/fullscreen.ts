// The whole page, so that notices and dialogs are there too.
export function toggleFullscreen(): void {
  if (document.fullscreenElement) leaveFullscreen();
  else void document.documentElement.requestFullscreen().catch(() => undefined);
}

export function leaveFullscreen(): void {
  if (document.fullscreenElement) void document.exitFullscreen();
}
