"""Evidence: what an audit entry is, and the hash chain that ties entries together. Imports no framework, no SQL."""
