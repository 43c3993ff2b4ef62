"""Evidence: audit entries and the hash chain that links them. Imports no framework, no SQL."""
