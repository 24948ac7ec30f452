"""Engines: a text and a voice in, sound out.

- `child`: a program that an engine has work for it
- `engine`: what every engine is
- `flite`: flite(1), the engine that is always there
"""
