"""What a round of refusals that name nobody leads to, judged by itself (SPEC 6.5)."""

from datetime import UTC, datetime

from xmit_pipeline.delivery.divisions import ROUNDS, Decision, Divisions
from xmit_pipeline.delivery.posting import Posted
from xmit_pipeline.delivery.window import Envelope
from xmit_pipeline.model.outcomes import Consequence, Outcome, Verdict

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def posted(ids: str, outcome: Outcome) -> Posted:
    return Posted(Envelope(f"r-{ids}", "step", "sender", list(ids), [], [], [], b""), outcome, None, NOW)


def refused(ids: str, words: str = "No.") -> Posted:
    return posted(ids, Outcome(Verdict.REFUSED, Consequence.DIVIDE, words))


def taken(ids: str) -> Posted:
    return posted(ids, Outcome(Verdict.ACCEPTED))


def given_back(ids: str) -> Posted:
    return posted(ids, Outcome(Verdict.NOT_SENT, words="objected"))


def unanswered(ids: str) -> Posted:
    return posted(ids, Outcome(Verdict.PERHAPS))


def divisions(*, taken_lately: bool = True) -> Divisions:
    return Divisions(lambda _: taken_lately)


def asked_singly(judge: Divisions) -> list[str]:
    """Refuse a request and both its halves; who speaks for the step then."""
    judge.after([refused("abcdefghij")])
    return witnesses(judge.after([refused("abcde"), refused("fghij")]))


def witnesses(decision: Decision) -> list[str]:
    return ["".join(part.message_ids) for part in decision.parts]


def test_three_with_the_same_words_hold_the_step():
    judge = divisions()
    asked = asked_singly(judge)
    assert judge.after([refused(each) for each in asked]).held == [("step", "No.")]


def test_three_with_different_words_hold_nothing():
    """They are about three people: the next time others are asked."""
    judge = divisions()
    first = asked_singly(judge)
    assert judge.after([refused(each, f"Not {each}.") for each in first]) == Decision()
    assert set(asked_singly(judge)).isdisjoint(first)


def test_words_that_never_agree_hold_in_the_end():
    """Nothing was ever taken: SendGrid is not asked for ever."""
    judge = divisions()
    for _ in range(ROUNDS - 1):
        assert not judge.after([refused(each, f"Not {each}.") for each in asked_singly(judge)]).held
    assert judge.after([refused(each, f"Not {each}.") for each in asked_singly(judge)]).held


def test_one_judged_of_three_speaks_for_nobody():
    judge = divisions()
    first, second, third = asked_singly(judge)
    assert judge.after([refused(first), given_back(second), unanswered(third)]) == Decision()


def test_half_a_pair_speaks_for_nobody():
    judge = divisions()
    judge.after([refused("ab")])
    assert judge.after([refused("a"), given_back("b")]) == Decision()


def test_what_was_taken_beside_a_stop_counts():
    """429 ends the round; the half that was taken has proved the step, and one refused later is that person."""
    judge = divisions(taken_lately=False)
    judge.after([refused("abcdefgh")])
    assert judge.after([taken("abcd"), refused("efgh")], go_on=False) == Decision()
    assert judge.after([refused("e")]).failed == [("e", "No.")]


def test_a_stop_forgets_what_was_asked():
    """After the wait the first lone refusal is judged anew."""
    judge = divisions()
    judge.after([refused("abcdefgh")])
    judge.after([given_back("abcd"), given_back("efgh")], go_on=False)
    assert judge.after([refused("a")]).failed == [("a", "No.")]
