"""Nouns: frozen values and ports. Standard library only, no effects."""
