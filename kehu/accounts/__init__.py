"""Signing in: sessions, links that set a password, the second factor, and the log of all that. allauth is behind one door: adapters.py."""
