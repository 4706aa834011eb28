// As in "Quick Start", "Loaders" and "Plugin options" (jit) of Mercurius' documentation, on node-postgres.
import Fastify from "fastify"
import mercurius from "mercurius"
import { loaders, resolvers } from "./resolvers.js"
import { schema } from "./schema.js"

const app = Fastify()
app.register(mercurius, { schema, resolvers, loaders, jit: 1, graphiql: false })
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" })
