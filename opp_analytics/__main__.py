"""``python -m opp_analytics`` is the command line."""

from opp_analytics.cli import main

if __name__ == "__main__":
    main()
