// What the playground opens with, a tab each, in the order of the file names. GraphiQL shows a tab's variables when
// the tab is chosen, and not those of the tab it opens with: the first example must do without.
const day = (from) => `${new Date(Date.now() + from * 86_400_000).toISOString().slice(0, 10)}T00:00:00Z`

// Moments are made when the page is opened, so that what lies ahead or behind stays there.
const variables = {
  './examples/4-assign-until.graphql': { expiresAt: day(30) },
  './examples/5-who-held-it-then.graphql': { then: day(-182) },
}

const queries = import.meta.glob('./examples/*.graphql', { query: '?raw', import: 'default', eager: true })

export const examples = Object.entries(queries).map(([file, query]) => ({
  query,
  variables: variables[file] && JSON.stringify(variables[file], null, 2),
}))
