// Whom the page speaks for. An API token comes in the address (`#token=…`, which browsers send to nobody) or is
// pasted; it is kept as long as the browser's own tab, and goes out in the Authorization header of our requests alone.
const KEY = 'roster:token'

// Wherever it stands in what was pasted: the address that was printed will do. RFC 6750, 2.1, has what may follow.
const TOKEN = /rst_[\w.~+/-]+=*/

let session = { token: sessionStorage.getItem(KEY), isRefused: false }
const listeners = new Set()

function become(token, isRefused) {
  if (token) sessionStorage.setItem(KEY, token)
  else sessionStorage.removeItem(KEY)
  session = { token, isRefused }
  listeners.forEach((listener) => listener())
}

export const current = () => session

export function subscribe(listener) {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function signIn(text) {
  const token = text.match(TOKEN)?.[0] ?? null
  become(token, !token)
}

export const signOut = () => become(null, false)

// Whoever writes an Authorization header under Headers means that one.
export async function authorizedFetch(url, init) {
  const { token } = session
  const headers = new Headers(init.headers)
  const isOurs = token && !headers.has('Authorization')
  if (isOurs) headers.set('Authorization', `Bearer ${token}`)
  const response = await fetch(url, { ...init, headers })
  if (isOurs && response.status === 401 && token === session.token) become(null, true)
  return response
}

// What the server calls us, signed in or not; undefined if it does not say.
export async function whoAmI() {
  const response = await authorizedFetch('/graphql', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      query: 'query WhoAmI { viewer { actor { label } } }',
      operationName: 'WhoAmI',
    }),
  })
  return (await response.json()).data?.viewer?.actor?.label
}

function takeFromAddress() {
  const { hash, pathname, search } = location
  if (!hash.startsWith('#token=')) return
  history.replaceState(history.state, '', pathname + search)
  signIn(hash)
}

takeFromAddress()
addEventListener('hashchange', takeFromAddress)
