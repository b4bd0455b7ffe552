"""What sending takes in money, in words, by the prices in a campaign's file; "" where it has none."""

from __future__ import annotations

from mmsd.codec import sms
from mmsd.rules.settings import SendingSettings


def of_seeds(n: int, sending: SendingSettings) -> str:
    """Of `n` multimedia messages.

    >>> of_seeds(1500, SendingSettings(price=0.3)), of_seeds(1500, SendingSettings())
    ('450.00 CNY', '')
    """
    return _words(n * sending.price, sending) if sending.price else ""


def of_sms(text: str, n: int, sending: SendingSettings) -> str:
    """Of `n` times this SMS; a long one is several.

    >>> of_sms("Hello", 3, SendingSettings(sms_price=0.05)), of_sms("您" * 71, 1000, SendingSettings(sms_price=0.05))
    ('0.15 CNY', '100.00 CNY')
    """
    return _words(n * len(sms.compose(text, 0)) * sending.sms_price, sending) if sending.sms_price else ""


def _words(amount: float, sending: SendingSettings) -> str:
    return f"{amount:,.2f} {sending.currency}".rstrip()
