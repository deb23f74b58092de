"""How boldly a tick posts: whom one outcome keeps from the wire (SPEC 6.5, 6.6)."""

from xmit_pipeline.delivery.brake import POSTS_AT_A_TIME, UNANSWERED_IN_A_ROW, Brake
from xmit_pipeline.model.outcomes import Consequence, Outcome, Verdict

REFUSED = Outcome(Verdict.REFUSED, Consequence.DIVIDE, "Bad.")
UNKNOWN = Outcome(Verdict.PERHAPS, words="no answer")


def test_a_refused_step_is_kept_from_the_wire():
    brake = Brake()
    brake.feel(REFUSED, "step", "sender")
    assert brake.admit("step", "sender") == "Bad."
    assert brake.admit("other step", "sender") is None


def test_every_part_of_a_division_is_asked():
    """Both halves, and all three single ones: the first that is refused does not speak for the others."""
    brake = Brake(dividing=True)
    brake.feel(REFUSED, "step", "sender")
    assert brake.admit("step", "sender") is None


def test_one_unknown_fate_ends_a_probe():
    brake = Brake(probing=True)
    brake.feel(UNKNOWN, "step", "sender")
    assert brake.stopped is not None


def test_an_answer_ends_the_probing():
    brake = Brake(probing=True)
    brake.feel(Outcome(Verdict.ACCEPTED), "step", "sender")
    brake.feel(UNKNOWN, "step", "sender")
    assert brake.stopped is None


def test_what_was_on_the_wire_does_not_speak_for_what_comes():
    """Seven of eight are taken after one of unknown fate: they left before it. SPEC 6.6: no more than the wire held."""
    brake = Brake()
    taken = Outcome(Verdict.ACCEPTED)
    brake.feel(taken, "step", "sender")
    assert [brake.admit("step", "sender") for _ in range(POSTS_AT_A_TIME)] == [None] * POSTS_AT_A_TIME
    for outcome in (UNKNOWN, *[taken] * 6):
        brake.feel(outcome, "step", "sender")
        brake.leave()
    assert brake.at_a_time == UNANSWERED_IN_A_ROW
    brake.feel(taken, "step", "sender")
    brake.feel(taken, "step", "sender")
    assert brake.at_a_time == POSTS_AT_A_TIME
