"""Labels that are probably wrong, items that are nearly the same, outliers: what a model gives reason to look at."""
