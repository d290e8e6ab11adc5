// Random names that also work on `http://192.168.…`, where `crypto.randomUUID` is absent.
export function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
