"""Roles as a GraphQL client sees them."""
