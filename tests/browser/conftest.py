"""Without the extra `browser` nothing here can be collected; `pytest -m browser` then fails, as it finds no test."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("playwright") else ["*"]
