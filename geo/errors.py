"""What a rule of the domain says when it says no; defined at the bottom of the house."""

from bureau.errors import Refused as Refused
