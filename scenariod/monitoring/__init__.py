"""What people and programs see of the daemon: journal, service manager, status.

- `counts`: how many files became what, and in words
- `journal`: journal entries and their MESSAGE_IDs
- `notify`: sd_notify: what the service manager is told
- `status`: the status record, its one line, and asking for it
- `status_socket`: the socket at which the daemon answers with its status
"""
