// Writes THIRD_PARTY.txt: the licence texts of every package the playground may carry code of.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'

// These come without a licence file, from the repository (or the author) of the package named beside them.
const sibling = {
  '@graphiql/plugin-doc-explorer': '@graphiql/react',
  '@graphiql/plugin-history': '@graphiql/react',
  'react-compiler-runtime': 'react',
  'react-remove-scroll-bar': 'react-remove-scroll',
}

const texts = (path) =>
  readdirSync(path)
    .filter((file) => /^(licen[cs]e|copyright|third-?party-?notices)/i.test(file))
    .map((file) => readFileSync(`${path}/${file}`, 'utf8').replaceAll('\r\n', '\n').trim())

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'))
const packagesByText = new Map()
for (const [path, { dev, version, license }] of Object.entries(packages)) {
  if (path === '' || dev) continue
  const name = path.split('node_modules/').at(-1)
  const found = texts(sibling[name] ? `node_modules/${sibling[name]}` : path)
  if (found.length === 0) throw new Error(`${path} has no licence file: name its sibling above`)
  const text = found.join('\n\n')
  packagesByText.set(text, [...(packagesByText.get(text) ?? []), `${name} ${version} (${license})`])
}

const rule = '='.repeat(80)
const sections = [...packagesByText].map(([text, names]) => `${rule}\n${names.join('\n')}\n${rule}\n\n${text}\n`)
writeFileSync('../static/THIRD_PARTY.txt', `The playground contains code of these packages.\n\n${sections.join('\n')}`)
