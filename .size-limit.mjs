// What of the package is our own code, minified and not compressed, is not to grow unnoticed: `npm run size`.
/** @param {import('esbuild').BuildOptions} config */
const forNode = (config) => ({ ...config, platform: 'node', format: 'esm' });

export default [
  {
    name: 'the core, without its two dependencies',
    path: 'dist/index.js',
    limit: '192 kB',
    ignore: ['lru-cache', 'debug'],
    brotli: false,
    modifyEsbuildConfig: forNode,
  },
  {
    name: 'the worker',
    path: 'dist/io/io-worker.js',
    limit: '8.8 kB',
    brotli: false,
    modifyEsbuildConfig: forNode,
  },
];
