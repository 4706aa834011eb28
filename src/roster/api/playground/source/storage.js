import { signOut } from './session.js'

// Where GraphiQL keeps what. Tabs last as long as the browser's own tab: a reload finds them again, two windows do
// not write over each other, and the next visit opens with the examples of that day and version. What was run is in
// the history, which is kept for good, as are the theme and the layout.
const passing = new Set(['graphiql:tabState', 'graphiql:query', 'graphiql:variables'])
const of = (key) => (passing.has(key) ? sessionStorage : localStorage)

export const storage = {
  getItem: (key) => of(key).getItem(key),
  setItem: (key, value) => of(key).setItem(key, value),
  removeItem: (key) => of(key).removeItem(key),
  clear: () => {
    sessionStorage.clear()
    localStorage.clear()
    signOut()
  },
  get length() {
    return sessionStorage.length + localStorage.length
  },
}
