// A test environment for modules whose effects have to run: Svelte compiles them as for a browser, which is not there.
export default {
  name: 'client',
  viteEnvironment: 'client',
  setup: () => ({ teardown: () => undefined }),
};
