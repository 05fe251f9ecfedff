"""What is looked for in text besides what models find: rules, one idea a file, and how they are run."""
