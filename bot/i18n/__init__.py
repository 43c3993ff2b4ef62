"""One TOML file for each language."""
