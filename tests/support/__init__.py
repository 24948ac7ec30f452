"""What the tests are made with: root folders, processes, documents, kill points."""
