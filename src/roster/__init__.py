"""Roster: a directory of users and roles behind one GraphQL API."""

__version__ = "0.1.0"
