"""The demo bureau: a cast, a ground made from any city's streets, past weeks and people on now.

cast, ground, roster, past and live are pure; people, places, duty and load write; delivery and
server speak HTTP. `ACCOUNTS` is the one list of who can sign in.
"""

from patrols.demo.cast import ACCOUNTS, PASSWORD

__all__ = ["ACCOUNTS", "PASSWORD"]
