import '@graphiql/react/style.css'
import '@graphiql/plugin-doc-explorer/style.css'
import '@graphiql/plugin-history/style.css'
import 'graphiql/graphiql.css'

import { createGraphiQLFetcher } from '@graphiql/toolkit'
import { GraphiQL } from 'graphiql'
import EditorWorker from 'monaco-editor/esm/vs/editor/editor.worker.js?worker'
import JsonWorker from 'monaco-editor/esm/vs/language/json/json.worker.js?worker'
import GraphQLWorker from 'monaco-graphql/esm/graphql.worker.js?worker'
import { createRoot } from 'react-dom/client'

import { examples } from './examples.js'
import { authorizedFetch } from './session.js'
import { SignIn } from './signin.jsx'
import { storage } from './storage.js'
import { FollowSystem } from './theme.jsx'

// GraphiQL's own setup does the same, and logs a line to the console for each worker.
const workers = { json: JsonWorker, graphql: GraphQLWorker }
globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new (workers[label] ?? EditorWorker)(),
}

// Roster answers in one piece; plain requests ask for the GraphQL-over-HTTP media type.
const fetcher = createGraphiQLFetcher({
  url: '/graphql',
  fetch: authorizedFetch,
  enableIncrementalDelivery: false,
})

createRoot(document.getElementById('root')).render(
  <GraphiQL
    fetcher={fetcher}
    storage={storage}
    defaultTabs={examples}
    defaultEditorToolsVisibility="variables"
  >
    <GraphiQL.Logo>
      <SignIn />
      Roster
    </GraphiQL.Logo>
    <FollowSystem />
  </GraphiQL>,
)
