"""The receivers of a spec, as what sends to them."""

from __future__ import annotations

from connectors.notifier import Mirror, Notifier, NotifyError
from engine.errors import SpecError
from engine.specnotify import Notify, Receiver


def edges(notify: Notify) -> tuple[dict[str, Notifier], dict[str, Mirror]]:
    """What takes messages, and what is shown which alerts there are; SpecError if one can't be made."""
    shown = {name: each for name, each in notify.receivers.items() if each.alertmanager is not None}
    mirrors = {name: mirror(each) for name, each in shown.items()}
    notifiers = {name: notifier(name, each) for name, each in notify.receivers.items() if name not in shown}
    return notifiers, mirrors


def notifier(name: str, receiver: Receiver) -> Notifier:
    """A receiver that takes messages."""
    seconds = receiver.timeout / 1000
    if receiver.webhook is not None:
        from connectors.webhook import Webhook

        return Webhook(receiver.webhook, receiver.secret, receiver.headers, seconds)
    from connectors.apprised import Apprised

    try:
        return Apprised(receiver.address, seconds)
    except NotifyError as exc:
        raise SpecError(f"notify.receivers.{name}: {exc}") from exc


def mirror(receiver: Receiver) -> Mirror:
    """A receiver that is shown which alerts there are."""
    from connectors.alertmanager import Alertmanager

    return Alertmanager(receiver.address, receiver.headers, receiver.timeout / 1000)
