"""Makes ``python -m services`` the same as ``wardwatch``."""

from services.cli import main

if __name__ == "__main__":
    main()
