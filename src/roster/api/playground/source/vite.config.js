import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { brotliCompressSync, gzipSync } from 'node:zlib'

const outDir = '../static'

// Assets are compressed here, once and as hard as possible, so that serving one is reading a file.
const precompress = {
  name: 'precompress',
  closeBundle() {
    const assets = readdirSync(`${outDir}/assets`).map((name) => `${outDir}/assets/${name}`)
    for (const path of assets.filter((path) => /\.(js|css)$/.test(path))) {
      const content = readFileSync(path)
      writeFileSync(`${path}.br`, brotliCompressSync(content))
      writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }))
      rmSync(path)
    }
  },
}

export default {
  base: '/graphql/',
  build: {
    outDir,
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 3000, // Monaco is what it is
    rolldownOptions: { checks: { moduleLevelDirective: false } }, // React's hints to servers mean nothing here
  },
  worker: { format: 'es' },
  plugins: [precompress],
}
