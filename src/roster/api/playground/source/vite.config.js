import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const outDir = '../static'

// Assets are compressed here, once and as hard as possible, so that serving one is reading a file.
const precompress = {
  name: 'precompress',
  closeBundle() {
    for (const name of readdirSync(`${outDir}/assets`)) {
      const path = `${outDir}/assets/${name}`
      writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }))
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
    rolldownOptions: {
      checks: { moduleLevelDirective: false }, // React's hints to servers mean nothing here
      output: {
        codeSplitting: {
          groups: [
            // Apart from what is ours, so that an edited example changes the name of a small asset, not of every one.
            { name: 'vendor', test: /node_modules.(?!monaco-|prettier)/ },
            // Apart from all else, or start.js would load that to load anything.
            { name: 'preload', test: /vite\/preload-helper/, priority: 1 },
          ],
        },
      },
    },
  },
  worker: { format: 'es' },
  plugins: [precompress],
}
