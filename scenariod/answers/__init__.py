"""What each command of scenariodctl answers: a document for programs, lines for people.

One module a subject, loaded when its command is asked for: on a small machine the library, the
backups and what else a command has no need of take longer to load than its answer. commands.py has
the table of commands.
"""
