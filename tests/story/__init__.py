"""The story of one directory, a chapter a module. tests/api/test_story.py tells it."""
