"""Storage: raw data in, clean data out, and nothing passes from RAW to CLEAN without a receipt."""
