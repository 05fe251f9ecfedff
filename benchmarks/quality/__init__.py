"""The quality service's figures beside its peers', one file an area; `__main__.py` runs them."""
