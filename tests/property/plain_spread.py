"""Who was kept waiting goes on in order, evenly over a window (SPEC 2), in plain Python."""

from datetime import datetime, timedelta

from tests.property.plain_words import Enrollment


def spread(
    people: list[tuple[Enrollment, datetime]],
    window: timedelta,
    now: datetime,
    *,
    only_late: bool = False,
) -> None:
    """Evenly in original order; who still waits of an earlier spread keeps the spacing and goes first.

    Those between without a rest are spread evenly beside them. After downtime alone the first that still waits
    goes at once.
    """
    queue = sorted(people, key=lambda each: (each[0].due, each[0].id))
    left = [each.bump - since if each.bump and each.bump > since else None for each, since in queue]
    waiting = [place for place, rest in enumerate(left) if rest is not None]
    ahead = waiting[-1] + 1 if waiting else 0
    unfinished = [rest for rest in left if rest is not None]
    forgiven = min(unfinished, default=timedelta(0)) if only_late else timedelta(0)
    begin = max(unfinished, default=timedelta(0)) - forgiven
    behind = len(queue) - ahead
    amid = [place for place, rest in enumerate(left[:ahead]) if rest is None]
    for place, (each, _) in enumerate(queue):
        rest = left[place]
        if place in amid:
            each.bump = now + amid.index(place) * window // len(amid)
        elif rest is not None:
            each.bump = now + max(rest - forgiven, timedelta(0))
        else:
            turn = place - ahead + (1 if waiting else 0)
            each.bump = now + begin + turn * window // behind
