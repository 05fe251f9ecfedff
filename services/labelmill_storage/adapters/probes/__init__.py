"""Libraries that read hostile files, in processes of their own."""
