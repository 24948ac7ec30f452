"""What everything else stands on: errors, settings, files, locks.

Knows no scenario, no batch and no backup.

- `arguments`: the command line of both programs: whole names, no empty values
- `causes`: what is behind an error of the system, and the command that helps
- `clock`: the wall clock, in UTC
- `config`: `scenariod.toml` and the command line to checked settings
- `config_file`: the configuration file on the disk: its encoding, and its TOML
- `durable`: put a file in place so that a power cut leaves the old or the new one
- `errors`: every error a user can meet, and the table of exit codes
- `faults`: faults of the environment, and their words: what, where, and the cure
- `killpoint`: the named points at which a test can kill or stop a process
- `libc`: functions of the C library that Python has no name for
- `loading`: loading many modules at once
- `lock`: a lock between processes
- `mounts`: on which file system a folder is, and whether that reports changes
- `names`: which file names are scenarios, their order, and printing them safely
- `owner`: whom root becomes: the user who owns the root folder
- `process`: signals and limits that a process inherited
- `root`: the root folder: its folders and its lock
- `safe_open`: open a file only if it is a regular one
- `settings`: what a setting may be, and the check of a document
- `streams`: standard streams that are closed, full or broken
- `units`: units of memory and files
- `value`: immutable records of named fields, light to load
"""
