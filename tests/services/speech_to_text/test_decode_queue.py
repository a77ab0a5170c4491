"""What is decoded first, and what is dropped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.services.speech_to_text.decode_queue import DecodeQueue, Job, Urgency
from app.services.speech_to_text.segmenter import Guess


def job(stream: str, urgency: Urgency) -> Job:
    return Job(stream, urgency, Guess(0, 256, 0), b"", lambda _: None)


def test_finals_go_first_then_likely_finals_then_interims() -> None:
    queue = DecodeQueue()
    for urgency in (Urgency.INTERIM, Urgency.LIKELY_FINAL, Urgency.FINAL):
        queue.put(job(urgency.name, urgency))
    assert [queue.take().stream for _ in range(3)] == ["FINAL", "LIKELY_FINAL", "INTERIM"]


def test_the_oldest_of_a_kind_goes_first() -> None:
    queue = DecodeQueue()
    first, second = job("a", Urgency.FINAL), job("b", Urgency.FINAL)
    queue.put(first)
    queue.put(second)
    assert queue.take() is first


def test_a_guess_that_became_final_overtakes() -> None:
    queue = DecodeQueue()
    other, guess = job("a", Urgency.LIKELY_FINAL), job("b", Urgency.LIKELY_FINAL)
    queue.put(other)
    queue.put(guess)
    guess.urgency = Urgency.FINAL
    assert queue.take() is guess


def test_a_newer_guess_takes_the_place_of_its_streams_waiting_one() -> None:
    queue = DecodeQueue()
    old, other, new = job("a", Urgency.INTERIM), job("b", Urgency.INTERIM), job("a", Urgency.LIKELY_FINAL)
    queue.put(old)
    queue.put(other)
    assert queue.put(new) is old
    assert old.shed
    assert [queue.take(), queue.take()] == [new, other]


def test_a_final_takes_the_place_of_its_streams_waiting_guess() -> None:
    queue = DecodeQueue()
    guess, other, final = job("a", Urgency.INTERIM), job("b", Urgency.INTERIM), job("a", Urgency.FINAL)
    queue.put(guess)
    queue.put(other)
    assert queue.put(final) is guess
    assert guess.shed
    assert [queue.take(), queue.take()] == [final, other]


def test_a_full_queue_drops_a_guess_and_keeps_the_finals() -> None:
    queue = DecodeQueue(capacity=2)
    guess, finals = job("b", Urgency.INTERIM), [job("a", Urgency.FINAL) for _ in range(2)]
    queue.put(finals[0])
    queue.put(guess)
    assert queue.put(finals[1]) is guess
    assert queue.put(job("b", Urgency.INTERIM)) not in finals
    assert [queue.take(), queue.take()] == finals


def test_a_stream_that_is_gone_wants_nothing() -> None:
    queue = DecodeQueue()
    stays = job("b", Urgency.INTERIM)
    queue.put(job("a", Urgency.FINAL))
    queue.put(stays)
    queue.discard("a")
    assert len(queue) == 1
    assert queue.take() is stays


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(Urgency))), st.integers(1, 8))
def test_every_job_is_either_taken_or_shed_and_the_bound_holds(
    puts: list[tuple[str, Urgency]], capacity: int
) -> None:
    queue = DecodeQueue(capacity)
    jobs = [job(stream, urgency) for stream, urgency in puts]
    for each in jobs:
        victim = queue.put(each)
        assert victim is None or victim.shed
        assert len(queue) <= capacity
    taken = [queue.take() for _ in range(len(queue))]
    assert [each.urgency for each in taken] == sorted(each.urgency for each in taken)
    assert {each for each in jobs if not each.shed} == set(taken)
