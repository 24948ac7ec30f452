"""Engines: a text and a voice in, sound out.

- `engine`: what every engine is
"""
