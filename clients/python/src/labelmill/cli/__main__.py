"""`python -m labelmill.cli`."""

from labelmill.cli.main import main

if __name__ == "__main__":
    main()
