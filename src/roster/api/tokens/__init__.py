"""API tokens as a GraphQL client sees them."""
