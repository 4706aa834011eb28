"""Everything that a GraphQL client can see. Nothing here decides."""
