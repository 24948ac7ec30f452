"""Engines: a text and a voice in, sound out.

- `account`: what an ElevenLabs account has: models, voices, credits
- `child`: a program that an engine has work for it
- `choice`: the engine that the settings ask for
- `credits`: what speaking costs, and the budget
- `elevenlabs`: the voices of elevenlabs.io
- `engine`: what every engine is
- `flite`: flite(1), the engine that is always there
- `http`: requests to a speech service, bounded in every way
- `kokoro`: Kokoro-82M, the engine that sounds like people
- `openai`: any server with OpenAI's interface
- `phonemes`: a text as Kokoro takes it
- `refusals`: what an answer without sound means
- `secret`: the key of a network engine
- `spool`: sound on the disk until all of a passage is there
- `wav`: the header of a WAV file
- `weights`: the files of Kokoro-82M
"""
