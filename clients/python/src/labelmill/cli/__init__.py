"""The command line: `labelmill --help`."""
