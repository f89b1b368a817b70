"""Money is Decimal dollars, never float, and never finer than a cent."""

from decimal import Decimal


def in_cents(amount: Decimal) -> bool:
    """True when *amount* has no more than two digits behind the point that count."""
    return amount * 100 == (amount * 100).to_integral_value()


def dollars(amount: Decimal) -> str:
    """*amount* as people read it: `$51,000.00`."""
    return f"${amount:,.2f}"
