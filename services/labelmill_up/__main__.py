"""`python -m labelmill_up`."""

from labelmill_up.main import main

if __name__ == "__main__":  # worker processes import this module under another name
    raise SystemExit(main())
