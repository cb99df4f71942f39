"""How sending can fail. The text says why, for those who look after the channel."""


class Refused(Exception):
    """This one will never be taken: the address does not exist, the text is not accepted."""


class Needless(Exception):
    """Nobody needs this one any more: what it speaks of is over."""


class NotNow(Exception):
    """This one later (a full mailbox); the channel works, and the others go on."""


class Broken(Exception):
    """The channel does not work now; whoever is behind this one waits with it."""


class Lost(Broken):
    """It broke off on the way: this one may have arrived."""


class Unopened(Broken):
    """The channel could not even be opened: no message has been tried, and none counts an attempt."""
