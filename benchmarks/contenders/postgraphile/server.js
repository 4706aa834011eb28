// As in "Using PostGraphile as a Library", with Node's own HTTP server.
import { createServer } from "node:http"
import { grafserv } from "postgraphile/grafserv/node"
import { postgraphile } from "postgraphile"
import preset from "./graphile.config.js"

const serv = postgraphile(preset).createServ(grafserv)
const server = createServer()
await serv.addTo(server)
server.listen(preset.grafserv.port, preset.grafserv.host)
