"""What the feeds declare to show (evidence table §1, feed coverage): outside of it a missing line is no absence.

A feed shows everything of its kind unless it declares less. What it shows beyond what it declares is used like any other line; what it
does not show there proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Network = tuple[int, int]
"""First and last address, IPv4 as a number."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One feed's. `None`: all there is."""

    family: str  # mmsc, sms, gateway, sessions, sgsn
    apns: frozenset[int] | None = None  # access points, hashed as records hold them: of sessions, and of a gateway's clients
    ggsns: frozenset[int] | None = None  # whose sessions
    links: frozenset[bytes] | None = None  # SMSC links, as the log names them
    networks: tuple[Network, ...] | None = None  # a gateway's clients
    part: bool = False  # only some of even that


@dataclass(frozen=True, slots=True)
class Scopes:
    """All feeds' together.

    >>> one, both = Scope("sessions", apns=frozenset({7}), ggsns=frozenset({1})), frozenset({1, 2})
    >>> Scopes((one,), both).sessions_on(frozenset({7})), Scopes((one,)).sessions_on(frozenset({7}))
    (False, True)
    >>> Scopes((one, Scope("sessions", ggsns=frozenset({2}))), both).sessions_on(frozenset({7}))
    True
    """

    feeds: tuple[Scope, ...] = ()
    ggsns: frozenset[int] = frozenset()  # all that the operator has; empty: those that the feeds name

    def _of(self, family: str) -> Iterable[Scope]:
        return (scope for scope in self.feeds if scope.family == family and not scope.part)

    def _partly(self, family: str) -> bool:
        return any(scope.family == family for scope in self.feeds)

    @property
    def every_session(self) -> bool:
        """Whether sessions of every access point are shown, on every GGSN."""
        shown = self._session_apns()
        return bool(shown) and all(None in apns for apns in shown)

    def sessions_on(self, apns: frozenset[int]) -> bool:
        """Whether all sessions on these access points are shown, whichever GGSN they are on."""
        return all(None in each or (bool(apns) and apns <= each) for each in self._session_apns())

    def _session_apns(self) -> list[set[int | None]]:
        """Access points shown (None: all) on each GGSN there is, and on one that nobody names (0) where a feed shows all there are."""
        scopes = list(self._of("sessions"))
        named = self.ggsns or {ggsn for scope in scopes for ggsn in (scope.ggsns if scope.ggsns is not None else (0,))}
        shown: list[set[int | None]] = []
        for ggsn in named or (0,):
            here = [scope for scope in scopes if scope.ggsns is None or ggsn in scope.ggsns]
            shown.append({apn for scope in here for apn in (scope.apns if scope.apns is not None else (None,))})
        return shown if self._partly("sessions") else []

    def ggsn(self, ggsn: int) -> bool:
        """Whether some feed shows the sessions of this GGSN; 0: it is not told."""
        return not ggsn or not self._partly("sessions") or any(s.ggsns is None or ggsn in s.ggsns for s in self._of("sessions"))

    @property
    def every_link(self) -> bool:
        """Whether pushes over any SMSC link are shown."""
        return not self._partly("sms") or any(scope.links is None for scope in self._of("sms"))

    def link(self, name: bytes) -> bool:
        """Whether some feed shows what goes over this SMSC link."""
        return self.every_link or any(scope.links is not None and name in scope.links for scope in self._of("sms"))

    def gateway(self, apns: frozenset[int], clients: Iterable[tuple[int, int]]) -> bool:
        """Whether some feed shows what a subscriber asks for: from these access points all, or from each (access point, address) he had."""
        scopes = list(self._of("gateway"))
        if not self._partly("gateway") or any(scope.apns is None and scope.networks is None for scope in scopes):
            return True
        shown = frozenset().union(*(scope.apns for scope in scopes if scope.apns is not None and scope.networks is None))
        if apns and apns <= shown:
            return True
        had = list(clients)
        return bool(had) and all(any(_serves(scope, apn, address) for scope in scopes) for apn, address in had)


def _serves(scope: Scope, apn: int, address: int) -> bool:
    within = scope.networks is None or any(first <= address <= last for first, last in scope.networks)
    return within and (scope.apns is None or apn in scope.apns)
