"""Voices: three MP3 files of every scenario, made once the inbox is empty.

- `aliases`: decide which names are one person's
- `authors`: find who wrote a text
- `casting`: decide which voice every character has
- `characters`: decide who speaks which words of a text
- `director`: the supervisor's half of a speaker's run
- `engines`: what turns a text into sound
- `folder`: voices/ as the supervisor keeps it
- `genders`: decide whether a character is spoken of as a woman or as a man
- `id3`: what an MP3 file says of itself
- `labels`: find labels, whatever they name
- `mp3`: sound in, a tagged file out; and whether a file is whole
- `people`: the words by which a label is known to be a person
- `reading`: what a text is once its speakers are known
- `recital`: speak one scenario after the other
- `rules`: what the settings mean
- `script`: what is said in each file, and by whom
- `sentences`: cut a text where a pause is natural
- `setbacks`: the scenarios at which an engine gave up
- `sound`: put what is spoken together, with pauses
- `speakable`: turn what somebody wrote into words that can be read aloud
- `speaker`: the limited process that speaks
- `speakers`: decide which labels name somebody who speaks
- `story`: what is spoken of a scenario, as it is written
- `turns`: cut a text at the changes of speaker
- `words`: what is written with digits, signs and capitals, as it is said
"""
