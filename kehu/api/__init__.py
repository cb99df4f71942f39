"""The API's door: /api/v1. One module a noun; each parses, asks who and when, calls one action or question, and answers in JSON.

`door.py` says who asks; `problems.py` how a refusal is told; `writing.py` that a write happens once; `v1.py` puts it together.
"""
