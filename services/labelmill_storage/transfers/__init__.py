"""Contents on their way in and out."""
