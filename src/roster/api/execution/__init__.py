"""Running operations well: a general mechanism behind Strawberry's schema, which knows no noun of it.

`documents` reads each text once, and `operations` finds out once what one of it takes and selects. `plans` writes, for
what a selection asks of a type, Python functions that complete values (`values` has what they do for single ones), and
`executor` runs them and loads relations level by level; whatever they do not cover, and whatever raises, graphql-core
does as ever, but that nothing is cancelled (`settling`). `arguments` coerces what a text gives a field, and `calls` calls
the field's resolver with it, which `lookahead` tells what is selected below. `fields` is what a schema says of its
fields and types.
"""

from roster.api.execution.documents import Documents
from roster.api.execution.executor import execute
from roster.api.execution.fields import batched, resolves_on
from roster.api.execution.lookahead import asks_below

__all__ = ["Documents", "asks_below", "batched", "execute", "resolves_on"]
