"""SQLAlchemy's statements, run on libpq: compiled once, sent in pipelines, rows read by psycopg's own loaders.

It does what SQLAlchemy's engine does for the statements of this package, at a fraction of the cost for each.
"""
