"""Kehu: a company's written procedures, running."""

__version__ = "0.1.0"
