"""Voices: three MP3 files of every scenario, made once the inbox is empty.

- `engines`: what turns a text into sound
- `sentences`: cut a text where a pause is natural
"""
