"""`python -m netsparse` is `netsparse`."""

from netsparse.cli.main import main

if __name__ == "__main__":
    main()
