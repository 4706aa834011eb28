// The token leaves the address before anything else is loaded: the rest of the page is long in coming.
import './session.js'

import('./main.jsx')
