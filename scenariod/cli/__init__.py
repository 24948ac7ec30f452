"""The command scenariodctl: what each command answers, for programs and for people.

A module a subject, loaded when its command is asked for: on a small machine the library, the
backups and whatever else a command does not need take longer to load than its answer.

- `answer`: an answer: a document for programs and lines for people, or a stream
- `backups`: `backups`: list, verify, prune
- `commands`: the table of commands
- `config`: `config check`
- `explain`: `explain`
- `exporting`: `export`
- `failed`: `failed`, and what `status` shows of failed/
- `history`: `history`, `diff`
- `importing`: `import`
- `library`: `list`, `show`, `library verify`
- `main`: the command `scenariodctl`: arguments, printing, errors
- `memory`: `memory`
- `memory_advice`: what recorded peaks say of the memory limit
- `places`: the places where a dropped file is
- `play`: `play`
- `preview`: what a restore or an undo would change: shown, and asked for
- `report`: `report`
- `restore`: `restore`
- `retry`: `retry`
- `status`: `status` of a daemon that answers
- `stopped`: `status` where none answers
- `terminal`: a question and a progress line for the person at the terminal
- `undo`: `undo`
- `voices`: `voices`, `characters`, `cast`, `cost`
"""
