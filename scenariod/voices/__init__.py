"""Voices: three MP3 files of every scenario, made once the inbox is empty.

- `characters`: decide who speaks which words of a text
- `engines`: what turns a text into sound
- `reading`: what a text is once its speakers are known
- `sentences`: cut a text where a pause is natural
- `story`: what is spoken of a scenario, as it is written
"""
