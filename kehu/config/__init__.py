"""Composition only: nothing here decides anything."""
